use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use mcp::UpstreamError;

/// How far a call has come: it decides what running out of time means.
#[derive(Debug, Default)]
pub(crate) struct Stage(AtomicU8);

const STARTING: u8 = 1;
const ASKING: u8 = 2;
/// When to come again.
const SOON: Duration = Duration::from_secs(1);

impl Stage {
    pub(crate) fn queueing(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    pub(crate) fn starting(&self) {
        self.0.store(STARTING, Ordering::Relaxed);
    }

    pub(crate) fn asking(&self) {
        self.0.store(ASKING, Ordering::Relaxed);
    }

    /// What the caller is told. Before anything was asked of the server, the call may be made again.
    pub(crate) fn out_of_time(&self) -> UpstreamError {
        match self.0.load(Ordering::Relaxed) {
            ASKING => UpstreamError::TimedOut,
            STARTING => UpstreamError::Starting { retry_after: SOON },
            _ => busy(),
        }
    }
}

pub(crate) fn busy() -> UpstreamError {
    UpstreamError::Busy { retry_after: SOON }
}
