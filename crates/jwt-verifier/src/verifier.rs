use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use core_domain::Clock;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use tokens::{Claims, MAX_TOKEN_LEN, Rejection, TokenVerifier, VerifyTokenError};

use crate::claims::{Expected, RawClaims};
use crate::fetch::JwksSource;
use crate::header::KeyHint;
use crate::key_cache::KeyCache;
use crate::{FetchError, InvalidOptions, JwtOptions, KeySource};

/// Verifies JSON Web Tokens.
pub struct JwtVerifier {
    keys: Keys,
    expected: Expected,
    clock: Arc<dyn Clock>,
}

enum Keys {
    Secret(DecodingKey),
    Set(KeyCache),
}

impl fmt::Debug for JwtVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtVerifier").field("expected", &self.expected).finish_non_exhaustive()
    }
}

impl JwtVerifier {
    /// A verifier without keys, if they come from a set: they are fetched at the first use, or by [`load`](Self::load).
    pub fn new(options: JwtOptions, clock: Arc<dyn Clock>) -> Result<Self, InvalidOptions> {
        let JwtOptions { keys, issuer, audience, leeway } = options;
        if leeway > JwtOptions::MAX_LEEWAY {
            return Err(InvalidOptions::Leeway);
        }
        let set = |source| Keys::Set(KeyCache::new(source, Arc::clone(&clock)));
        let keys = match keys {
            KeySource::Secret(secret) => Keys::Secret(DecodingKey::from_secret(secret.expose())),
            KeySource::JwksFile(path) => set(JwksSource::File(path)),
            KeySource::JwksUrl(url) => set(JwksSource::at(url)?),
        };
        Ok(Self { keys, expected: Expected { issuer, audience, leeway }, clock })
    }

    /// Fetches the key set, if that is where the keys come from.
    ///
    /// For the start: a file that can't be read should stop it, an issuer that is down should not.
    pub async fn load(&self) -> Result<(), FetchError> {
        match &self.keys {
            Keys::Secret(_) => Ok(()),
            Keys::Set(cache) => cache.load().await,
        }
    }

    fn check(&self, token: &str, algorithm: Algorithm, key: &DecodingKey) -> Result<Claims, Rejection> {
        let raw = decode::<RawClaims>(token, key, &signature_alone(algorithm)).map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => Rejection::Signature,
            ErrorKind::InvalidAlgorithm => Rejection::Algorithm,
            _ => Rejection::Malformed,
        })?;
        self.expected.check(&raw.claims, self.clock.now())
    }
}

#[async_trait]
impl TokenVerifier for JwtVerifier {
    async fn verify(&self, token: &str) -> Result<Claims, VerifyTokenError> {
        if token.len() > MAX_TOKEN_LEN {
            return Err(VerifyTokenError::Rejected(Rejection::Malformed));
        }
        let hint = KeyHint::read(token).map_err(VerifyTokenError::Rejected)?;
        let outcome = match &self.keys {
            Keys::Secret(secret) => self.check(token, Algorithm::HS256, secret),
            Keys::Set(cache) => {
                let found = cache.find(&hint).await?;
                self.check(token, found.algorithm, &found.key)
            }
        };
        outcome.map_err(VerifyTokenError::Rejected)
    }
}

/// The library's own checks of claims ask the machine for the time, and take a claim of the wrong form for an absent
/// one. They are off, all of them, and [`Expected::check`] does their work.
fn signature_alone(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}
