use core_domain::{Timestamp, WireWord as _};
use entitlements::{Feature, LineOfStanding, Quantity, Refusal, decide};
use serde::Serialize;
use utoipa::ToSchema;

use super::is_zero;
use crate::entitlements::refusals::Refusals;

/// Whether so much of a feature can be used. It promises nothing: another may use it first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EntitlementCheck)]
pub(crate) struct CheckView<'a> {
    allowed: bool,
    feature: &'a str,
    /// When it is not allowed: `LIMIT_EXCEEDED`, or `FEATURE_NOT_INCLUDED` where the tier does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    message: Option<String>,
    current_usage: u64,
    /// Null: without limit.
    #[schema(required)]
    limit: Option<u64>,
    /// What is neither used nor held by reservations; null: without limit.
    #[schema(required)]
    available: Option<u64>,
    /// What reservations hold, if they hold any.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    reserved: u64,
    /// True where it is allowed although it passes the limit.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    overage: bool,
    /// When a metered feature begins anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, format = DateTime)]
    reset_at: Option<Timestamp>,
    /// Where more can be had, when it is not allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    upgrade_url: Option<&'a str>,
}

impl<'a> CheckView<'a> {
    pub(in crate::entitlements) fn new(
        feature: &'a Feature,
        line: &LineOfStanding,
        quantity: Quantity,
        now: Timestamp,
        refusals: &'a Refusals,
    ) -> Self {
        let allowance = line.terms.allow(feature, now);
        let counter = &line.counter;
        let checked = decide::check(counter, allowance, feature.overage, quantity);
        let limit = allowance.limit();
        let tier = line.terms.tier.as_str();
        Self {
            allowed: checked.refusal.is_none(),
            feature: feature.key.as_str(),
            reason: checked.refusal.map(|refusal| match refusal {
                Refusal::NotIncluded => "FEATURE_NOT_INCLUDED",
                Refusal::LimitReached | Refusal::TooMuch => "LIMIT_EXCEEDED",
            }),
            message: checked.refusal.map(|refusal| Refusals::sentence(feature, refusal, counter.used, limit, tier)),
            current_usage: counter.used,
            limit,
            available: checked.available,
            reserved: counter.held,
            overage: checked.refusal.is_none() && checked.available.is_some_and(|left| quantity.get() > left),
            reset_at: feature.period_at(now).end,
            upgrade_url: checked.refusal.and(refusals.upgrade_url()),
        }
    }
}
