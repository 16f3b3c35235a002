use core_domain::{DomainEvent, Timestamp, WireWord as _};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use validator::Validate;
use webhooks::{Attempt, Delivery, DeliveryKind, DeliveryStatus};

use crate::events::EventView;
use crate::extract::Body;
use crate::list::Selectable;
use crate::{ApiError, FieldErrors};

/// One event for one webhook. With `fields`, only those and `id` are present.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryView {
    #[schema(minimum = 1)]
    pub(crate) id: i64,
    #[schema(required = false, minimum = 1)]
    webhook_id: i64,
    #[schema(required = false)]
    pub(crate) event_id: String,
    #[schema(required = false)]
    event_type: String,
    /// Whether it was a test of the owner's.
    #[schema(required = false)]
    is_test: bool,
    #[schema(required = false, value_type = DeliveryStatusWord)]
    status: &'static str,
    /// The last answer's status code.
    response_code: Option<u16>,
    /// The number of the attempt made last, or of the one that is queued.
    #[schema(required = false, minimum = 1)]
    attempt: u32,
    #[schema(value_type = Option<String>, format = DateTime)]
    delivered_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    next_retry_at: Option<Timestamp>,
    #[schema(required = false, value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// With `include=event`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) event: Option<EventView>,
    /// With `include=attempts`, and always for a single delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) attempts: Option<Vec<AttemptView>>,
}

impl Selectable for DeliveryView {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "webhook_id",
        "event_id",
        "event_type",
        "is_test",
        "status",
        "response_code",
        "attempt",
        "delivered_at",
        "next_retry_at",
        "created_at",
    ];
    const INCLUDES: &'static [&'static str] = &["event", "attempts"];
}

impl From<&Delivery> for DeliveryView {
    fn from(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id.get(),
            webhook_id: delivery.webhook_id.get(),
            event_id: delivery.event_id.as_str().to_owned(),
            event_type: delivery.event_type.clone(),
            is_test: delivery.kind == DeliveryKind::Test,
            status: delivery.status.as_str(),
            response_code: delivery.response_code,
            attempt: delivery.attempt,
            delivered_at: delivery.delivered_at,
            next_retry_at: delivery.next_retry_at,
            created_at: delivery.created_at,
            event: None,
            attempts: None,
        }
    }
}

impl DeliveryView {
    pub(crate) fn with_event(&mut self, event: &DomainEvent) {
        self.event = Some(event.into());
    }
}

/// Where a delivery stands.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "documents the wire words")]
pub(crate) enum DeliveryStatusWord {
    Pending,
    Retrying,
    Success,
    Failed,
}

/// One attempt at a delivery.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeliveryAttempt)]
pub(crate) struct AttemptView {
    /// From 1.
    number: u32,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(required)]
    response_code: Option<u16>,
    response_time_ms: u32,
    /// The answer's headers.
    #[schema(required, value_type = Option<std::collections::BTreeMap<String, String>>)]
    response_headers: Option<Box<RawValue>>,
    /// The answer's first 10 KiB.
    #[schema(required)]
    response_body: Option<String>,
    /// Why there was no answer, or no success.
    #[schema(required)]
    error: Option<String>,
}

impl From<&Attempt> for AttemptView {
    fn from(attempt: &Attempt) -> Self {
        let outcome = &attempt.outcome;
        Self {
            number: attempt.number,
            started_at: attempt.started_at,
            response_code: outcome.response_code,
            response_time_ms: outcome.response_time_ms,
            response_headers: outcome.response_headers.clone().and_then(|text| RawValue::from_string(text).ok()),
            response_body: outcome.response_body.clone(),
            error: outcome.error.clone(),
        }
    }
}

/// A delivery that was queued again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueuedView {
    pub(crate) id: i64,
    #[schema(value_type = DeliveryStatusWord)]
    pub(crate) status: &'static str,
    /// The number of the attempt to come.
    pub(crate) attempt: u32,
}

/// How many deliveries were queued again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplayedView {
    pub(crate) queued: u64,
}

/// Which deliveries to queue again.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReplayDeliveries)]
pub(crate) struct ReplayBody {
    /// Those made at this moment or later.
    #[validate(required(message = "The since field is required."))]
    #[schema(required = true, nullable = false, format = DateTime, example = "2026-01-15T00:00:00Z")]
    since: Option<String>,
    /// Those that stand so; all but the queued ones when not given.
    #[schema(value_type = Option<ReplayableWord>)]
    status: Option<String>,
}

/// What can be queued again.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "documents the wire words")]
pub(crate) enum ReplayableWord {
    Retrying,
    Success,
    Failed,
}

impl Body for ReplayBody {}

impl ReplayBody {
    pub(crate) fn read(self, now: Timestamp) -> Result<(Timestamp, Option<DeliveryStatus>), ApiError> {
        let mut errors = FieldErrors::default();
        let since = errors.keep("since", Timestamp::parse(&self.since.unwrap_or_default()));
        if since.is_some_and(|since| since > now) {
            errors.add("since", "The since must not be in the future.");
        }
        let status = self.status.and_then(|word| {
            let status = DeliveryStatus::from_word(&word).filter(|status| *status != DeliveryStatus::Pending);
            errors.keep("status", status.ok_or("the status must be failed, retrying or success"))
        });
        errors.into_result()?;
        Ok((since.ok_or_else(|| ApiError::field("since", "The since field is required."))?, status))
    }
}
