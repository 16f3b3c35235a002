use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use core_domain::{Clock, RateLimit};
use limits::{Decision, RateLimiter, Refusal, Subject};
use tokio::runtime::Handle;

use crate::breaker::{Breaker, Permit};
use crate::denials::Denials;
use crate::link::Link;
use crate::{ConnectError, Unreachable};

/// How a limiter uses its Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedisOptions {
    /// How long a request waits for Redis before it is decided without.
    pub budget: Duration,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self { budget: Duration::from_millis(20) }
    }
}

/// Counts in one Redis, together with every other replica on it.
pub struct RedisRateLimiter {
    link: Link,
    options: RedisOptions,
    clock: Arc<dyn Clock>,
    denials: Denials,
    breaker: Breaker,
    fallback: Arc<dyn RateLimiter>,
}

impl fmt::Debug for RedisRateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRateLimiter").field("falls_back", &self.breaker.is_open()).finish_non_exhaustive()
    }
}

impl RedisRateLimiter {
    const PING_TIMEOUT: Duration = Duration::from_secs(1);

    /// A limiter on the Redis at `url`; `fallback` decides while there is none.
    ///
    /// A Redis that can't be reached is no error here either: replicas must be able to start without it. The runtime of
    /// the caller drives the connection and must live as long as the limiter.
    pub async fn connect(
        url: &str,
        options: RedisOptions,
        clock: Arc<dyn Clock>,
        fallback: Arc<dyn RateLimiter>,
    ) -> Result<Self, ConnectError> {
        let limiter = Self {
            link: Link::open(url, Handle::current())?,
            options,
            clock,
            denials: Denials::new(),
            breaker: Breaker::closed(),
            fallback,
        };
        metrics::gauge!(ACTIVE).set(0);
        // What is found here is what the first requests would find, at their own expense.
        while !limiter.breaker.is_open() {
            let answer = limiter.ping().await;
            limiter.note(Permit::Regular, &answer);
            if answer.is_ok() {
                break;
            }
        }
        Ok(limiter)
    }

    /// Asks Redis for a sign of life.
    pub async fn ping(&self) -> Result<(), Unreachable> {
        let ping = async |mut connection| redis::cmd("PING").query_async(&mut connection).await;
        self.link.call(Self::PING_TIMEOUT, ping).await
    }

    async fn ask(&self, subject: Subject, limit: RateLimit) -> Result<Decision, Unreachable> {
        let run = async |mut connection| self.link.script.run(&mut connection, subject, limit, None).await;
        self.link.call(self.options.budget, run).await
    }

    /// Tells the breaker how it went, and the operator what follows from it.
    fn note<T>(&self, permit: Permit, answer: &Result<T, Unreachable>) {
        match answer {
            Ok(_) if self.breaker.succeed(permit) => {
                metrics::gauge!(ACTIVE).set(0);
                tracing::info!("Redis is back: rate limits are shared again");
            }
            Err(error) if self.breaker.fail(permit, self.clock.monotonic()) => {
                metrics::gauge!(ACTIVE).set(1);
                tracing::warn!(%error, "Redis is lost: each replica limits rates on its own until it is back");
            }
            Ok(_) | Err(_) => {}
        }
    }
}

const ACTIVE: &str = "rate_limiter_fallback_active";

#[async_trait]
impl RateLimiter for RedisRateLimiter {
    async fn try_consume(&self, subject: Subject, limit: RateLimit) -> Decision {
        let now = self.clock.monotonic();
        if let Some(refusal) = self.denials.find(subject, limit, now) {
            return Decision::Refused(refusal);
        }
        if let Some(permit) = self.breaker.permit(now) {
            let answer = self.ask(subject, limit).await;
            self.note(permit, &answer);
            if let Ok(decision) = answer {
                if let Decision::Refused(refusal) = decision {
                    self.denials.insert(subject, limit, refusal, self.clock.monotonic());
                }
                return decision;
            }
        }
        metrics::counter!("rate_limiter_fallback_total").increment(1);
        self.fallback.try_consume(subject, limit).await
    }

    fn known_refusal(&self, subject: Subject, limit: RateLimit) -> Option<Refusal> {
        self.denials.find(subject, limit, self.clock.monotonic()).or_else(|| {
            let alone = self.breaker.is_open();
            if alone { self.fallback.known_refusal(subject, limit) } else { None }
        })
    }
}
