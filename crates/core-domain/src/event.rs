use crate::{Entropy, Environment, EventId, Timestamp, WireWord, WorkspaceId};

/// The events that the service itself announces (reference: Webhooks; event names are dotted).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is its wire word below")]
pub enum EventKind {
    WorkspaceCreated,
    WorkspaceUpdated,
    WorkspaceDeleted,
    ApiKeyCreated,
    ApiKeyRotated,
    ApiKeyRevoked,
    WebhookDisabled,
    EntitlementLimitWarning,
    EntitlementLimitReached,
    SeoReportCreated,
    McpToolQuarantined,
}

crate::wire_words!(EventKind {
    WorkspaceCreated = "workspace.created",
    WorkspaceUpdated = "workspace.updated",
    WorkspaceDeleted = "workspace.deleted",
    ApiKeyCreated = "api_key.created",
    ApiKeyRotated = "api_key.rotated",
    ApiKeyRevoked = "api_key.revoked",
    WebhookDisabled = "webhook.disabled",
    EntitlementLimitWarning = "entitlement.limit_warning",
    EntitlementLimitReached = "entitlement.limit_reached",
    SeoReportCreated = "seo.report.created",
    McpToolQuarantined = "mcp.tool.quarantined",
});

/// Something that happened in a workspace, to be told to its webhooks.
///
/// `data` MUST NOT hold a secret: it is stored readable and sent to third parties.
#[derive(Debug, Clone, PartialEq)]
pub struct DomainEvent {
    /// The public id, the same on every delivery.
    pub id: EventId,
    /// Where it happened.
    pub workspace_id: WorkspaceId,
    /// In which of the workspace's two worlds.
    pub environment: Environment,
    /// The dotted type: the service's own kinds, or an application's.
    pub event_type: String,
    /// What happened: a JSON object.
    pub data: serde_json::Value,
    /// When it happened.
    pub created_at: Timestamp,
}

impl DomainEvent {
    /// An event of the service's own.
    pub fn own(
        kind: EventKind,
        workspace_id: WorkspaceId,
        environment: Environment,
        data: serde_json::Value,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Self {
        Self {
            id: EventId::generate(entropy),
            workspace_id,
            environment,
            event_type: kind.as_str().to_owned(),
            data,
            created_at: now,
        }
    }
}
