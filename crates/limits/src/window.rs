use std::time::Duration;

use core_domain::RateLimit;

use crate::{Decision, Refusal, Standing};

/// What one subject was granted in the last 60 seconds, in 61 buckets of one second.
///
/// At a moment within second `s` the buckets `s - 60` to `s` count. They cover every moment of the last 60 seconds, and
/// up to one second more: so never do more requests than the limit pass in any 60 seconds, and one is refused only if
/// as many passed within the last 61.
///
/// Moments are distances from any one origin. One that lies before the newest admission counts as that admission's
/// second. The window is small, holds no limit, and is empty by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// By second modulo their number, from `newest - 60` to `newest`.
    buckets: [u32; BUCKETS],
    /// The sum of the buckets, so that a decision need not add them up.
    total: u32,
    /// The second of the newest admission.
    newest: u64,
}

const BUCKETS: usize = 61;
const SPAN: u64 = BUCKETS as u64;

impl Default for Window {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], total: 0, newest: 0 }
    }
}

impl Window {
    /// Decides on one request, and counts it if it passes.
    ///
    /// The cost grows with the seconds since the last admission, up to 61 of them, and not with the limit. A refusal
    /// leaves the window as it was.
    pub fn try_consume(&mut self, limit: RateLimit, now: Duration) -> Decision {
        let decision = self.peek(limit, now);
        if !decision.is_admitted() {
            return decision;
        }
        self.move_to(now.as_secs());
        self.buckets[index(self.newest)] += 1;
        self.total += 1;
        Decision::Admitted(Standing::new(limit, self.total, self.resets_in(now)))
    }

    /// What [`try_consume`](Self::try_consume) would decide, without counting.
    pub fn peek(&self, limit: RateLimit, now: Duration) -> Decision {
        // A counter of 32 bits is the only other bound, far above what a process can be asked in a minute.
        let ceiling = u32::try_from(limit.ceiling()).unwrap_or(u32::MAX);
        let passed = self.passed(now.as_secs());
        let live = self.total - self.oldest_first().take(passed).sum::<u32>();
        let resets_in = if live == 0 { Duration::ZERO } else { self.resets_in(now) };
        let standing = Standing::new(limit, live, resets_in);
        if live < ceiling {
            return Decision::Admitted(standing);
        }
        let retry_after = self.retry_after(passed, live, ceiling, now);
        Decision::Refused(Refusal { standing, retry_after })
    }

    /// Whether nothing in it counts any more: it may then be forgotten.
    pub fn is_idle(&self, now: Duration) -> bool {
        self.total == 0 || self.passed(now.as_secs()) == BUCKETS
    }

    /// The wait until so many of the oldest buckets no longer count that the others are below the ceiling.
    fn retry_after(&self, passed: usize, live: u32, ceiling: u32, now: Duration) -> Duration {
        let mut left = live;
        for (age, count) in (1..).zip(self.oldest_first()).skip(passed) {
            left -= count;
            if left < ceiling {
                return Duration::from_secs(self.newest.saturating_add(age)).saturating_sub(now);
            }
        }
        Duration::from_mins(1)
    }

    fn resets_in(&self, now: Duration) -> Duration {
        Duration::from_secs(self.newest.saturating_add(SPAN)).saturating_sub(now)
    }

    /// How many of the oldest buckets no longer count at `second`.
    fn passed(&self, second: u64) -> usize {
        usize::try_from(second.saturating_sub(self.newest)).unwrap_or(BUCKETS).min(BUCKETS)
    }

    fn oldest_first(&self) -> impl Iterator<Item = u32> {
        let (recent, old) = self.buckets.split_at(index(self.newest) + 1);
        old.iter().chain(recent).copied()
    }

    fn move_to(&mut self, second: u64) {
        let passed = self.passed(second);
        if passed == BUCKETS {
            *self = Self::default();
        } else {
            let oldest = index(self.newest) + 1;
            for age in 0..passed {
                self.total -= std::mem::take(&mut self.buckets[(oldest + age) % BUCKETS]);
            }
        }
        self.newest = self.newest.max(second);
    }
}

const fn index(second: u64) -> usize {
    (second % SPAN) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ANONYMOUS;

    #[test]
    fn it_is_small() {
        assert!(size_of::<Window>() <= 256 + 8);
    }

    #[test]
    fn a_full_window_opens_as_its_oldest_second_leaves() {
        let mut window = Window::default();
        let at = Duration::from_millis;
        for _ in 0..60 {
            assert!(window.try_consume(ANONYMOUS, at(10_999)).is_admitted());
        }
        let refusal = window.try_consume(ANONYMOUS, at(11_000)).refusal().unwrap();
        assert_eq!(refusal.retry_after, at(60_000));
        assert_eq!(refusal.standing.resets_in, at(60_000));
        assert!(!window.peek(ANONYMOUS, at(70_999)).is_admitted());
        assert!(window.peek(ANONYMOUS, at(71_000)).is_admitted());
    }

    #[test]
    fn the_whole_limit_is_free_again_when_it_says_so() {
        let mut window = Window::default();
        let now = Duration::from_millis(5_250);
        assert_eq!(window.peek(ANONYMOUS, now).standing().resets_in, Duration::ZERO);
        let standing = window.try_consume(ANONYMOUS, now).standing();
        assert_eq!((standing.remaining, standing.resets_in), (59, Duration::from_millis(60_750)));
        let then = now + standing.resets_in;
        assert_eq!(window.peek(ANONYMOUS, then.saturating_sub(Duration::from_nanos(1))).standing().remaining, 59);
        assert_eq!(window.peek(ANONYMOUS, then).standing().remaining, 60);
        assert!(window.is_idle(then));
    }

    #[test]
    fn a_limit_of_zero_lets_nothing_pass() {
        let nothing = RateLimit { per_minute: 0, burst_percent: 100 };
        let mut window = Window::default();
        let refusal = window.try_consume(nothing, Duration::from_secs(7)).refusal().unwrap();
        assert_eq!(refusal.retry_after, Duration::from_mins(1));
    }

    #[test]
    fn the_ends_of_time_are_moments_like_others() {
        let mut window = Window::default();
        for now in [Duration::ZERO, Duration::MAX, Duration::ZERO, Duration::MAX] {
            assert!(window.try_consume(ANONYMOUS, now).is_admitted());
        }
        assert_eq!(window.peek(ANONYMOUS, Duration::MAX).standing().remaining, 57);
    }
}
