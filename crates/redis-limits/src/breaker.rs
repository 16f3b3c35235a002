use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use core_domain::Monotonic;

/// Decides when a server is asked at all, so that one that is down costs no request its time.
///
/// It opens after [`TOLERATED`](Self::TOLERATED) failures in a row. Then one request after each pause is let through to
/// try; the pauses double, and the first success closes it.
pub(crate) struct Breaker(Mutex<State>);

enum State {
    Closed { failures: u32 },
    Open { pause: Duration, probe_at: Monotonic },
}

/// The right to ask, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permit {
    Regular,
    Probe,
}

impl Breaker {
    const TOLERATED: u32 = 3;
    const FIRST_PAUSE: Duration = Duration::from_millis(250);
    const LONGEST_PAUSE: Duration = Duration::from_secs(4);

    pub(crate) fn closed() -> Self {
        Self(Mutex::new(State::Closed { failures: 0 }))
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(*self.state(), State::Open { .. })
    }

    pub(crate) fn permit(&self, now: Monotonic) -> Option<Permit> {
        match &mut *self.state() {
            State::Closed { .. } => Some(Permit::Regular),
            State::Open { pause, probe_at } if *probe_at <= now => {
                // Should this one never tell how it went, because its client left, another tries after the pause.
                *probe_at = now + *pause;
                Some(Permit::Probe)
            }
            State::Open { .. } => None,
        }
    }

    /// Returns whether this has closed it.
    pub(crate) fn succeed(&self, permit: Permit) -> bool {
        let mut state = self.state();
        match (&*state, permit) {
            // Asked before it opened: that the server was well then says nothing.
            (State::Open { .. }, Permit::Regular) => false,
            (was, _) => {
                let closes = matches!(was, State::Open { .. });
                *state = State::Closed { failures: 0 };
                closes
            }
        }
    }

    /// Returns whether this has opened it.
    pub(crate) fn fail(&self, permit: Permit, now: Monotonic) -> bool {
        let mut state = self.state();
        match (&mut *state, permit) {
            (State::Closed { failures }, _) if *failures + 1 < Self::TOLERATED => {
                *failures += 1;
                false
            }
            (State::Closed { .. }, _) => {
                *state = State::Open { pause: Self::FIRST_PAUSE, probe_at: now + Self::FIRST_PAUSE };
                true
            }
            (State::Open { pause, probe_at }, Permit::Probe) => {
                *pause = (*pause * 2).min(Self::LONGEST_PAUSE);
                *probe_at = now + *pause;
                false
            }
            (State::Open { .. }, Permit::Regular) => false,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Monotonic = Duration::from_secs(1_000);

    fn open() -> Breaker {
        let breaker = Breaker::closed();
        let opened = [(); 3].map(|()| breaker.fail(Permit::Regular, NOW));
        assert_eq!(opened, [false, false, true]);
        breaker
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let breaker = Breaker::closed();
        for _ in 0..10 {
            assert!(!breaker.fail(Permit::Regular, NOW));
            assert!(!breaker.fail(Permit::Regular, NOW));
            assert!(!breaker.succeed(Permit::Regular));
        }
        assert_eq!(breaker.permit(NOW), Some(Permit::Regular));
    }

    #[test]
    fn one_request_tries_after_each_pause_and_the_pauses_grow() {
        let breaker = open();
        let mut now = NOW;
        for millis in [250, 500, 1_000, 2_000, 4_000, 4_000] {
            let pause = Duration::from_millis(millis);
            assert_eq!(breaker.permit(now + pause.mul_f32(0.99)), None);
            now += pause;
            assert_eq!(breaker.permit(now), Some(Permit::Probe));
            assert_eq!(breaker.permit(now), None);
            assert!(!breaker.fail(Permit::Probe, now));
        }
    }

    #[test]
    fn the_first_success_of_a_try_closes_it() {
        let breaker = open();
        assert_eq!(breaker.permit(NOW + Breaker::FIRST_PAUSE), Some(Permit::Probe));
        assert!(breaker.succeed(Permit::Probe));
        assert_eq!(breaker.permit(NOW), Some(Permit::Regular));
    }

    #[test]
    fn stragglers_neither_close_it_nor_make_the_pause_longer() {
        let breaker = open();
        assert!(!breaker.succeed(Permit::Regular));
        assert!(!breaker.fail(Permit::Regular, NOW + Duration::from_millis(200)));
        assert_eq!(breaker.permit(NOW + Breaker::FIRST_PAUSE), Some(Permit::Probe));
    }

    #[test]
    fn a_try_that_is_never_heard_of_again_is_followed_by_another() {
        let breaker = open();
        assert_eq!(breaker.permit(NOW + Breaker::FIRST_PAUSE), Some(Permit::Probe));
        assert_eq!(breaker.permit(NOW + 2 * Breaker::FIRST_PAUSE), Some(Permit::Probe));
    }
}
