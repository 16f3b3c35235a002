use std::time::Duration;

use mcp::{ArgumentFault, UpstreamError, clean};

use crate::{ApiError, FieldErrors};

/// What callers are told when a server gives no answer to a call (contract: MCP).
pub(super) fn of_call(error: &UpstreamError) -> ApiError {
    match error {
        UpstreamError::InvalidParams { message } => ApiError::field("arguments", told("The server refused", message)),
        UpstreamError::ResourceNotFound => {
            ApiError::Upstream("The MCP server refused the call: a resource was not found.".to_owned())
        }
        other => of_any(other),
    }
}

/// The same for a resource.
pub(super) fn of_resource(error: &UpstreamError) -> ApiError {
    match error {
        UpstreamError::InvalidParams { .. } | UpstreamError::ResourceNotFound => ApiError::NotFound,
        other => of_any(other),
    }
}

pub(super) fn of_any(error: &UpstreamError) -> ApiError {
    let unavailable = |message, retry_after: Duration| ApiError::UpstreamUnavailable {
        message,
        retry_after: retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0),
    };
    match error {
        UpstreamError::Starting { retry_after } => unavailable("The MCP server is starting.", *retry_after),
        UpstreamError::BackingOff { retry_after } => {
            unavailable("The MCP server failed and is not tried again yet.", *retry_after)
        }
        UpstreamError::Busy { retry_after } => unavailable("The MCP server is busy.", *retry_after),
        UpstreamError::Disabled { .. } => ApiError::UpstreamDisabled,
        UpstreamError::Gone { .. } => {
            ApiError::Upstream("The MCP server went away. Whether the call had an effect is not known.".to_owned())
        }
        UpstreamError::InvalidParams { message } | UpstreamError::Refused { message, .. } => {
            ApiError::Upstream(told("The MCP server refused", message))
        }
        UpstreamError::ResourceNotFound => ApiError::NotFound,
        UpstreamError::TooLarge { limit } => ApiError::ResultTooLarge(*limit),
        UpstreamError::TimedOut => ApiError::UpstreamTimeout,
        UpstreamError::InteractionRequired => {
            ApiError::Upstream("The MCP server asks for an interaction, which is not supported.".to_owned())
        }
    }
}

/// Why arguments were refused.
pub(super) fn of_arguments(fault: ArgumentFault) -> ApiError {
    match fault {
        ArgumentFault::Invalid(fields) => {
            let mut errors = FieldErrors::default();
            for (field, messages) in fields {
                for message in messages {
                    errors.add(&field, message);
                }
            }
            ApiError::Validation(errors)
        }
        ArgumentFault::Schema(fault) => {
            ApiError::Upstream(format!("The tool can't be called: its input schema is unusable ({fault})."))
        }
    }
}

/// A server's own words, bounded.
fn told(what: &str, message: &str) -> String {
    let message: String = clean(message).chars().take(300).collect();
    format!("{what}: {}.", message.trim_end_matches('.'))
}
