//! A verifier, and tokens that it lets through unless a test spoils them.

use std::sync::Arc;

use core_domain::Clock;
use jwt_verifier::{Hs256Secret, JwtOptions, JwtVerifier, KeySource};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use testkit::ManualClock;
use tokens::{Claims, Rejection, TokenVerifier, VerifyTokenError};

use crate::keys::SECRET;

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const AUDIENCE: &str = "core-api";

/// A verifier and the clock it reads.
pub(crate) struct Stage {
    pub(crate) verifier: JwtVerifier,
    pub(crate) clock: Arc<ManualClock>,
    _file: Option<NamedTempFile>,
}

pub(crate) fn options(keys: KeySource) -> JwtOptions {
    JwtOptions { issuer: Some(ISSUER.to_owned()), audience: Some(AUDIENCE.to_owned()), ..JwtOptions::new(keys) }
}

pub(crate) fn secret(bytes: &[u8]) -> KeySource {
    KeySource::Secret(Hs256Secret::new(bytes.to_vec()).unwrap())
}

pub(crate) fn jwks(keys: &[Value]) -> String {
    json!({"keys": keys}).to_string()
}

impl Stage {
    pub(crate) fn new(options: JwtOptions) -> Self {
        let clock = Arc::new(ManualClock::default());
        Self { verifier: JwtVerifier::new(options, clock.clone()).unwrap(), clock, _file: None }
    }

    pub(crate) fn with_secret() -> Self {
        Self::new(options(secret(SECRET)))
    }

    /// A verifier that takes its keys from a file.
    pub(crate) fn with_keys(keys: &[Value]) -> Self {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), jwks(keys)).unwrap();
        let stage = Self::new(options(KeySource::JwksFile(file.path().to_owned())));
        Self { _file: Some(file), ..stage }
    }

    /// Claims that are good for an hour.
    pub(crate) fn claims(&self) -> Value {
        let now = self.clock.now().as_unix_seconds();
        json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "42",
            "scope": "posts:read workspaces:read",
            "iat": now,
            "nbf": now,
            "exp": now + 3_600,
        })
    }

    /// The same with one claim changed, or taken out by a `null`.
    pub(crate) fn claims_with(&self, claim: &str, value: Value) -> Value {
        let mut claims = self.claims();
        let all = claims.as_object_mut().unwrap();
        if value.is_null() {
            all.remove(claim);
        } else {
            all.insert(claim.to_owned(), value);
        }
        claims
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<Claims, VerifyTokenError> {
        self.verifier.verify(token).await
    }

    /// Why the token is refused; `None` when it is good.
    pub(crate) async fn rejection(&self, token: &str) -> Option<Rejection> {
        match self.verify(token).await {
            Ok(_) => None,
            Err(VerifyTokenError::Rejected(reason)) => Some(reason),
            Err(error) => panic!("{error}"),
        }
    }
}
