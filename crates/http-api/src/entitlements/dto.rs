use core_domain::{Tier, Timestamp, WireWord as _};
use entitlements::{
    Allowance, Change, DayUsage, Extra, Feature, FeatureKey, HoldFor, Kind, LineOfStanding, Metadata, Override,
    Percentage, Quantity, Recorded, Refusal, Reservation, ReserveFeature, SetOverride, Settlement, UsageRow,
    UseFeature, decide,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use validator::Validate;

use super::refusals::Refusals;
use crate::extract::{Body, not_null};
use crate::list::Selectable;
use crate::workspaces::TierWord;
use crate::{ApiError, FieldErrors};

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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<'a> CheckView<'a> {
    pub(super) fn new(
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

/// What was recorded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecordedUsage)]
pub(crate) struct UsageView<'a> {
    recorded: bool,
    feature: &'a str,
    /// With it.
    current_usage: u64,
    /// Null: without limit.
    #[schema(required)]
    limit: Option<u64>,
}

impl<'a> UsageView<'a> {
    pub(super) fn new(feature: &'a FeatureKey, recorded: Recorded) -> Self {
        Self { recorded: true, feature: feature.as_str(), current_usage: recorded.used, limit: recorded.limit }
    }
}

/// Usage to be recorded.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecordUsage)]
pub(crate) struct UsageBody {
    #[validate(required(message = "The feature field is required."))]
    #[schema(required = true, nullable = false, example = "api_calls")]
    pub(super) feature: Option<String>,
    /// 1 when not given. Below 0 it frees so much of a level feature, which ends at 0.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = i64, required = false, minimum = -9_007_199_254_740_991_i64, maximum = 9_007_199_254_740_991_i64, default = 1, example = 1)]
    quantity: Option<i64>,
    /// Kept with the record; at most 4 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
}

impl Body for UsageBody {}

impl UsageBody {
    pub(super) fn into_command(self, feature: &Feature) -> Result<UseFeature, ApiError> {
        let mut errors = FieldErrors::default();
        let change = match self.quantity.unwrap_or(1) {
            freed if freed < 0 && feature.is_level() => {
                errors.keep("quantity", Quantity::try_from(freed.saturating_neg())).map(Change::Free)
            }
            freed if freed < 0 => {
                errors.add("quantity", "The quantity must be at least 1: only a level feature can be freed.");
                None
            }
            used => errors.keep("quantity", Quantity::try_from(used)).map(Change::Use),
        };
        let metadata = read_metadata(&mut errors, self.metadata.as_ref());
        errors.into_result()?;
        Ok(UseFeature { change: change.unwrap_or(Change::Use(Quantity::ONE)), metadata })
    }
}

fn read_metadata(errors: &mut FieldErrors, object: Option<&Map<String, Value>>) -> Option<Metadata> {
    object.and_then(|object| errors.keep("metadata", Metadata::try_from(object)))
}

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
    pub(super) fn new(
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

/// One record. With `fields`, only those and `id` are present.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageRecord)]
pub(crate) struct RecordView {
    #[schema(minimum = 1)]
    id: i64,
    #[schema(required = false)]
    feature: String,
    /// Below 0 for what was freed.
    #[schema(required = false)]
    quantity: i64,
    /// How much was used after it.
    #[schema(required = false)]
    current_usage: u64,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// The reservation that was confirmed by it.
    reservation_id: Option<i64>,
    #[schema(required = false, value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl Selectable for RecordView {
    const FIELDS: &'static [&'static str] =
        &["id", "feature", "quantity", "current_usage", "metadata", "reservation_id", "created_at"];
    const INCLUDES: &'static [&'static str] = &[];
}

impl From<&UsageRow> for RecordView {
    fn from(row: &UsageRow) -> Self {
        Self {
            id: row.id,
            feature: row.feature.to_string(),
            quantity: row.quantity,
            current_usage: row.balance,
            metadata: row.metadata.as_ref().map(Metadata::to_value),
            reservation_id: row.reservation_id.map(entitlements::ReservationId::get),
            created_at: row.created_at,
        }
    }
}

/// What one day did to one feature.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageDay)]
pub(crate) struct DayView {
    /// UTC.
    #[schema(format = Date, example = "2026-01-15")]
    date: String,
    feature: String,
    /// How much was used that day.
    used: u64,
    /// How much of a level was freed that day.
    freed: u64,
    /// How many records there are of that day.
    records: u64,
    /// The counter after the last of them.
    current_usage: u64,
}

impl From<&DayUsage> for DayView {
    fn from(day: &DayUsage) -> Self {
        Self {
            date: day.day.to_string().chars().take(10).collect(),
            feature: day.feature.to_string(),
            used: day.used,
            freed: day.freed,
            records: day.records,
            current_usage: day.balance,
        }
    }
}

/// A quantity that is held.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reservation)]
pub(crate) struct ReservationView {
    #[schema(minimum = 1)]
    id: i64,
    feature: String,
    quantity: u64,
    #[schema(value_type = ReservationStatusWord)]
    status: &'static str,
    /// How much was used in the end.
    #[schema(required)]
    confirmed_quantity: Option<u64>,
    #[schema(required, value_type = Option<Object>)]
    metadata: Option<Value>,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    settled_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// Where a reservation stands.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "documents the wire words")]
pub(crate) enum ReservationStatusWord {
    Held,
    Confirmed,
    Released,
    Expired,
}

impl ReservationView {
    pub(super) fn new(reservation: &Reservation, now: Timestamp) -> Self {
        Self {
            id: reservation.id.get(),
            feature: reservation.counter.feature.to_string(),
            quantity: reservation.quantity.get(),
            status: reservation.status(now).as_str(),
            confirmed_quantity: match reservation.settled {
                Some((Settlement::Confirmed(actual), _)) => Some(actual),
                _ => None,
            },
            metadata: reservation.metadata.as_ref().map(Metadata::to_value),
            expires_at: reservation.expires_at,
            settled_at: reservation.settled.map(|(_, at)| at),
            created_at: reservation.created_at,
        }
    }
}

/// A reservation that has become usage.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConfirmedReservation)]
pub(crate) struct ConfirmedView {
    #[serde(flatten)]
    reservation: ReservationView,
    /// With it.
    current_usage: u64,
    /// Null: without limit.
    #[schema(required)]
    limit: Option<u64>,
}

impl ConfirmedView {
    pub(super) fn new(reservation: &Reservation, recorded: Recorded, now: Timestamp) -> Self {
        let reservation = ReservationView::new(reservation, now);
        Self { reservation, current_usage: recorded.used, limit: recorded.limit }
    }
}

/// A quantity to be held.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CreateReservation)]
pub(crate) struct ReservationBody {
    #[validate(required(message = "The feature field is required."))]
    #[schema(required = true, nullable = false, example = "api_calls")]
    pub(super) feature: Option<String>,
    /// 1 when not given.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = i64, required = false, minimum = 1, maximum = 9_007_199_254_740_991_i64, default = 1)]
    quantity: Option<i64>,
    /// How long it is held.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = i64, required = false, minimum = 1, maximum = 86_400, default = 900)]
    expires_in: Option<i64>,
    /// Kept with it, and with the record that it becomes; at most 4 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
}

impl Body for ReservationBody {}

impl ReservationBody {
    pub(super) fn into_command(self) -> Result<ReserveFeature, ApiError> {
        let mut errors = FieldErrors::default();
        let quantity = errors.keep("quantity", Quantity::try_from(self.quantity.unwrap_or(1)));
        let hold_for =
            self.expires_in.map_or(Some(HoldFor::default()), |span| errors.keep("expires_in", HoldFor::try_from(span)));
        let metadata = read_metadata(&mut errors, self.metadata.as_ref());
        errors.into_result()?;
        let (quantity, hold_for) = (quantity.unwrap_or(Quantity::ONE), hold_for.unwrap_or_default());
        Ok(ReserveFeature { quantity, hold_for, metadata })
    }
}

/// How much was used in the end.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConfirmReservation)]
pub(crate) struct ConfirmBody {
    /// All that is held when not given; 0 uses nothing. Beyond what is held, it must be within the limit.
    #[serde(default, deserialize_with = "not_null")]
    #[validate(range(
        min = 0,
        max = 9_007_199_254_740_991_i64,
        message = "The quantity must be between 0 and 9007199254740991."
    ))]
    #[schema(value_type = i64, required = false, minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    quantity: Option<i64>,
}

