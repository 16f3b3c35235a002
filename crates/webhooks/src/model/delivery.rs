use core_domain::{DeliveryId, Environment, EventId, Timestamp, WebhookId, WorkspaceId};

/// One event for one endpoint, over all its attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Where to.
    pub webhook_id: WebhookId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// In which of the workspace's two worlds.
    pub environment: Environment,
    /// The event.
    pub event_id: EventId,
    /// The event's type.
    pub event_type: String,
    /// What it is.
    pub kind: DeliveryKind,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// The number of the attempt made last, or of the one that is queued when it is pending; from 1.
    pub attempt: u32,
    /// The status code of the last answer.
    pub response_code: Option<u16>,
    /// When it succeeded.
    pub delivered_at: Option<Timestamp>,
    /// When the next attempt is due by itself.
    pub next_retry_at: Option<Timestamp>,
    /// When it was made: with its event.
    pub created_at: Timestamp,
}

/// What a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryKind {
    /// An event for its subscriber.
    Event,
    /// A test of the owner's: one attempt, which is not counted.
    Test,
}

core_domain::wire_words!(DeliveryKind { Event = "event", Test = "test" });

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    /// Queued, or being sent.
    Pending,
    /// Failed at least once; another attempt is due at `next_retry_at`.
    Retrying,
    /// Answered with 2xx.
    Success,
    /// No attempt is left.
    Failed,
}

core_domain::wire_words!(DeliveryStatus {
    Pending = "pending",
    Retrying = "retrying",
    Success = "success",
    Failed = "failed",
});

impl DeliveryStatus {
    /// Whether nothing more is going to be sent by itself.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Success | Self::Failed)
    }
}

/// One attempt at a delivery, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// What came of it.
    pub outcome: AttemptOutcome,
}

/// What came of an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttemptOutcome {
    /// How long it took, in milliseconds.
    pub response_time_ms: u32,
    /// The answer's status code; `None` when there was no answer.
    pub response_code: Option<u16>,
    /// The answer's headers, as a JSON object of texts; at most 16 KiB.
    pub response_headers: Option<String>,
    /// The answer's first 10 KiB; what is not UTF-8 is replaced.
    pub response_body: Option<String>,
    /// Why there was no answer or no success, in one sentence.
    pub error: Option<String>,
    /// How long the receiver asks to be left alone (`Retry-After` of a 429 or 503), in seconds.
    pub retry_after_seconds: Option<u32>,
}

impl AttemptOutcome {
    /// The most that is kept of an answer's body, in bytes.
    pub const MAX_BODY_BYTES: usize = 10 * 1024;

    /// Whether the receiver took it: any 2xx, read to its end in time.
    pub fn is_success(&self) -> bool {
        self.error.is_none() && self.response_code.is_some_and(|code| (200..300).contains(&code))
    }
}
