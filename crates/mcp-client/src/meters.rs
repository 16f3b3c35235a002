use std::time::Duration;

use mcp::{Instance, UpstreamError};

/// A start came to its end.
pub(crate) fn start(at: &Instance, outcome: &'static str) {
    metrics::counter!("mcp_server_starts_total", "server" => at.server.to_string(), "outcome" => outcome).increment(1);
}

/// A server that was ready went away.
pub(crate) fn crash(at: &Instance) {
    metrics::counter!("mcp_server_crashes_total", "server" => at.server.to_string()).increment(1);
}

/// A call, or a reading of a resource, came to its end.
pub(crate) fn call<T>(at: &Instance, outcome: &Result<T, UpstreamError>, took: Duration) {
    let server = at.server.to_string();
    let word = outcome.as_ref().map_or_else(word, |_| "answered");
    metrics::counter!("mcp_calls_total", "server" => server.clone(), "outcome" => word).increment(1);
    metrics::histogram!("mcp_call_duration_seconds", "server" => server).record(took.as_secs_f64());
}

fn word(error: &UpstreamError) -> &'static str {
    match error {
        UpstreamError::Starting { .. } => "starting",
        UpstreamError::BackingOff { .. } => "backing_off",
        UpstreamError::Busy { .. } => "busy",
        UpstreamError::Disabled { .. } => "disabled",
        UpstreamError::Gone { .. } => "gone",
        UpstreamError::InvalidParams { .. } => "invalid_params",
        UpstreamError::ResourceNotFound => "resource_not_found",
        UpstreamError::Refused { .. } => "refused",
        UpstreamError::TooLarge { .. } => "too_large",
        UpstreamError::TimedOut => "timed_out",
        UpstreamError::InteractionRequired => "interaction_required",
    }
}
