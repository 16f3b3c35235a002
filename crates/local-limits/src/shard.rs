use std::collections::HashMap;

use core_domain::{Monotonic, RateLimit};
use limits::{Decision, Subject, Window};

/// The windows of some subjects of one kind.
#[derive(Default)]
pub(crate) struct Shard {
    windows: HashMap<Subject, Window>,
    /// What those have counted who found no room. Who gets room later starts from a copy of it, so that what it
    /// counted here is not forgiven.
    shared: Window,
    /// The number of windows at which idle ones are looked for.
    sweep_at: usize,
    /// The second of the last look, so that a flood of newcomers pays for one a second.
    swept: Option<u64>,
}

impl Shard {
    /// As many as a hash table with 1024 places takes.
    pub(crate) const CAPACITY: usize = 896;
    const FIRST_SWEEP: usize = 16;

    pub(crate) fn try_consume(&mut self, subject: Subject, limit: RateLimit, now: Monotonic) -> Decision {
        if let Some(window) = self.windows.get_mut(&subject) {
            return window.try_consume(limit, now);
        }
        self.sweep(now);
        if self.windows.len() >= Self::CAPACITY {
            return self.shared.try_consume(limit, now);
        }
        let mut window = self.shared;
        let decision = window.try_consume(limit, now);
        if decision.is_admitted() {
            self.windows.insert(subject, window);
        }
        decision
    }

    pub(crate) fn peek(&self, subject: &Subject, limit: RateLimit, now: Monotonic) -> Decision {
        self.windows.get(subject).unwrap_or(&self.shared).peek(limit, now)
    }

    /// Drops idle windows once their number has doubled since the last look: a constant cost for each newcomer.
    fn sweep(&mut self, now: Monotonic) {
        if self.windows.len() < self.sweep_at.max(Self::FIRST_SWEEP) || self.swept == Some(now.as_secs()) {
            return;
        }
        self.windows.retain(|_, window| !window.is_idle(now));
        self.sweep_at = (2 * self.windows.len()).min(Self::CAPACITY);
        self.swept = Some(now.as_secs());
        self.windows.shrink_to(self.sweep_at);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use limits::ANONYMOUS;

    use super::*;

    fn address(number: usize) -> Subject {
        Subject::Address(IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number).unwrap())).into())
    }

    fn full(now: Monotonic) -> Shard {
        let mut shard = Shard::default();
        for number in 0..Shard::CAPACITY {
            assert!(shard.try_consume(address(number), ANONYMOUS, now).is_admitted());
        }
        shard
    }

    #[test]
    fn idle_windows_are_dropped_as_others_come() {
        let now = Duration::from_secs(100);
        let mut shard = full(now);
        for number in Shard::CAPACITY..Shard::CAPACITY + 10 {
            assert!(shard.try_consume(address(number), ANONYMOUS, now + Duration::from_secs(61)).is_admitted());
        }
        assert_eq!(shard.windows.len(), 10);
        assert!(shard.windows.capacity() < Shard::CAPACITY / 2);
    }

    #[test]
    fn a_second_of_newcomers_to_a_full_shard_is_one_look_for_idle_windows() {
        let mut shard = full(Duration::from_secs(100));
        let later = Duration::from_secs(130);
        shard.try_consume(address(5_000), ANONYMOUS, later);
        assert_eq!(shard.swept, Some(130));
        // As if one had become idle since: it is kept until the next second looks.
        shard.windows.insert(address(0), Window::default());
        shard.try_consume(address(5_001), ANONYMOUS, later);
        assert!(shard.windows.contains_key(&address(0)));
        shard.try_consume(address(5_001), ANONYMOUS, later + Duration::from_secs(1));
        assert!(!shard.windows.contains_key(&address(0)));
    }

    #[test]
    fn newcomers_to_a_full_shard_share_one_limit_and_the_others_keep_theirs() {
        let now = Duration::from_secs(100);
        let mut shard = full(now);
        let newcomers = (0..600).map(|number| address(10_000 + number % 7));
        let admitted = newcomers.filter(|subject| shard.try_consume(*subject, ANONYMOUS, now).is_admitted()).count();
        assert_eq!(admitted, 60);
        assert_eq!(shard.windows.len(), Shard::CAPACITY);
        let known = (0..60).filter(|_| shard.try_consume(address(3), ANONYMOUS, now).is_admitted()).count();
        assert_eq!(known, 59);
    }

    #[test]
    fn room_that_comes_free_forgives_nothing() {
        let mut shard = full(Duration::from_secs(100));
        let newcomer = address(10_000);
        let then = Duration::from_secs(150);
        for _ in 0..40 {
            assert!(shard.try_consume(newcomer, ANONYMOUS, then).is_admitted());
        }
        // The first are idle now, the newcomer's requests still count.
        let later = Duration::from_secs(170);
        let admitted = (0..60).filter(|_| shard.try_consume(newcomer, ANONYMOUS, later).is_admitted()).count();
        assert_eq!(admitted, 20);
        assert!(shard.windows.contains_key(&newcomer));
        assert!(!shard.peek(&newcomer, ANONYMOUS, later).is_admitted());
    }

    #[test]
    fn a_refused_newcomer_takes_no_room() {
        let nothing = RateLimit { per_minute: 0, burst_percent: 0 };
        let mut shard = Shard::default();
        assert!(!shard.try_consume(address(1), nothing, Duration::ZERO).is_admitted());
        assert!(shard.windows.is_empty());
    }
}
