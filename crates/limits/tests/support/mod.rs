//! Traces of arrivals, harmless and hostile, and the exact log that decisions are checked against.

use std::time::Duration;

use core_domain::RateLimit;
use proptest::prelude::*;

/// One request, and the limit it comes under.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) now: Duration,
    pub(crate) limit: RateLimit,
}

/// When each admitted request came: by the time read, or by the one before it where the clock went back.
#[derive(Debug, Default)]
pub(crate) struct Log(Vec<Duration>);

impl Log {
    pub(crate) fn admit(&mut self, now: Duration) {
        self.0.push(self.clamped(now));
    }

    /// How many came within `span` before `now`, both ends included.
    pub(crate) fn within(&self, span: Duration, now: Duration) -> u64 {
        let now = self.clamped(now);
        self.0.iter().rev().take_while(|at| now.saturating_sub(**at) <= span).count() as u64
    }

    fn clamped(&self, now: Duration) -> Duration {
        self.0.last().map_or(now, |last| now.max(*last))
    }
}

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Arrivals(usize),
    Wait(u64),
    ToEdgeOfSecond { before_it: bool },
    ToEdgeOfMinute { before_it: bool },
    Back(u64),
    Limit(RateLimit),
}

/// Up to a few minutes of requests, waits, steps of the clock and changes of the limit, in any order.
pub(crate) fn traces() -> impl Strategy<Value = Vec<Arrival>> {
    let step = prop_oneof![
        6 => (1_usize..30).prop_map(Step::Arrivals),
        2 => (0_u64..400).prop_map(Step::Wait),
        3 => (0_u64..5_000).prop_map(Step::Wait),
        2 => (50_000_u64..70_000).prop_map(Step::Wait),
        3 => any::<bool>().prop_map(|before_it| Step::ToEdgeOfSecond { before_it }),
        2 => any::<bool>().prop_map(|before_it| Step::ToEdgeOfMinute { before_it }),
        1 => (0_u64..100_000).prop_map(Step::Back),
        2 => limits().prop_map(Step::Limit),
    ];
    (0_u64..10_000_000, limits(), prop::collection::vec(step, 1..80)).prop_map(|(start, limit, steps)| {
        let (mut millis, mut limit, mut trace) = (start, limit, Vec::new());
        for step in steps {
            match step {
                Step::Arrivals(count) => {
                    let arrival = Arrival { now: Duration::from_millis(millis), limit };
                    trace.extend(std::iter::repeat_n(arrival, count));
                }
                Step::Wait(span) => millis += span,
                Step::ToEdgeOfSecond { before_it } => millis = edge(millis, 1_000, before_it),
                Step::ToEdgeOfMinute { before_it } => millis = edge(millis, 60_000, before_it),
                Step::Back(span) => millis = millis.saturating_sub(span),
                Step::Limit(new) => limit = new,
            }
        }
        trace
    })
}

/// The next multiple of `unit`, or the last moment before it.
fn edge(millis: u64, unit: u64, before_it: bool) -> u64 {
    (millis / unit + 1) * unit - u64::from(before_it)
}

/// Small ones, so that short traces reach them.
fn limits() -> impl Strategy<Value = RateLimit> {
    (0_u32..40, prop::sample::select(vec![0, 20, 100]))
        .prop_map(|(per_minute, burst_percent)| RateLimit { per_minute, burst_percent })
}
