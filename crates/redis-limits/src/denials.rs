use core_domain::{Monotonic, RateLimit};
use limits::{Refusal, Standing, Subject};
use moka::sync::Cache;

/// Who was refused, until the wait is over: no request elsewhere can shorten it.
pub(crate) struct Denials(Cache<Subject, Denial>);

#[derive(Clone, Copy)]
struct Denial {
    limit: RateLimit,
    refusal: Refusal,
    heard_at: Monotonic,
}

impl Denials {
    /// Beyond it some are forgotten, and ask Redis again.
    const CAPACITY: u64 = 50_000;

    pub(crate) fn new() -> Self {
        Self(Cache::new(Self::CAPACITY))
    }

    /// The refusal as it is now. One under another limit says nothing about this one.
    pub(crate) fn find(&self, subject: Subject, limit: RateLimit, now: Monotonic) -> Option<Refusal> {
        let denial = self.0.get(&subject).filter(|denial| denial.limit == limit)?;
        let Refusal { standing, retry_after } = denial.refusal;
        let passed = now.saturating_sub(denial.heard_at);
        let Some(retry_after) = retry_after.checked_sub(passed).filter(|wait| !wait.is_zero()) else {
            self.0.invalidate(&subject);
            return None;
        };
        let standing = Standing { resets_in: standing.resets_in.saturating_sub(passed), ..standing };
        Some(Refusal { standing, retry_after })
    }

    /// Keeps a refusal that was heard at `now`: counted from then the wait is never too short.
    pub(crate) fn insert(&self, subject: Subject, limit: RateLimit, refusal: Refusal, now: Monotonic) {
        self.0.insert(subject, Denial { limit, refusal, heard_at: now });
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use limits::{ANONYMOUS, PIXEL};

    use super::*;

    #[test]
    fn a_refusal_is_known_until_its_wait_is_over_and_under_its_limit() {
        let subject = Subject::Address(IpAddr::V4(Ipv4Addr::LOCALHOST).into());
        let denials = Denials::new();
        let at = Duration::from_secs;
        let standing = Standing::new(ANONYMOUS, 60, at(50));
        denials.insert(subject, ANONYMOUS, Refusal { standing, retry_after: at(20) }, at(100));

        let known = denials.find(subject, ANONYMOUS, at(119)).unwrap();
        assert_eq!((known.retry_after, known.standing.resets_in), (at(1), at(31)));
        assert_eq!(denials.find(subject, PIXEL, at(119)), None);
        assert_eq!(denials.find(subject, ANONYMOUS, at(120)), None);
    }
}
