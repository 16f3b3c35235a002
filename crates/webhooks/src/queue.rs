use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use core_domain::{DeliveryId, Environment, EventId, Timestamp, WebhookId, WorkspaceId};

use crate::{Attempt, DeliveryKind, DeliveryStatus, Endpoint};

/// The right to make one attempt, until it ends. Whoever comes back with its result must still hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// What tells one lease from another: random.
    pub token: i64,
    /// When it ends.
    pub until: Timestamp,
}

/// How much more may be sent at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Room {
    /// How many more sends may begin, all in all.
    pub total: u32,
    /// How many sends to one endpoint may be under way at once, where nothing else is said.
    pub per_endpoint: u32,
    /// How many to these.
    pub allowances: HashMap<WebhookId, u32>,
    /// How many are under way, for each endpoint that has any.
    pub under_way: HashMap<WebhookId, u32>,
    /// Workspaces that have their share already: nothing of theirs is to be taken.
    pub full: HashSet<WorkspaceId>,
}

impl Room {
    /// How many more sends to this endpoint may begin, as far as the endpoint goes.
    pub fn at(&self, workspace: WorkspaceId, endpoint: WebhookId) -> u32 {
        if self.full.contains(&workspace) {
            return 0;
        }
        let allowed = self.allowances.get(&endpoint).copied().unwrap_or(self.per_endpoint);
        allowed.saturating_sub(self.under_way.get(&endpoint).copied().unwrap_or(0))
    }
}

/// An event as it goes out: the same bytes on every attempt and to every endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The event.
    pub event_id: EventId,
    /// Its type.
    pub event_type: String,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// In which of the workspace's two worlds.
    pub environment: Environment,
    /// When it happened.
    pub created_at: Timestamp,
    /// `{"id":..,"type":..,"created_at":..,"workspace_id":..,"data":{..}}`.
    pub body: String,
}

impl Message {
    /// An event's message. `data` is the event's data as JSON text.
    pub fn new(
        event_id: EventId,
        event_type: String,
        workspace_id: WorkspaceId,
        environment: Environment,
        created_at: Timestamp,
        data: &str,
    ) -> Self {
        // Neither an event id nor a type has a character that JSON escapes.
        let body = format!(
            r#"{{"id":"{event_id}","type":"{event_type}","created_at":"{created_at}","workspace_id":{workspace_id},"data":{data}}}"#
        );
        Self { event_id, event_type, workspace_id, environment, created_at, body }
    }
}

/// One attempt to be made, leased to whoever has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// What it is.
    pub kind: DeliveryKind,
    /// The number of the attempt to be made.
    pub attempt: u32,
    /// The lease.
    pub lease: Lease,
    /// What to send.
    pub message: Arc<Message>,
    /// Where to, as it stood when the lease was given; its health may be older.
    pub endpoint: Arc<Endpoint>,
}

/// An event that was stored, and the attempts that came back with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Published {
    /// How many deliveries it has.
    pub deliveries: u32,
    /// Those of them that the publisher holds itself.
    pub jobs: Vec<Job>,
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// What it is.
    pub kind: DeliveryKind,
    /// Where it went.
    pub webhook_id: WebhookId,
    /// The token of the lease that it was made under.
    pub lease: i64,
    /// The attempt.
    pub attempt: Attempt,
    /// Where the delivery stands now.
    pub status: DeliveryStatus,
    /// When the next attempt is due, when it is retrying.
    pub next_retry_at: Option<Timestamp>,
}

/// What the queue holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Deliveries that are neither successful nor failed.
    pub open: u64,
    /// When the one that is due longest was due; `None` when nothing is due. Leased ones are due when their lease ends.
    pub oldest_due_at: Option<Timestamp>,
}
