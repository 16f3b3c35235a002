use entitlements::{Change, Feature, FeatureKey, Quantity, Recorded, UseFeature};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use validator::Validate;

use super::read_metadata;
use crate::extract::{Body, not_null};
use crate::{ApiError, FieldErrors};

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
    pub(in crate::entitlements) fn new(feature: &'a FeatureKey, recorded: Recorded) -> Self {
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
    pub(in crate::entitlements) feature: Option<String>,
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
    pub(in crate::entitlements) fn into_command(self, feature: &Feature) -> Result<UseFeature, ApiError> {
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
