use core_domain::Timestamp;
use entitlements::{Extra, Override, Quantity, SetOverride};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::extract::{Body, not_null};
use crate::{ApiError, FieldErrors};

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
    pub(in crate::entitlements) fn new(set: &Override, now: Timestamp) -> Self {
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
    pub(in crate::entitlements) fn into_command(self) -> Result<SetOverride, ApiError> {
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
