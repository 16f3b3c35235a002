use core_domain::{Tier, Timestamp, WireWord as _};
use entitlements::{Allowance, Feature, Kind, LineOfStanding, Percentage, decide};
use serde::Serialize;
use utoipa::ToSchema;

use super::is_zero;
use crate::workspaces::TierWord;

/// A workspace's usage, feature by feature.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EntitlementSummary)]
pub(crate) struct SummaryView<'a> {
    workspace_id: i64,
    #[schema(value_type = TierWord)]
    tier: &'static str,
    /// By feature key, in the catalogue's order; only what the workspace has.
    #[schema(value_type = std::collections::BTreeMap<String, LineView>)]
    entitlements: Lines<'a>,
}

/// An object whose keys keep their order.
#[derive(Debug)]
struct Lines<'a>(Vec<(&'a str, LineView<'a>)>);

impl Serialize for Lines<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, line)| (key, line)))
    }
}

/// One feature.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EntitlementLine)]
pub(crate) struct LineView<'a> {
    used: u64,
    /// Null: without limit.
    #[schema(required)]
    limit: Option<u64>,
    #[schema(required)]
    available: Option<u64>,
    /// Of the limit, to two decimals; 0 without a limit.
    #[schema(value_type = f64)]
    percentage: Percentage,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, format = DateTime)]
    reset_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    unit: Option<&'a str>,
    /// What reservations hold, if they hold any.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    reserved: u64,
    /// True for a boolean feature, which has no number.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    enabled: bool,
}

impl<'a> SummaryView<'a> {
    pub(in crate::entitlements) fn new(
        workspace_id: i64,
        tier: Tier,
        features: &'a [Feature],
        lines: &[LineOfStanding],
        now: Timestamp,
    ) -> Self {
        let lines = features.iter().zip(lines).filter_map(|(feature, line)| {
            let allowance = line.terms.allow(feature, now);
            (allowance != Allowance::NotIncluded)
                .then(|| (feature.key.as_str(), LineView::new(feature, line, allowance, now)))
        });
        Self { workspace_id, tier: tier.as_str(), entitlements: Lines(lines.collect()) }
    }
}

impl<'a> LineView<'a> {
    fn new(feature: &'a Feature, line: &LineOfStanding, allowance: Allowance, now: Timestamp) -> Self {
        let limit = allowance.limit();
        Self {
            used: line.counter.used,
            limit,
            available: decide::available(&line.counter, allowance),
            percentage: Percentage::of(line.counter.used, limit),
            reset_at: feature.period_at(now).end,
            unit: feature.unit.as_deref(),
            reserved: line.counter.held,
            enabled: feature.kind == Kind::Boolean,
        }
    }
}
