use core_domain::{Realm, Timestamp};

use crate::FeatureKey;

/// The largest count: the largest integer that every JSON reader holds exactly, 2^53 - 1.
pub const MAX_COUNT: u64 = (1 << 53) - 1;

/// Which counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CounterId {
    /// Where.
    pub place: Realm,
    /// Of what.
    pub feature: FeatureKey,
    /// The period's first moment.
    pub period_start: Timestamp,
}

/// A counter as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counter {
    /// How much is used, at most [`MAX_COUNT`].
    pub used: u64,
    /// How much is held by reservations that have not ended.
    pub held: u64,
    /// What was announced in this period.
    pub announced: Announced,
}

/// Which of the two events of a period were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Announced {
    /// None.
    #[default]
    Nothing,
    /// That 80 % are used.
    Warning,
    /// That all is used, and so the warning as well.
    Reached,
}

impl Announced {
    /// As stored: 0, 1, 2.
    pub fn as_number(self) -> i16 {
        self as i16
    }

    /// What a stored number stands for.
    pub fn from_number(number: i16) -> Option<Self> {
        [Self::Nothing, Self::Warning, Self::Reached].into_iter().find(|announced| announced.as_number() == number)
    }
}

/// How much, at least 1 and at most [`MAX_COUNT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(u64);

/// A number that is no quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the quantity must be between 1 and 9007199254740991")]
pub struct InvalidQuantity;

impl Quantity {
    /// One.
    pub const ONE: Self = Self(1);

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = InvalidQuantity;

    fn try_from(number: i64) -> Result<Self, InvalidQuantity> {
        match u64::try_from(number) {
            Ok(number) if (1..=MAX_COUNT).contains(&number) => Ok(Self(number)),
            _ => Err(InvalidQuantity),
        }
    }
}

/// What is to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// So much more is used.
    Use(Quantity),
    /// So much of a stock is free again; never more than was used.
    Free(Quantity),
}
