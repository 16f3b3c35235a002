use std::sync::Arc;

use core_domain::StorageError;

use crate::GrantError;

/// Why a key was not issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueKeyError {
    /// The key would open more than its creator can.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// It would end before it begins.
    #[error("the expiry must be in the future")]
    ExpiryInPast,
    /// Its rate limit would be above its workspace's tier.
    #[error("the rate limit tier can't be above the workspace's tier")]
    TierAboveWorkspace,
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a key was not rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotateKeyError {
    /// The caller reaches no such key.
    #[error("no such key")]
    NotFound,
    /// It is rotating, revoked or expired, or another rotation was first.
    #[error("the key is rotating, revoked or expired")]
    NotActive,
    /// The new secret would open more than the caller can.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a key was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeKeyError {
    /// The caller reaches no such key, or it is revoked.
    #[error("no such key")]
    NotFound,
    /// The caller's role or environment does not allow it.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a secret opens nothing. Callers are told one thing for all; this is for logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Wrong shape or checksum.
    #[error("malformed")]
    Malformed,
    /// Nobody's, or of a deleted workspace.
    #[error("unknown")]
    Unknown,
    /// Past its expiry or grace period.
    #[error("expired")]
    Expired,
    /// Revoked.
    #[error("revoked")]
    Revoked,
}

/// Why nobody was authenticated.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AuthenticateError {
    /// The secret opens nothing.
    #[error("{0} key")]
    Rejected(Rejection),
    /// The key works, but not from the caller's address.
    #[error("the key is not allowed from this address")]
    AddressNotAllowed,
    /// The store failed. Shared, since callers of the same key at the same time share one look-up.
    #[error(transparent)]
    Storage(Arc<StorageError>),
}
