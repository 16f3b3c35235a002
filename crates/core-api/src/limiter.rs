use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use core_domain::{BoxError, Clock};
use http_api::HealthCheck;
use limits::RateLimiter;
use local_limits::LocalRateLimiter;
use redis_limits::{RedisOptions, RedisRateLimiter};

use crate::config::Config;

/// The rate limiter, and what must be up for it to be exact over all replicas.
pub(crate) struct Limiter {
    pub(crate) limiter: Arc<dyn RateLimiter>,
    pub(crate) health: Option<Arc<dyn HealthCheck>>,
}

impl Limiter {
    /// On the configured Redis, or within this process when there is none.
    pub(crate) async fn open(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let local: Arc<dyn RateLimiter> = Arc::new(LocalRateLimiter::new(Arc::clone(clock)));
        let Some(url) = &config.redis_url else { return Ok(Self { limiter: local, health: None }) };
        let options = RedisOptions { budget: config.redis_budget };
        let connected = RedisRateLimiter::connect(url, options, Arc::clone(clock), local).await;
        let redis = Arc::new(connected.context("REDIS_URL is wrong")?);
        Ok(Self { limiter: redis.clone(), health: Some(Arc::new(Redis(redis))) })
    }
}

/// The limiter's Redis, as a part that can be down.
struct Redis(Arc<RedisRateLimiter>);

#[async_trait]
impl HealthCheck for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    async fn check(&self) -> Result<(), BoxError> {
        Ok(self.0.ping().await?)
    }
}
