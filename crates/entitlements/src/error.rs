use core_domain::StorageError;

use crate::{LimitedStock, ReservationStatus};

/// Why nothing was recorded or held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The tier does not have the feature.
    #[error("the tier does not include this feature")]
    NotIncluded,
    /// It would pass the limit.
    #[error("the limit of this feature is reached")]
    LimitReached,
    /// The count would be larger than [`MAX_COUNT`](crate::MAX_COUNT).
    #[error("the count would pass 9007199254740991")]
    TooMuch,
}

/// Why usage was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum UseError {
    /// There is no such workspace.
    #[error("no such workspace")]
    NoWorkspace,
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why nothing was reserved.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// There is no such workspace.
    #[error("no such workspace")]
    NoWorkspace,
    /// The limit or the tier.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a reservation was not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// There is no such reservation here.
    #[error("no such reservation")]
    NotFound,
    /// It holds nothing any more.
    #[error("the reservation is {0}")]
    NotHeld(ReservationStatus),
    /// What goes beyond the hold passes the limit. The hold stays.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a reservation was not released.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// There is no such reservation here.
    #[error("no such reservation")]
    NotFound,
    /// It holds nothing any more.
    #[error("the reservation is {0}")]
    NotHeld(ReservationStatus),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why one more of what the service counts itself was not made.
#[derive(Debug, thiserror::Error)]
pub enum StockError {
    /// There is no such workspace.
    #[error("no such workspace")]
    NoWorkspace,
    /// The workspace has as many as its tier gives.
    #[error("the limit of {0:?} is reached")]
    LimitReached(LimitedStock),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why an override was not set.
#[derive(Debug, thiserror::Error)]
pub enum OverrideError {
    /// There is no such workspace.
    #[error("no such workspace")]
    NoWorkspace,
    /// It would have ended before it began.
    #[error("an override must end in the future")]
    EndInPast,
    /// A boolean feature has no number to add to.
    #[error("a boolean feature can only be given without a number")]
    NoNumber,
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
