//! Limiters on a real Redis, and subjects that nobody else counts for.

use std::sync::Arc;
use std::time::Duration;

use core_domain::{Clock, Entropy as _, LineageId, RateLimit};
use limits::{Decision, MockRateLimiter, RateLimiter, Standing, Subject};
use redis_limits::{RedisOptions, RedisRateLimiter};
use system::OsEntropy;

pub(crate) const LIMIT: RateLimit = RateLimit { per_minute: 50, burst_percent: 20 };

/// What every decision of the fallback says, and none of Redis does.
const ALONE: Duration = Duration::from_secs(999);

pub(crate) fn unused_subject() -> Subject {
    let mut bytes = [0; 8];
    OsEntropy::default().fill(&mut bytes);
    Subject::Lineage(LineageId::try_from(i64::from_le_bytes(bytes) & i64::MAX | 1).unwrap())
}

/// Longer than a loaded machine takes.
pub(crate) const PATIENT: RedisOptions = RedisOptions { budget: Duration::from_secs(5) };

pub(crate) async fn limiter(url: &str, options: RedisOptions, clock: Arc<dyn Clock>) -> Arc<RedisRateLimiter> {
    let mut fallback = MockRateLimiter::new();
    fallback.expect_try_consume().returning(|_, limit| Decision::Admitted(Standing::new(limit, 0, ALONE)));
    fallback.expect_known_refusal().returning(|_, _| None);
    Arc::new(RedisRateLimiter::connect(url, options, clock, Arc::new(fallback)).await.unwrap())
}

/// Whether the fallback made the decision.
pub(crate) async fn decides_alone(limiter: &RedisRateLimiter) -> bool {
    limiter.try_consume(unused_subject(), LIMIT).await.standing().resets_in == ALONE
}
