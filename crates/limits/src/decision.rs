use std::time::Duration;

use core_domain::RateLimit;

/// Whether a request passes, and how the subject stands after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It passes, and is counted.
    Admitted(Standing),
    /// It does not pass, and is not counted.
    Refused(Refusal),
}

impl Decision {
    /// How the subject stands, whichever way it went.
    pub const fn standing(self) -> Standing {
        match self {
            Self::Admitted(standing) | Self::Refused(Refusal { standing, .. }) => standing,
        }
    }

    /// Whether the request passes.
    pub const fn is_admitted(self) -> bool {
        matches!(self, Self::Admitted(_))
    }

    /// The refusal, if it is one.
    pub const fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Admitted(_) => None,
            Self::Refused(refusal) => Some(refusal),
        }
    }
}

/// A request that does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// How the subject stands.
    pub standing: Standing,
    /// The wait after which a request passes, if no other takes its place. At most 61 seconds by a clock that does
    /// not step back.
    ///
    /// Exact but for a limit of zero, under which no wait helps; it is then 60 seconds.
    pub retry_after: Duration,
}

impl Refusal {
    /// The wait in whole seconds, rounded up and at least 1: what `Retry-After` says.
    pub const fn retry_after_seconds(self) -> u64 {
        let seconds = self.retry_after.as_secs() + (self.retry_after.subsec_nanos() > 0) as u64;
        if seconds == 0 { 1 } else { seconds }
    }
}

/// How much of its limit a subject has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Requests a minute as advertised, without the burst.
    pub limit: u32,
    /// What is left of `limit`, down to 0. The burst is slack above it: at 0 requests may still pass.
    pub remaining: u32,
    /// The time until the whole limit is free again, should no request come; zero when it is.
    pub resets_in: Duration,
}

impl Standing {
    /// The standing of a subject of which the last 60 seconds saw `count` requests pass.
    pub const fn new(limit: RateLimit, count: u32, resets_in: Duration) -> Self {
        Self { limit: limit.per_minute, remaining: limit.per_minute.saturating_sub(count), resets_in }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ANONYMOUS;

    #[test]
    fn a_wait_is_told_in_whole_seconds_never_too_few() {
        let standing = Standing::new(ANONYMOUS, 60, Duration::ZERO);
        for (micros, seconds) in [(0, 1), (1, 1), (1_000_000, 1), (1_000_001, 2), (60_999_999, 61)] {
            let refusal = Refusal { standing, retry_after: Duration::from_micros(micros) };
            assert_eq!(refusal.retry_after_seconds(), seconds, "{micros}");
        }
    }

    #[test]
    fn the_burst_is_slack_above_the_advertised_limit() {
        let starter = RateLimit { per_minute: 1_000, burst_percent: 20 };
        let remaining = [0, 1, 999, 1_000, 1_200].map(|count| Standing::new(starter, count, Duration::ZERO).remaining);
        assert_eq!(remaining, [1_000, 999, 1, 0, 0]);
    }
}
