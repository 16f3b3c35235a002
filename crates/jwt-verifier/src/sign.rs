use core_domain::{ScopeSet, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use tokens::Subject;

use crate::Hs256Secret;

/// What a new token is to say.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Whose it is.
    pub subject: Subject,
    /// What it may do.
    pub scopes: ScopeSet,
    /// The issuer that the verifier expects.
    pub issuer: Option<String>,
    /// The audience that the verifier expects.
    pub audience: Option<String>,
    /// When it is made; whole seconds, rounded down.
    pub issued_at: Timestamp,
    /// When it ends; whole seconds, rounded down.
    pub expires_at: Timestamp,
}

/// A token could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the token can't be signed")]
pub struct SignError(#[source] jsonwebtoken::errors::Error);

/// Signs a token with the secret. For development: it makes whoever holds the secret anyone.
pub fn sign_hs256(secret: &Hs256Secret, token: &NewToken) -> Result<String, SignError> {
    #[derive(Serialize)]
    struct Payload<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        iss: Option<&'a str>,
        sub: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        aud: Option<&'a str>,
        exp: i64,
        iat: i64,
        scope: String,
    }
    let payload = Payload {
        iss: token.issuer.as_deref(),
        sub: token.subject.to_string(),
        aud: token.audience.as_deref(),
        exp: token.expires_at.as_unix_seconds(),
        iat: token.issued_at.as_unix_seconds(),
        scope: token.scopes.to_string(),
    };
    encode(&Header::new(Algorithm::HS256), &payload, &EncodingKey::from_secret(secret.expose())).map_err(SignError)
}
