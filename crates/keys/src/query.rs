use core_domain::{Environment, ListQuery, Order, Sort, Tier, TimeRange, Timestamp, WireWord};

use crate::{ApiKey, KeyStatus};

/// A list of a workspace's keys, as asked for.
pub type KeyQuery = ListQuery<KeyFilter, KeySort>;

/// Which keys a list shows. Every part narrows it. Account-level keys are never listed with a workspace's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Of this status; without one, all but the revoked.
    pub status: Option<KeyStatus>,
    /// Of this environment.
    pub environment: Option<Environment>,
    /// Whose rate limit is that of a tier.
    pub rate_limit_tier: Option<TierFilter>,
    /// Made in this time.
    pub created: TimeRange,
    /// Last changed in this time.
    pub updated: TimeRange,
    /// With this text, lower-cased, in name or prefix.
    pub search: Option<String>,
}

/// The stored tiers that come out as one effective tier in a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierFilter {
    /// Whether keys without a tier of their own belong to it.
    pub unset: bool,
    /// The stored tiers that belong to it.
    pub stored: Vec<Tier>,
}

impl TierFilter {
    /// The keys whose effective tier is `wanted` in a workspace of tier `ceiling`.
    pub fn effective(wanted: Tier, ceiling: Tier) -> Self {
        let stored = Tier::ALL.iter().copied().filter(|tier| (*tier).min(ceiling) == wanted).collect();
        Self { unset: wanted == ceiling, stored }
    }
}

impl KeyFilter {
    /// Whether the list shows all keys but the revoked.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the list shows `key` at `now`. The stores do the same in SQL; this is their model.
    pub fn matches(&self, key: &ApiKey, now: Timestamp) -> bool {
        let status = key.status(now);
        self.status.map_or(status != KeyStatus::Revoked, |wanted| wanted == status)
            && self.environment.is_none_or(|wanted| wanted == key.environment)
            && self
                .rate_limit_tier
                .as_ref()
                .is_none_or(|wanted| key.rate_limit_tier.map_or(wanted.unset, |tier| wanted.stored.contains(&tier)))
            && self.created.contains(key.created_at)
            && self.updated.contains(key.updated_at)
            && self.search.as_ref().is_none_or(|text| key.search_text().contains(text))
    }
}

/// What a list of keys can be sorted by. Texts sort by code point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is its wire word below")]
pub enum KeySort {
    CreatedAt,
    Id,
    Name,
    LastUsedAt,
    ExpiresAt,
}

core_domain::wire_words!(KeySort {
    CreatedAt = "created_at",
    Id = "id",
    Name = "name",
    LastUsedAt = "last_used_at",
    ExpiresAt = "expires_at",
});

impl KeySort {
    /// The order of a list that asks for none.
    pub const DEFAULT: Sort<Self> = Sort { field: Self::CreatedAt, order: Order::Descending };
}
