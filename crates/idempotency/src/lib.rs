#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod answer;
mod claim;
mod fingerprint;
mod key;
mod ports;
mod seal;

pub use answer::RecordedAnswer;
pub use claim::{Claim, RecordId, Requester, Subject};
pub use fingerprint::Fingerprint;
pub use key::{IdempotencyKey, InvalidIdempotencyKey};
pub use ports::{Claimed, IdempotencyRepository, IdempotencyTx, StoredRecord};
pub use seal::{Sealer, Unreadable};

#[cfg(feature = "mocks")]
pub use ports::MockIdempotencyRepository;

use std::time::Duration;

/// How long a record is kept, from the moment its request was answered.
pub const RETENTION: Duration = Duration::from_hours(24);
