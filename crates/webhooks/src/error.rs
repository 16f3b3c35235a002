use core_domain::StorageError;

use crate::policy::CannotRetry;
use crate::url_policy::RefusedUrl;

/// Why a webhook was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeWebhookError {
    /// The caller's workspace has no such webhook.
    #[error("no such webhook")]
    NotFound,
    /// Nothing may be sent there.
    #[error(transparent)]
    Url(#[from] RefusedUrl),
    /// A secret can't be encrypted or decrypted.
    #[error(transparent)]
    Secret(#[from] crate::UnreadableSecret),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a delivery was not queued again.
#[derive(Debug, thiserror::Error)]
pub enum RetryDeliveryError {
    /// The caller's workspace has no such webhook, or the webhook no such delivery.
    #[error("no such delivery")]
    NotFound,
    /// It stands where it can't be tried again.
    #[error(transparent)]
    CannotRetry(#[from] CannotRetry),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
