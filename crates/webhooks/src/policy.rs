use std::time::Duration;

use core_domain::{DomainEvent, Entropy, EventKind, Timestamp, WireWord as _};
use serde_json::json;

use crate::{
    Attempt, AttemptOutcome, Delivery, DeliveryKind, DeliveryStatus, DisabledReason, Endpoint, Job, RetrySchedule,
    Settlement,
};

/// What an attempt comes to that began at `started_at` and was over at `now`.
pub fn settlement(
    job: &Job,
    started_at: Timestamp,
    outcome: AttemptOutcome,
    schedule: &RetrySchedule,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Settlement {
    let retry_after = outcome.retry_after_seconds.map(|seconds| Duration::from_secs(seconds.into()));
    let next_retry_at = match job.kind {
        _ if outcome.is_success() => None,
        DeliveryKind::Test => None,
        DeliveryKind::Event => schedule.next(job.attempt, retry_after, now, entropy),
    };
    let status = match next_retry_at {
        _ if outcome.is_success() => DeliveryStatus::Success,
        Some(_) => DeliveryStatus::Retrying,
        None => DeliveryStatus::Failed,
    };
    Settlement {
        delivery_id: job.delivery_id,
        kind: job.kind,
        webhook_id: job.endpoint.id,
        lease: job.lease.token,
        attempt: Attempt { number: job.attempt, started_at, outcome },
        status,
        next_retry_at,
    }
}

/// Why a delivery can't be tried again by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotRetry {
    /// There is nothing to try again.
    #[error("The delivery already succeeded.")]
    Succeeded,
    /// It is being tried already.
    #[error("The delivery is queued already.")]
    Pending,
    /// 20 attempts are the most.
    #[error("The delivery has used up its 20 attempts.")]
    UsedUp,
    /// A test is made once.
    #[error("A test is not repeated; make another.")]
    Test,
    /// Nothing is sent to a disabled endpoint.
    #[error("The webhook is disabled; make it active first.")]
    Disabled,
}

/// The number of the attempt that a retry by hand makes.
pub fn retry(endpoint: &Endpoint, delivery: &Delivery) -> Result<u32, CannotRetry> {
    match (delivery.kind, delivery.status) {
        (DeliveryKind::Test, _) => Err(CannotRetry::Test),
        (_, DeliveryStatus::Success) => Err(CannotRetry::Succeeded),
        (_, DeliveryStatus::Pending) => Err(CannotRetry::Pending),
        _ if delivery.attempt >= RetrySchedule::MAX_ATTEMPTS => Err(CannotRetry::UsedUp),
        _ if !endpoint.is_active() => Err(CannotRetry::Disabled),
        _ => Ok(delivery.attempt + 1),
    }
}

/// The event that tells of an endpoint disabled by the service.
pub fn disabled_event(
    endpoint: &Endpoint,
    reason: DisabledReason,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> DomainEvent {
    let data = json!({
        "id": endpoint.id.get(),
        "host": endpoint.url.host(),
        "reason": reason.as_str(),
        "disabled_at": now.to_string(),
    });
    DomainEvent::own(EventKind::WebhookDisabled, endpoint.workspace_id, endpoint.environment, data, now, entropy)
}
