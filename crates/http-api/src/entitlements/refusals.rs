use actix_web::http::StatusCode;
use entitlements::{Feature, FeatureKey, Recorded, Refusal};
use idempotency::RecordedAnswer;

use super::dto::UsageView;
use crate::{Answer, ApiError};

const REACHED: &str = "You have reached your limit for this feature.";
const NOT_INCLUDED: &str = "Your plan does not include this feature.";

/// What callers are told who get no more.
#[derive(Debug, Clone)]
pub(super) struct Refusals {
    upgrade_url: Option<String>,
}

impl Refusals {
    pub(super) fn new(upgrade_url: Option<String>) -> Self {
        Self { upgrade_url }
    }

    pub(super) fn upgrade_url(&self) -> Option<&str> {
        self.upgrade_url.as_deref()
    }

    pub(super) fn of(&self, feature: &FeatureKey, refusal: Refusal) -> ApiError {
        let reached = |message| ApiError::FeatureLimitReached {
            feature: feature.to_string(),
            message,
            upgrade_url: self.upgrade_url.clone(),
        };
        match refusal {
            Refusal::LimitReached => reached(REACHED),
            Refusal::NotIncluded => reached(NOT_INCLUDED),
            Refusal::TooMuch => ApiError::field("quantity", "The count must not pass 9007199254740991."),
        }
    }

    /// The answer to `POST /entitlements/usage`.
    pub(super) fn usage(&self, feature: &FeatureKey, outcome: Result<Recorded, Refusal>) -> Result<Answer, ApiError> {
        let recorded = outcome.map_err(|refusal| self.of(feature, refusal))?;
        Answer::json(StatusCode::OK, &UsageView::new(feature, recorded))
    }

    /// The same, as it is told to whoever repeats the request.
    pub(super) fn recorded_usage(
        &self,
        feature: &FeatureKey,
        outcome: Result<Recorded, Refusal>,
    ) -> Result<RecordedAnswer, ApiError> {
        match self.usage(feature, outcome) {
            Ok(answer) => Ok(answer.recorded()),
            Err(error) => error.recorded().ok_or(error),
        }
    }

    /// The sentence of a check that fails.
    pub(super) fn sentence(feature: &Feature, refusal: Refusal, used: u64, limit: Option<u64>, tier: &str) -> String {
        let label = &feature.label;
        match (refusal, limit) {
            (Refusal::NotIncluded, _) => format!("{label} is not included in the {tier} plan"),
            (_, Some(limit)) => format!("{label} limit exceeded. Used: {used}, Limit: {limit}"),
            (_, None) => format!("{label} limit exceeded. Used: {used}"),
        }
    }
}
