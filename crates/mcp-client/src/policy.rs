//! Decisions about instances: pure, over readings of the clock.

use std::time::Duration;

use core_domain::{Entropy, Monotonic};

/// The wait after the first failure that is followed by one.
const BASE: Duration = Duration::from_millis(500);
/// The longest wait: the breaker is open, and lets one start through each time it ends.
pub(crate) const LONGEST: Duration = Duration::from_mins(1);
/// A server that ran this long is taken to be sound again.
pub(crate) const STABLE: Duration = Duration::from_mins(1);

/// How a server failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It did not become ready.
    Start,
    /// It was ready, and went away.
    Crash,
}

/// How long a server is left alone after its failure number `failures` in a row, which is at least 1.
///
/// One that went away for the first time is started again at once. Then the wait doubles from 0.5 s to 60 s; `spread`
/// (0 to 1) takes up to half of it away, so that many servers do not come back together.
pub(crate) fn delay(failure: Failure, failures: u32, spread: f64) -> Duration {
    let step = match failure {
        Failure::Start => failures,
        Failure::Crash => failures.saturating_sub(1),
    };
    if step == 0 {
        return Duration::ZERO;
    }
    let doubled = BASE.saturating_mul(1_u32.checked_shl(step - 1).unwrap_or(u32::MAX));
    doubled.min(LONGEST).mul_f64(1.0 - spread.clamp(0.0, 1.0) / 2.0)
}

/// A number from 0 up to 1.
pub(crate) fn spread(entropy: &dyn Entropy) -> f64 {
    let mut bytes = [0; 4];
    entropy.fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}

/// What is known of a running instance when it is looked after.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Running {
    pub(crate) started_at: Monotonic,
    pub(crate) used_at: Monotonic,
    pub(crate) is_in_use: bool,
    pub(crate) catalogue_read_at: Monotonic,
    pub(crate) catalogue_is_stale: bool,
}

/// What a running instance is due for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nobody used it for long.
    IdleStop,
    /// It ran for long: what it leaks is given back.
    Replacement,
    /// Its catalogue is old, and not every server tells of changes.
    Reading,
}

/// How old things may get.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ages {
    pub(crate) idle: Option<Duration>,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) catalogue: Duration,
}

/// What the instance is due for, if anything.
pub(crate) fn due(running: Running, ages: Ages, now: Monotonic) -> Option<Due> {
    let passed = |since: Monotonic, bound: Option<Duration>| bound.is_some_and(|bound| now >= since + bound);
    if !running.is_in_use && passed(running.used_at, ages.idle) {
        return Some(Due::IdleStop);
    }
    if passed(running.started_at, ages.lifetime) {
        return Some(Due::Replacement);
    }
    let is_old = passed(running.catalogue_read_at, Some(ages.catalogue));
    (is_old && !running.catalogue_is_stale).then_some(Due::Reading)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_first_crash_is_repaired_at_once() {
        assert_eq!(delay(Failure::Crash, 1, 0.5), Duration::ZERO);
        assert_eq!(delay(Failure::Crash, 2, 0.0), Duration::from_millis(500));
        assert_eq!(delay(Failure::Start, 1, 0.0), Duration::from_millis(500));
        assert_eq!(delay(Failure::Start, 2, 1.0), Duration::from_millis(500));
        assert_eq!(delay(Failure::Start, 4_000_000, 0.0), LONGEST);
    }

    proptest! {
        #[test]
        fn waits_grow_within_their_bounds(failures in 1_u32.., spread in 0.0..1.0) {
            for failure in [Failure::Start, Failure::Crash] {
                let waits = delay(failure, failures, spread);
                prop_assert!(waits <= LONGEST);
                prop_assert!(delay(failure, failures.saturating_add(1), spread) >= waits);
                prop_assert!(delay(failure, failures, 0.0) <= waits * 2 + Duration::from_nanos(2));
            }
        }
    }

    #[test]
    fn an_instance_is_stopped_only_when_nobody_uses_it() {
        let second = Duration::from_secs(1);
        let running = Running {
            started_at: second,
            used_at: 5 * second,
            is_in_use: true,
            catalogue_read_at: second,
            catalogue_is_stale: false,
        };
        let ages = Ages { idle: Some(10 * second), lifetime: Some(100 * second), catalogue: 50 * second };
        assert_eq!(due(running, ages, 16 * second), None);
        assert_eq!(due(Running { is_in_use: false, ..running }, ages, 14 * second), None);
        assert_eq!(due(Running { is_in_use: false, ..running }, ages, 15 * second), Some(Due::IdleStop));
        assert_eq!(due(running, ages, 51 * second), Some(Due::Reading));
        assert_eq!(due(Running { catalogue_is_stale: true, ..running }, ages, 51 * second), None);
        assert_eq!(due(running, ages, 101 * second), Some(Due::Replacement));
        assert_eq!(due(running, Ages { idle: None, lifetime: None, ..ages }, 40 * second), None);
    }
}
