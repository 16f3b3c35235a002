use std::error::Error;
use std::sync::Arc;

use core_domain::{BoxError, StorageError};

/// Why a token opens nothing. Callers are told one thing for all; this is for logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Not three parts of readable text, or longer than [`MAX_TOKEN_LEN`](crate::MAX_TOKEN_LEN).
    #[error("malformed")]
    Malformed,
    /// It asks for an algorithm that its key is not for.
    #[error("wrong algorithm")]
    Algorithm,
    /// It is some other thing than an access token, or demands an extension of its format.
    #[error("wrong kind of token")]
    Kind,
    /// It names a key that there is not, or none where there are several.
    #[error("unknown key")]
    UnknownKey,
    /// The signature is not the key's over this content.
    #[error("wrong signature")]
    Signature,
    /// A claim is absent, or not of the form it must have.
    #[error("missing or unreadable claim {0}")]
    Claim(&'static str),
    /// Past its expiry.
    #[error("expired")]
    Expired,
    /// Before its beginning.
    #[error("not valid yet")]
    NotYetValid,
    /// Not from the configured issuer.
    #[error("wrong issuer")]
    Issuer,
    /// Made for another service.
    #[error("wrong audience")]
    Audience,
    /// Its subject is no account.
    #[error("unknown account")]
    UnknownAccount,
}

/// Why a token was not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyTokenError {
    /// The token is to be refused.
    #[error("{0}")]
    Rejected(Rejection),
    /// There are no keys to verify it with: nothing is known about the token.
    #[error("the keys to verify tokens with are not available")]
    KeysUnavailable(#[source] BoxError),
}

/// Why nobody was authenticated.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AuthenticateError {
    /// The token opens nothing.
    #[error("token rejected: {0}")]
    Rejected(Rejection),
    /// There are no keys to verify it with: nothing is known about the token.
    #[error("the keys to verify tokens with are not available")]
    KeysUnavailable(#[source] Arc<dyn Error + Send + Sync>),
    /// The store failed.
    #[error(transparent)]
    Storage(Arc<StorageError>),
}

impl From<VerifyTokenError> for AuthenticateError {
    fn from(error: VerifyTokenError) -> Self {
        match error {
            VerifyTokenError::Rejected(reason) => Self::Rejected(reason),
            VerifyTokenError::KeysUnavailable(source) => Self::KeysUnavailable(Arc::from(source)),
        }
    }
}

impl From<StorageError> for AuthenticateError {
    fn from(error: StorageError) -> Self {
        Self::Storage(Arc::new(error))
    }
}
