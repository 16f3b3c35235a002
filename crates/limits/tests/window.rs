//! The window against a log of every arrival that was let through.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is to fail")]

mod support;

use std::time::Duration;

use core_domain::RateLimit;
use limits::{Decision, Window};
use proptest::prelude::*;
use support::{Arrival, Log, traces};

const FREE: RateLimit = RateLimit { per_minute: 60, burst_percent: 0 };
const STARTER: RateLimit = RateLimit { per_minute: 1_000, burst_percent: 20 };

/// Plays the trace, and checks each decision against the log.
fn play(trace: &[Arrival]) -> Result<(), TestCaseError> {
    let (mut window, mut log) = (Window::default(), Log::default());
    for &Arrival { now, limit } in trace {
        let before = window;
        prop_assert_eq!(window.peek(limit, now).is_admitted(), window.clone().try_consume(limit, now).is_admitted());
        match window.try_consume(limit, now) {
            Decision::Admitted(standing) => {
                log.admit(now);
                prop_assert!(log.within(Duration::from_mins(1), now) <= limit.ceiling());
                prop_assert_eq!(standing, window.peek(limit, now).standing());
            }
            Decision::Refused(refusal) => {
                prop_assert!(log.within(Duration::from_secs(61), now) >= limit.ceiling());
                prop_assert_eq!(window, before);
                if limit.ceiling() > 0 {
                    let then = now + refusal.retry_after;
                    prop_assert!(window.peek(limit, then).is_admitted());
                    prop_assert!(!window.peek(limit, then.saturating_sub(Duration::from_nanos(1))).is_admitted());
                }
            }
        }
        let standing = window.peek(limit, now).standing();
        let free_again = window.peek(limit, now + standing.resets_in).standing();
        prop_assert_eq!((free_again.remaining, free_again.resets_in), (limit.per_minute, Duration::ZERO));
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_trace_gets_more_than_the_ceiling_through(trace in traces()) {
        play(&trace)?;
    }
}

/// As many requests as the ceiling, five times over, in each tenth of a second.
fn flood(limit: RateLimit, from: Duration, span: Duration) -> Vec<Duration> {
    let mut window = Window::default();
    let tenths = u32::try_from(span.as_millis() / 100).unwrap();
    let moments = (0..tenths).map(|tenth| from + Duration::from_millis(100) * tenth);
    moments
        .flat_map(|now| std::iter::repeat_n(now, 5 * usize::try_from(limit.ceiling()).unwrap()))
        .filter(|now| window.try_consume(limit, *now).is_admitted())
        .collect()
}

#[test]
fn a_flood_gets_the_ceiling_in_every_minute_and_no_more() {
    let limit = FREE;
    let ceiling = usize::try_from(limit.ceiling()).unwrap();
    let admitted = flood(limit, Duration::from_millis(12_345), Duration::from_mins(5));
    for (first, beyond) in admitted.iter().zip(admitted.iter().skip(ceiling)) {
        assert!(*beyond > *first + Duration::from_mins(1));
    }
    // 61 seconds from one opening to the next: the price of whole seconds.
    assert_eq!(admitted.len(), 5 * ceiling);
}

#[test]
fn bursts_on_both_sides_of_a_minutes_edge_share_one_limit() {
    let limit = STARTER;
    let admitted = flood(limit, Duration::from_secs(59), Duration::from_secs(2));
    assert_eq!(admitted.len(), 1_200);
}

#[test]
fn a_change_of_tier_applies_to_what_was_counted_before() {
    let (free, starter) = (FREE, STARTER);
    let now = Duration::from_secs(1_000);
    let mut window = Window::default();
    let mut admitted = |limit| (0..5_000).filter(|_| window.try_consume(limit, now).is_admitted()).count();
    assert_eq!((admitted(free), admitted(starter), admitted(free)), (60, 1_140, 0));
}

#[test]
fn an_hour_of_refusals_makes_the_wait_no_longer() {
    let free = FREE;
    let start = Duration::from_millis(500);
    let mut window = Window::default();
    for _ in 0..60 {
        assert!(window.try_consume(free, start).is_admitted());
    }
    for millis in (500..61_000).step_by(7) {
        assert!(!window.try_consume(free, Duration::from_millis(millis)).is_admitted());
    }
    assert!(window.try_consume(free, Duration::from_secs(61)).is_admitted());
}
