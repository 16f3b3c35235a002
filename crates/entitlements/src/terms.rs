use core_domain::{Tier, Timestamp, WorkspaceId};

use crate::{Feature, FeatureKey, MAX_COUNT};

/// How much of a feature there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// The feature is not there at all.
    NotIncluded,
    /// At most so many.
    Limit(u64),
    /// As many as anyone likes; a boolean feature that is there.
    Unlimited,
}

impl Allowance {
    /// The limit, where there is one.
    pub fn limit(self) -> Option<u64> {
        match self {
            Self::NotIncluded => Some(0),
            Self::Limit(limit) => Some(limit),
            Self::Unlimited => None,
        }
    }
}

/// What an override adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    /// So many more than the tier gives.
    Amount(u64),
    /// No limit; for a boolean feature, that it is there.
    Unlimited,
}

/// What the operator gives one workspace beside its tier. There is one for each feature; it holds in both environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// For whom.
    pub workspace_id: WorkspaceId,
    /// For what.
    pub feature: FeatureKey,
    /// What it adds.
    pub extra: Extra,
    /// From when on it counts no more; `None` for never.
    pub ends_at: Option<Timestamp>,
    /// When it was set.
    pub created_at: Timestamp,
}

/// What bounds a workspace: its tier, and what the operator adds for the feature in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The tier.
    pub tier: Tier,
    /// The override of the feature, in force or past.
    pub addition: Option<(Extra, Option<Timestamp>)>,
}

impl Terms {
    /// The tier's own terms.
    pub fn of(tier: Tier) -> Self {
        Self { tier, addition: None }
    }

    /// How much of the feature there is at `now`.
    pub fn allow(&self, feature: &Feature, now: Timestamp) -> Allowance {
        let tier = feature.in_tier(self.tier);
        let extra = match self.addition {
            Some((extra, ends_at)) if ends_at.is_none_or(|end| now < end) => extra,
            _ => return tier,
        };
        match (tier, extra) {
            (Allowance::Unlimited, _) | (_, Extra::Unlimited) => Allowance::Unlimited,
            (Allowance::NotIncluded, Extra::Amount(amount)) => Allowance::Limit(amount),
            (Allowance::Limit(limit), Extra::Amount(amount)) => {
                Allowance::Limit(limit.saturating_add(amount).min(MAX_COUNT))
            }
        }
    }
}
