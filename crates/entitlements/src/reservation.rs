use std::fmt;
use std::time::Duration;

use core_domain::{InvalidId, Timestamp};
use serde_json::{Map, Value};

use crate::{CounterId, Quantity};

/// One reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReservationId(i64);

impl ReservationId {
    /// The number itself, at least 1.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for ReservationId {
    type Error = InvalidId;

    fn try_from(value: i64) -> Result<Self, InvalidId> {
        if value >= 1 { Ok(Self(value)) } else { Err(InvalidId) }
    }
}

impl fmt::Display for ReservationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A quantity that is held until it is confirmed, released, or its time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Its id.
    pub id: ReservationId,
    /// What it is held against: the counter of the period in which it was made, also when it is confirmed later.
    pub counter: CounterId,
    /// How much is held.
    pub quantity: Quantity,
    /// The caller's own notes.
    pub metadata: Option<Metadata>,
    /// How it was settled, and when.
    pub settled: Option<(Settlement, Timestamp)>,
    /// From when on it holds nothing.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
}

/// How a reservation was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// So much was used in the end.
    Confirmed(u64),
    /// It was given back.
    Released,
}

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is its wire word below")]
pub enum ReservationStatus {
    Held,
    Confirmed,
    Released,
    Expired,
}

core_domain::wire_words!(ReservationStatus {
    Held = "held",
    Confirmed = "confirmed",
    Released = "released",
    Expired = "expired",
});

impl Reservation {
    /// Where it stands at `now`.
    pub fn status(&self, now: Timestamp) -> ReservationStatus {
        match self.settled {
            Some((Settlement::Confirmed(_), _)) => ReservationStatus::Confirmed,
            Some((Settlement::Released, _)) => ReservationStatus::Released,
            None if now < self.expires_at => ReservationStatus::Held,
            None => ReservationStatus::Expired,
        }
    }
}

/// How long a quantity is held: 1 second to 24 hours; 15 minutes when not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldFor(u32);

/// A time out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quantity is held for 1 to 86400 seconds")]
pub struct InvalidHold;

impl HoldFor {
    /// The longest, in seconds.
    pub const MAX_SECONDS: u32 = 86_400;

    pub(crate) fn span(self) -> Duration {
        Duration::from_secs(u64::from(self.0))
    }
}

impl TryFrom<i64> for HoldFor {
    type Error = InvalidHold;

    fn try_from(seconds: i64) -> Result<Self, InvalidHold> {
        match u32::try_from(seconds) {
            Ok(seconds) if (1..=Self::MAX_SECONDS).contains(&seconds) => Ok(Self(seconds)),
            _ => Err(InvalidHold),
        }
    }
}

impl Default for HoldFor {
    fn default() -> Self {
        Self(900)
    }
}

/// The caller's own notes beside a record: a JSON object, kept as text of at most 4 KiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata(String);

/// Notes that are too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the metadata must not be larger than 4096 bytes")]
pub struct InvalidMetadata;

impl Metadata {
    /// The longest, in bytes of JSON.
    pub const MAX_BYTES: usize = 4_096;

    /// As JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What was stored.
    ///
    /// # Errors
    /// The fault, when it is no JSON object.
    pub fn from_stored(text: String) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<Map<String, Value>>(&text).map(|_| Self(text))
    }

    /// As an object.
    pub fn to_value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl TryFrom<&Map<String, Value>> for Metadata {
    type Error = InvalidMetadata;

    fn try_from(object: &Map<String, Value>) -> Result<Self, InvalidMetadata> {
        match serde_json::to_string(object) {
            Ok(text) if text.len() <= Self::MAX_BYTES => Ok(Self(text)),
            _ => Err(InvalidMetadata),
        }
    }
}
