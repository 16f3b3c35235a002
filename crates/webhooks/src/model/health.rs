use std::time::Duration;

use core_domain::Timestamp;

/// How an endpoint has answered so far. Tests of the owner's are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndpointHealth {
    /// Attempts that succeeded.
    pub success_count: u64,
    /// Attempts that failed.
    pub failure_count: u64,
    /// Attempts that failed since the last success, or since it was made active again.
    pub consecutive_failures: u64,
    /// When the first of those was made.
    pub failing_since: Option<Timestamp>,
    /// When the last attempt was made.
    pub last_delivery_at: Option<Timestamp>,
}

impl EndpointHealth {
    /// An endpoint that goes without success for this long is disabled (contract: Events and webhooks) ...
    pub const FAILING_FOR: Duration = Duration::from_hours(5 * 24);
    /// ... once so many attempts in a row have failed.
    pub const FAILURES: u64 = 10;

    /// Takes one attempt into account.
    pub fn record(&mut self, succeeded: bool, at: Timestamp) {
        self.last_delivery_at = self.last_delivery_at.max(Some(at));
        if succeeded {
            self.success_count += 1;
            self.forgive();
        } else {
            self.failure_count += 1;
            self.consecutive_failures += 1;
            self.failing_since.get_or_insert(at);
        }
    }

    /// Begins anew: what failed before no longer speaks against it.
    pub fn forgive(&mut self) {
        self.consecutive_failures = 0;
        self.failing_since = None;
    }

    /// Whether it has failed for so long that sending is to stop.
    pub fn is_hopeless(&self, now: Timestamp) -> bool {
        self.consecutive_failures >= Self::FAILURES
            && self.failing_since.is_some_and(|since| now.since(since) >= Self::FAILING_FOR)
    }
}