impl Body for ConfirmBody {
    const IS_OPTIONAL: bool = true;
}

impl ConfirmBody {
    pub(super) fn actual(&self) -> Option<u64> {
        self.quantity.map(i64::unsigned_abs)
    }
}

/// What the operator gives one workspace beside its tier.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Override)]
pub(crate) struct OverrideView {
    feature: String,
    /// How many more than the tier gives; null: without limit.
    #[schema(required)]
    extra: Option<u64>,
    unlimited: bool,
    /// Null: it does not end.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    ends_at: Option<Timestamp>,
    /// Whether it counts now.
    is_in_force: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl OverrideView {
    pub(super) fn new(set: &Override, now: Timestamp) -> Self {
        let extra = match set.extra {
            Extra::Amount(amount) => Some(amount),
            Extra::Unlimited => None,
        };
        Self {
            feature: set.feature.to_string(),
            extra,
            unlimited: extra.is_none(),
            ends_at: set.ends_at,
            is_in_force: set.ends_at.is_none_or(|end| now < end),
            created_at: set.created_at,
        }
    }
}

/// An override to be set: `extra`, or `unlimited`.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SetOverride)]
pub(crate) struct OverrideBody {
    /// How many more than the tier gives.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = i64, required = false, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 500)]
    extra: Option<i64>,
    /// True: without limit; for a boolean feature, that it is there.
    #[serde(default)]
    unlimited: bool,
    /// In the future; null: it does not end.
    #[schema(format = DateTime)]
    ends_at: Option<String>,
}

impl Body for OverrideBody {}

impl OverrideBody {
    pub(super) fn into_command(self) -> Result<SetOverride, ApiError> {
        let mut errors = FieldErrors::default();
        let extra = match (self.extra, self.unlimited) {
            (None, true) => Some(Extra::Unlimited),
            (Some(amount), false) => errors
                .keep(
                    "extra",
                    Quantity::try_from(amount).map_err(|_| "the extra must be between 1 and 9007199254740991"),
                )
                .map(|amount| Extra::Amount(amount.get())),
            _ => {
                errors.add("extra", "Give either extra or unlimited.");
                None
            }
        };
        let ends_at = self.ends_at.and_then(|text| errors.keep("ends_at", Timestamp::parse(&text)));
        errors.into_result()?;
        Ok(SetOverride { extra: extra.unwrap_or(Extra::Unlimited), ends_at })
    }
}
