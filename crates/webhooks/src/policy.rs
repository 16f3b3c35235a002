use core_domain::{DomainEvent, Entropy, EventKind, Timestamp, WireWord as _};
use serde_json::json;

use crate::{DisabledReason, Endpoint};

/// The event that tells of an endpoint disabled by the service.
pub fn disabled_event(
    endpoint: &Endpoint,
    reason: DisabledReason,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> DomainEvent {
    let data = json!({
        "id": endpoint.id.get(),
        "url": endpoint.url.as_str(),
        "reason": reason.as_str(),
        "disabled_at": now.to_string(),
    });
    DomainEvent::own(EventKind::WebhookDisabled, endpoint.workspace_id, endpoint.environment, data, now, entropy)
}
