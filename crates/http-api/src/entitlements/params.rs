use core_domain::Timestamp;
use entitlements::{Feature, HistoryQuery, Quantity, UsageFilter, UsageQuery, UsageSort, day_of};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Entitlements;
use super::dto::RecordView;
use crate::extract::QueryReader;
use crate::list::Selection;
use crate::{ApiError, FieldErrors};

/// What is to be checked.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CheckParams {
    /// Feature key.
    #[param(required = true, nullable = false, example = "posts")]
    feature: Option<String>,
    /// How much; 1 when not given.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 9_007_199_254_740_991_i64, nullable = false)]
    quantity: Option<String>,
}

impl CheckParams {
    pub(super) fn read<'a>(&self, entitlements: &'a Entitlements) -> Result<(&'a Feature, Quantity), ApiError> {
        let name = self.feature.as_deref().unwrap_or_default();
        if name.is_empty() {
            return Err(ApiError::field("feature", "The feature parameter is required."));
        }
        let feature = entitlements.feature(name)?;
        let mut errors = FieldErrors::default();
        let quantity = self.quantity.as_deref().map_or(Some(Quantity::ONE), |text| {
            let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse::<i64>().ok().filter(|_| is_plain).unwrap_or(0);
            errors.keep("quantity", Quantity::try_from(number))
        });
        errors.into_result()?;
        Ok((feature, quantity.unwrap_or(Quantity::ONE)))
    }
}

/// What a list of records can be asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsageListParams {
    /// Page number, from 1.
    #[param(value_type = Option<u32>, minimum = 1, nullable = false)]
    page: Option<String>,
    /// Items per page, 1 to 100; 25 when not given.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, nullable = false)]
    per_page: Option<String>,
    /// `created_at`, or `-created_at` for the newest first, which is the default.
    #[param(nullable = false)]
    sort: Option<String>,
    /// Fields to answer with, comma-separated; `id` is always among them.
    #[param(nullable = false)]
    fields: Option<String>,
    /// Of this feature alone.
    #[param(nullable = false)]
    feature: Option<String>,
    /// Recorded at this moment or later (ISO 8601).
    #[param(nullable = false)]
    created_after: Option<String>,
    /// Recorded at this moment or earlier (ISO 8601).
    #[param(nullable = false)]
    created_before: Option<String>,
}

impl UsageListParams {
    pub(super) fn read(&self, entitlements: &Entitlements) -> Result<(UsageQuery, Selection), ApiError> {
        let feature = self.feature.as_deref().map(|name| entitlements.feature(name)).transpose()?;
        let mut reader = QueryReader::default();
        let created = reader.range("created", self.created_after.as_deref(), self.created_before.as_deref());
        let sort = reader.sort(self.sort.as_deref(), UsageSort::DEFAULT);
        let filters = "feature, created_after or created_before";
        let page = reader.page(self.page.as_deref(), self.per_page.as_deref(), filters);
        let selection = Selection::read::<RecordView>(&mut reader, self.fields.as_deref(), None);
        reader.finish()?;
        let filter = UsageFilter { feature: feature.map(|feature| feature.key.clone()), created };
        Ok((UsageQuery { filter, sort, page }, selection))
    }
}

/// Which days are shown.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryParams {
    /// Of this feature alone.
    #[param(nullable = false)]
    feature: Option<String>,
    /// The first day (ISO 8601); 29 days before `to` when not given.
    #[param(nullable = false, example = "2026-01-01")]
    from: Option<String>,
    /// The last day (ISO 8601); today when not given. At most 366 days are shown.
    #[param(nullable = false, example = "2026-01-31")]
    to: Option<String>,
}

impl HistoryParams {
    const MAX_DAYS: u64 = 366;
    const DAYS_BEFORE: u32 = 29;

    pub(super) fn read(&self, entitlements: &Entitlements, now: Timestamp) -> Result<HistoryQuery, ApiError> {
        const DAY: std::time::Duration = std::time::Duration::from_hours(24);
        let feature = self.feature.as_deref().map(|name| entitlements.feature(name)).transpose()?;
        let mut errors = FieldErrors::default();
        let mut day = |name: &str, text: &Option<String>, default: Timestamp| match text {
            None => default,
            Some(text) => Timestamp::parse(text).map_or_else(
                |_| {
                    let example = "such as 2026-01-15 or 2026-01-15T10:30:00Z";
                    errors.add(name, format!("The {name} must be an ISO 8601 date, {example}."));
                    default
                },
                day_of,
            ),
        };
        let to = day("to", &self.to, day_of(now));
        let from = day("from", &self.from, to.saturating_sub(DAY * Self::DAYS_BEFORE));
        errors.into_result()?;
        let span = to.since(from).as_secs() / DAY.as_secs() + 1;
        if from > to || span > Self::MAX_DAYS {
            return Err(ApiError::field("from", "The from must not be after to, nor more than 366 days be shown."));
        }
        Ok(HistoryQuery { feature: feature.map(|feature| feature.key.clone()), from, to })
    }
}
