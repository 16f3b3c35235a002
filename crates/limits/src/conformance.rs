//! What every limiter must do, seen through the port: each function states one fact, and panics when it does not hold.
//!
//! `replicas` are instances of one limiter that count together. No property waits, so one on a clock that stands still
//! and one on the world's are asked the same; each takes a subject that nobody has used before.
#![expect(clippy::missing_panics_doc, reason = "a property that does not hold is to panic")]

use std::sync::Arc;
use std::time::Duration;

use core_domain::RateLimit;
use futures_util::future::join_all;

use crate::{Decision, RateLimiter, Subject};

const LIMIT: RateLimit = RateLimit { per_minute: 50, burst_percent: 20 };
const CEILING: usize = 60;

/// Of five times as many requests at once as the ceiling, over all replicas, exactly the ceiling passes.
pub async fn concurrent_requests_get_exactly_the_ceiling(replicas: &[Arc<dyn RateLimiter>], subject: Subject) {
    let requests = replicas.iter().cycle().take(5 * CEILING).map(|replica| replica.try_consume(subject, LIMIT));
    let decisions = join_all(requests).await;
    assert_eq!(decisions.iter().filter(|decision| decision.is_admitted()).count(), CEILING);
}

/// Every request takes one of what remains, whichever replica it comes to, and the burst passes after that.
pub async fn what_remains_counts_down_to_the_burst(replicas: &[Arc<dyn RateLimiter>], subject: Subject) {
    for (count, replica) in (1..=60_u32).zip(replicas.iter().cycle()) {
        let decision = replica.try_consume(subject, LIMIT).await;
        assert!(decision.is_admitted());
        let standing = decision.standing();
        assert_eq!((standing.limit, standing.remaining), (50, 50_u32.saturating_sub(count)));
        assert!(standing.resets_in > Duration::from_mins(1) && standing.resets_in <= Duration::from_secs(61));
    }
}

/// However many are refused, the wait gets no longer for it.
pub async fn refused_requests_leave_nothing(replicas: &[Arc<dyn RateLimiter>], subject: Subject) {
    fill(replicas, subject).await;
    let mut wait = Duration::from_secs(61);
    for replica in replicas.iter().cycle().take(100) {
        let Decision::Refused(refusal) = replica.try_consume(subject, LIMIT).await else {
            panic!("a request passed above the ceiling");
        };
        // Two machines' clocks run apart by less than this, within a test.
        assert!(refusal.retry_after <= wait + Duration::from_millis(20));
        assert!(refusal.retry_after <= refusal.standing.resets_in + Duration::from_millis(20));
        wait = wait.min(refusal.retry_after);
    }
}

/// A raised limit lets the difference pass, and a lowered one nothing, whatever was refused before.
pub async fn a_changed_limit_applies_at_once(replicas: &[Arc<dyn RateLimiter>], subject: Subject) {
    fill(replicas, subject).await;
    let raised = RateLimit { per_minute: 55, burst_percent: 20 };
    let lowered = RateLimit { per_minute: 5, burst_percent: 0 };
    for (limit, expected) in [(LIMIT, 0), (raised, 6), (LIMIT, 0), (lowered, 0), (raised, 0)] {
        let mut admitted = 0;
        for replica in replicas.iter().cycle().take(20) {
            admitted += usize::from(replica.try_consume(subject, limit).await.is_admitted());
        }
        assert_eq!(admitted, expected, "{limit:?}");
    }
}

/// A refusal is known from then on without asking, and under no other limit.
pub async fn a_refusal_is_known_to_who_gave_it(replicas: &[Arc<dyn RateLimiter>], subject: Subject) {
    fill(replicas, subject).await;
    let raised = RateLimit { per_minute: 51, ..LIMIT };
    for replica in replicas {
        assert!(!replica.try_consume(subject, LIMIT).await.is_admitted());
        let known = replica.known_refusal(subject, LIMIT);
        assert!(known.is_some_and(|refusal| refusal.standing.limit == 50 && refusal.standing.remaining == 0));
        assert_eq!(replica.known_refusal(subject, raised), None);
    }
}

/// Asking for a known refusal counts nothing.
pub async fn asking_for_a_refusal_counts_nothing(replicas: &[Arc<dyn RateLimiter>], subject: Subject) {
    for replica in replicas.iter().cycle().take(2 * CEILING) {
        assert_eq!(replica.known_refusal(subject, LIMIT), None);
    }
    fill(replicas, subject).await;
}

/// One subject's requests take nothing from another's.
pub async fn subjects_share_nothing(replicas: &[Arc<dyn RateLimiter>], subject: Subject, other: Subject) {
    fill(replicas, subject).await;
    fill(replicas, other).await;
}

async fn fill(replicas: &[Arc<dyn RateLimiter>], subject: Subject) {
    for replica in replicas.iter().cycle().take(CEILING) {
        assert!(replica.try_consume(subject, LIMIT).await.is_admitted());
    }
}
