use core_domain::Timestamp;

/// What an endpoint did on one day (UTC). Tests of the owner's are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyStatistics {
    /// The day's beginning.
    pub day: Timestamp,
    /// Attempts that succeeded.
    pub successes: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// How long the attempts took together, in milliseconds.
    pub response_time_ms: u64,
}
