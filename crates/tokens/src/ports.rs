use async_trait::async_trait;
use core_domain::{AccountId, StorageError, Tier};

use crate::{Claims, Subject, VerifyTokenError};

/// Checks signed tokens.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait TokenVerifier: Send + Sync {
    /// The claims of a token that is genuine, for this service, and in force now.
    ///
    /// The key and the algorithm MUST be the verifier's own choice, never the token's. A text longer than
    /// [`MAX_TOKEN_LEN`](crate::MAX_TOKEN_LEN) MUST be refused unread.
    ///
    /// # Errors
    /// [`VerifyTokenError::Rejected`] for a token that is to be refused. [`VerifyTokenError::KeysUnavailable`] when
    /// nothing can be said about any token; never for a reason that the token itself can give.
    async fn verify(&self, token: &str) -> Result<Claims, VerifyTokenError>;
}

/// An account, as far as its tokens need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownAccount {
    /// Its id.
    pub id: AccountId,
    /// The highest tier of the workspaces it belongs to; [`Tier::Free`] without any.
    pub ceiling: Tier,
}

/// Which accounts there are.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AccountDirectory: Send + Sync {
    /// The account that a token names. Deleted workspaces MUST NOT count for its ceiling. One query.
    async fn find_account(&self, subject: &Subject) -> Result<Option<KnownAccount>, StorageError>;
}
