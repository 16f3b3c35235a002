use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use core_domain::{Clock, Monotonic, Timestamp};

/// A clock that stands still until it is told to move.
///
/// It starts at `2026-01-15T10:30:00Z`.
#[derive(Debug)]
pub struct ManualClock(Mutex<(Timestamp, Monotonic)>);

impl Default for ManualClock {
    fn default() -> Self {
        let start = Timestamp::parse("2026-01-15T10:30:00Z").unwrap_or(Timestamp::MIN);
        Self::at(start)
    }
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Mutex::new((now, Duration::from_secs(1_000))))
    }

    /// Lets time pass.
    pub fn advance(&self, span: Duration) {
        self.change(|(now, monotonic)| {
            *now = now.saturating_add(span);
            *monotonic += span;
        });
    }

    /// Sets the wall clock, as an operator would; no time passes.
    pub fn set(&self, now: Timestamp) {
        self.change(|(current, _)| *current = now);
    }

    fn change<R>(&self, change: impl FnOnce(&mut (Timestamp, Monotonic)) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.change(|(now, _)| *now)
    }

    fn monotonic(&self) -> Monotonic {
        self.change(|(_, monotonic)| *monotonic)
    }
}
