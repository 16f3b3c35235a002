use std::time::Duration;

/// Why a server gave no answer.
///
/// Texts in it come from outside. They MUST NOT hold secrets of the configuration; callers may be shown none of
/// `detail`, and of `message` what the server said about the caller's own request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// It is starting, and is not ready within the caller's patience.
    #[error("the server is starting")]
    Starting {
        /// When to ask again.
        retry_after: Duration,
    },
    /// It failed, and is not tried again before this time.
    #[error("the server failed and is not tried again yet")]
    BackingOff {
        /// When to ask again.
        retry_after: Duration,
    },
    /// As many calls as it may have are under way and waiting.
    #[error("the server is busy")]
    Busy {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The operator switched it off, or it can't be run.
    #[error("the server is disabled: {reason}")]
    Disabled {
        /// Why.
        reason: String,
    },
    /// It went away, or spoke something else than MCP. Whether the call had an effect is not known.
    #[error("the server is gone: {detail}")]
    Gone {
        /// What was seen.
        detail: String,
    },
    /// It refused the parameters (-32602): also how many servers say that a tool is unknown.
    #[error("the server refused the parameters: {message}")]
    InvalidParams {
        /// What it said.
        message: String,
    },
    /// It has no such resource.
    #[error("the server has no such resource")]
    ResourceNotFound,
    /// It answered with another error.
    #[error("the server refused with {code}: {message}")]
    Refused {
        /// The JSON-RPC code.
        code: i64,
        /// What it said.
        message: String,
    },
    /// Its answer is larger than its `max_result_bytes`.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The most it may be.
        limit: usize,
    },
    /// It did not answer in time. The call was cancelled at the server.
    #[error("the server did not answer in time")]
    TimedOut,
    /// It asks for input of a person, which no caller can give here.
    #[error("the server asks for an interaction")]
    InteractionRequired,
}
