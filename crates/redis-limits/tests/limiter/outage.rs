//! What callers and the operator see when Redis is lost, slow, or forgets.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use core_domain::Clock as _;
use limits::RateLimiter as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use redis_limits::{ConnectError, RedisOptions, RedisRateLimiter};
use system::SystemClock;
use testkit::ManualClock;
use testkit::servers::Redis;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{LIMIT, PATIENT, decides_alone, limiter, unused_subject};

/// The log, line by line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn take(&self) -> Vec<String> {
        let text = String::from_utf8(std::mem::take(&mut self.0.lock().unwrap())).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Lets pauses pass until Redis decides again.
///
/// A loaded machine may miss the budget at the first try.
async fn recover(limiter: &RedisRateLimiter, clock: &ManualClock) {
    for _ in 0..20 {
        clock.advance(Duration::from_secs(4));
        if !decides_alone(limiter).await {
            return;
        }
    }
    panic!("Redis was not found again");
}

#[tokio::test]
async fn a_lost_redis_surfaces_no_error_and_is_found_again() {
    let lines = Lines::default();
    let log = tracing_subscriber::fmt().with_writer(lines.clone()).with_ansi(false).finish();
    let _log = tracing::subscriber::set_default(log);
    let recorder = PrometheusBuilder::new().build_recorder();
    let (metrics, _recorder) = (recorder.handle(), metrics::set_default_local_recorder(&recorder));

    let (mut redis, clock) = (Redis::start().unwrap(), Arc::new(ManualClock::default()));
    let limiter = limiter(&redis.url(), PATIENT, clock.clone()).await;
    assert!(!decides_alone(&limiter).await);
    assert!(limiter.ping().await.is_ok());
    assert_eq!(lines.take(), Vec::<String>::new());

    redis.kill();
    for _ in 0..100 {
        assert!(decides_alone(&limiter).await);
    }
    assert!(limiter.ping().await.is_err());
    let lost = lines.take();
    assert!(lost.len() == 1 && lost[0].contains("WARN") && lost[0].contains("Redis is lost"), "{lost:?}");
    assert!(metrics.render().contains("rate_limiter_fallback_total 100\n"));
    assert!(metrics.render().contains("rate_limiter_fallback_active 1\n"));

    // Each finds Redis gone still, in silence.
    for _ in 0..5 {
        clock.advance(Duration::from_secs(4));
        assert!(decides_alone(&limiter).await);
    }
    assert_eq!(lines.take(), Vec::<String>::new());

    redis.revive().unwrap();
    recover(&limiter, &clock).await;
    assert!(!decides_alone(&limiter).await);
    let back = lines.take();
    assert!(back.len() == 1 && back[0].contains("INFO") && back[0].contains("Redis is back"), "{back:?}");
    assert!(metrics.render().contains("rate_limiter_fallback_active 0\n"));
}

#[tokio::test]
async fn a_redis_that_does_not_answer_costs_its_budget_and_then_nothing() {
    let (redis, clock) = (Redis::start().unwrap(), Arc::new(ManualClock::default()));
    let options = RedisOptions::default();
    let limiter = limiter(&redis.url(), options, clock.clone()).await;
    let admin = redis::Client::open(redis.url()).unwrap();
    let mut admin = admin.get_multiplexed_async_connection().await.unwrap();
    let mut client = async |arguments: &[&str]| {
        redis::cmd("CLIENT").arg(arguments).query_async::<()>(&mut admin).await.unwrap();
    };
    // Of all commands only those that write wait for the end of it, and the script does.
    client(&["PAUSE", "600000", "WRITE"]).await;

    let world = SystemClock::new();
    let started = world.monotonic();
    for _ in 0..1_000 {
        assert!(decides_alone(&limiter).await);
    }
    let spent = world.monotonic().saturating_sub(started);
    assert!(spent >= 3 * options.budget && spent < Duration::from_secs(5), "{spent:?}");

    client(&["UNPAUSE"]).await;
    recover(&limiter, &clock).await;
}

#[tokio::test]
async fn replicas_start_without_redis_and_find_it_later() {
    let (mut redis, clock) = (Redis::start().unwrap(), Arc::new(ManualClock::default()));
    redis.kill();
    let limiter = limiter(&redis.url(), PATIENT, clock.clone()).await;
    assert!(decides_alone(&limiter).await);
    redis.revive().unwrap();
    recover(&limiter, &clock).await;
}

#[tokio::test]
async fn a_forgotten_script_is_sent_again_and_counts_stay() {
    let redis = Redis::start().unwrap();
    let limiter = limiter(&redis.url(), PATIENT, Arc::new(ManualClock::default())).await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut admin = client.get_multiplexed_async_connection().await.unwrap();
    let subject = unused_subject();
    for remaining in (40..50).rev() {
        redis::cmd("SCRIPT").arg("FLUSH").query_async::<()>(&mut admin).await.unwrap();
        assert_eq!(limiter.try_consume(subject, LIMIT).await.standing().remaining, remaining);
    }
}

#[tokio::test]
async fn a_blocked_client_costs_redis_nothing() {
    let (mut redis, clock) = (Redis::start().unwrap(), Arc::new(ManualClock::default()));
    let limiter = limiter(&redis.url(), PATIENT, clock.clone()).await;
    let subject = unused_subject();
    while limiter.try_consume(subject, LIMIT).await.is_admitted() {}
    redis.kill();
    for _ in 0..100 {
        assert!(!limiter.try_consume(subject, LIMIT).await.is_admitted());
    }
    // None of them was tried on Redis: its absence is yet to be noticed.
    redis.revive().unwrap();
    assert!(limiter.ping().await.is_err());
    assert!(!decides_alone(&limiter).await);
    // Redis came back empty, and the wait is over.
    clock.advance(Duration::from_secs(61));
    assert_eq!(limiter.try_consume(subject, LIMIT).await.standing().remaining, 49);
}

#[tokio::test]
async fn a_url_of_something_else_is_refused_and_tls_is_understood() {
    let clock = Arc::new(ManualClock::default());
    let connect = async |url: &str| {
        let fallback = Arc::new(limits::MockRateLimiter::new());
        RedisRateLimiter::connect(url, PATIENT, clock.clone(), fallback).await
    };
    assert!(matches!(connect("https://127.0.0.1").await, Err(ConnectError::Url(_))));
    let redis = Redis::start().unwrap();
    // The server speaks no TLS: the handshake is tried, and fails.
    let limiter = connect(&redis.url().replace("redis:", "rediss:")).await.unwrap();
    assert!(limiter.ping().await.is_err());
}
