use std::time::Duration;

use core_domain::{
    AccountId, ApiKeyId, ListQuery, McpCallId, Order, Realm, Sort, TimeRange, Timestamp, fold_for_search,
};

use crate::UpstreamError;

/// A call of a tool, as the audit log keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Its id. Later calls have larger ones.
    pub id: McpCallId,
    /// What was to be done.
    pub note: CallNote,
    /// How it ended; `None` while it is under way, and for good when the service ended first.
    pub end: Option<CallEnd>,
}

/// What is known of a call before it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallNote {
    /// Where it is made.
    pub realm: Realm,
    /// Whose credential it was.
    pub account_id: AccountId,
    /// The API key; `None` for a signed token.
    pub api_key_id: Option<ApiKeyId>,
    /// The request that it came with, at most 128 characters.
    pub request_id: String,
    /// The server, at most 64 characters.
    pub server: String,
    /// The tool, at most 128 characters.
    pub tool: String,
    /// The arguments without secrets: a JSON object as text, at most 8 KiB.
    pub arguments: String,
    /// When it is made.
    pub created_at: Timestamp,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEnd {
    /// What became of it.
    pub outcome: Outcome,
    /// Why it failed, at most 500 characters; `None` when the tool answered.
    pub error: Option<String>,
    /// The bytes of the content; `None` when there is none.
    pub size: Option<u64>,
    /// How long it took, to the millisecond, at most 2^31 - 1 ms.
    pub duration: Duration,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The tool answered.
    Success,
    /// The tool answered that it failed.
    ToolError,
    /// The server refused the call.
    Refused,
    /// It was not sent: the server was starting, busy, backing off or disabled.
    NotSent,
    /// The server went away. Whether the call had an effect is not known.
    Gone,
    /// The server did not answer in time. Whether the call had an effect is not known.
    TimedOut,
    /// The answer was too large.
    TooLarge,
    /// The end is not known: the call is under way, or the service ended first.
    Unknown,
}

core_domain::wire_words!(Outcome {
    Success = "success",
    ToolError = "tool_error",
    Refused = "refused",
    NotSent = "not_sent",
    Gone = "gone",
    TimedOut = "timed_out",
    TooLarge = "too_large",
    Unknown = "unknown",
});

impl From<&UpstreamError> for Outcome {
    fn from(error: &UpstreamError) -> Self {
        match error {
            UpstreamError::Starting { .. }
            | UpstreamError::BackingOff { .. }
            | UpstreamError::Busy { .. }
            | UpstreamError::Disabled { .. } => Self::NotSent,
            UpstreamError::Gone { .. } => Self::Gone,
            UpstreamError::InvalidParams { .. }
            | UpstreamError::ResourceNotFound
            | UpstreamError::Refused { .. }
            | UpstreamError::InteractionRequired => Self::Refused,
            UpstreamError::TooLarge { .. } => Self::TooLarge,
            UpstreamError::TimedOut => Self::TimedOut,
        }
    }
}

impl CallEnd {
    /// The longest error that is kept, in characters.
    pub const MAX_ERROR_CHARS: usize = 500;

    /// A call that ended with this error.
    pub fn failed(error: &UpstreamError, duration: Duration) -> Self {
        let text = crate::clean(&error.to_string()).chars().take(Self::MAX_ERROR_CHARS).collect();
        Self { outcome: error.into(), error: Some(text), size: None, duration }
    }
}

impl Call {
    /// What became of it.
    pub fn outcome(&self) -> Outcome {
        self.end.as_ref().map_or(Outcome::Unknown, |end| end.outcome)
    }
}

impl CallNote {
    /// The text that a search looks in: server and tool.
    pub fn search_text(&self) -> String {
        fold_for_search(&[&self.server, &self.tool])
    }
}

/// A list of calls, as asked for.
pub type CallQuery = ListQuery<CallFilter, CallSort>;

/// Which calls a list shows. Every part narrows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Of this server.
    pub server: Option<String>,
    /// Of this tool.
    pub tool: Option<String>,
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// Made with this key.
    pub api_key_id: Option<ApiKeyId>,
    /// Made in this time.
    pub created: TimeRange,
    /// With this text, lower-cased, in server or tool.
    pub search: Option<String>,
}

impl CallFilter {
    /// Whether the list shows everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the list shows `call`.
    pub fn matches(&self, call: &Call) -> bool {
        let note = &call.note;
        self.server.as_ref().is_none_or(|server| *server == note.server)
            && self.tool.as_ref().is_none_or(|tool| *tool == note.tool)
            && self.outcome.is_none_or(|outcome| outcome == call.outcome())
            && self.api_key_id.is_none_or(|id| Some(id) == note.api_key_id)
            && self.created.contains(note.created_at)
            && self.search.as_ref().is_none_or(|text| note.search_text().contains(text))
    }
}

/// What a list of calls can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is its wire word below")]
pub enum CallSort {
    CreatedAt,
    Id,
}

core_domain::wire_words!(CallSort { CreatedAt = "created_at", Id = "id" });

impl CallSort {
    /// The order of a list that asks for none.
    pub const DEFAULT: Sort<Self> = Sort { field: Self::CreatedAt, order: Order::Descending };
}
