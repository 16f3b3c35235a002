use std::fmt;
use std::sync::Arc;

use core_domain::{Tier, Timestamp};

use crate::{Allowance, Period};

/// A feature's name for programs: `[a-z][a-z0-9_]*`, at most 64 characters. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeatureKey(Arc<str>);

/// A text that is no feature key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a feature key begins with a lower-case letter and has at most 64 lower-case letters, digits and underscores")]
pub struct InvalidFeatureKey;

impl FeatureKey {
    /// The longest key, in bytes.
    pub const MAX_LEN: usize = 64;

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for FeatureKey {
    type Error = InvalidFeatureKey;

    fn try_from(text: &str) -> Result<Self, InvalidFeatureKey> {
        let begins_well = text.starts_with(|first: char| first.is_ascii_lowercase());
        let is_plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if begins_well && is_plain && text.len() <= Self::MAX_LEN {
            Ok(Self(text.into()))
        } else {
            Err(InvalidFeatureKey)
        }
    }
}

impl fmt::Display for FeatureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of thing a feature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There or not.
    Boolean,
    /// A stock, which can fall again.
    Level,
    /// A count that only grows within its period.
    Metered(Reset),
}

/// When a metered feature begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// With each calendar month, UTC.
    Monthly,
    /// With each day, UTC.
    Daily,
    /// Not at all.
    Never,
}

/// What happens beyond the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overage {
    /// Nothing is recorded.
    Refuse,
    /// It is recorded all the same.
    Allow,
}

/// One feature of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Its name for programs.
    pub key: FeatureKey,
    /// Its name for people, in the singular: "Post".
    pub label: String,
    /// What it is.
    pub kind: Kind,
    /// What its numbers count, such as `bytes`.
    pub unit: Option<String>,
    /// What happens beyond the limit.
    pub overage: Overage,
    /// What each tier gives, in the order of [`Tier::ALL`](core_domain::WireWord::ALL).
    pub(crate) by_tier: [Allowance; 6],
}

impl Feature {
    /// What `tier` gives.
    pub fn in_tier(&self, tier: Tier) -> Allowance {
        self.by_tier[tier as usize]
    }

    /// The period that `now` is in. A stock has one, which never ends.
    pub fn period_at(&self, now: Timestamp) -> Period {
        match self.kind {
            Kind::Boolean | Kind::Level => Period::ALWAYS,
            Kind::Metered(reset) => Period::of(reset, now),
        }
    }

    /// Whether it has a number.
    pub fn is_counted(&self) -> bool {
        self.kind != Kind::Boolean
    }

    /// Whether it can fall again.
    pub fn is_level(&self) -> bool {
        self.kind == Kind::Level
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_one_form() {
        for key in ["posts", "api_calls", "a1", &"a".repeat(64)] {
            assert!(FeatureKey::try_from(key).is_ok(), "{key}");
        }
        for text in ["", "Posts", "1a", "_a", "a-b", "a b", "pösts", &"a".repeat(65)] {
            assert!(FeatureKey::try_from(text).is_err(), "{text}");
        }
    }
}
