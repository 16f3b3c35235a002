//! The limiter's properties, on three replicas that share a Redis.

use std::env;
use std::sync::Arc;

use limits::{RateLimiter, conformance};
use system::SystemClock;
use tokio::task::JoinSet;

use crate::support::{LIMIT, PATIENT, limiter, unused_subject};

async fn replicas() -> Vec<Arc<dyn RateLimiter>> {
    let url = env::var("CORE_API_TEST_REDIS_URL").unwrap_or_else(|_| {
        panic!(
            "these tests need a Redis server: run `cargo xtask test`, which starts one, or name one in \
                CORE_API_TEST_REDIS_URL (redis://127.0.0.1:6379)"
        )
    });
    let mut replicas: Vec<Arc<dyn RateLimiter>> = Vec::new();
    for _ in 0..3 {
        replicas.push(limiter(&url, PATIENT, Arc::new(SystemClock::new())).await);
    }
    replicas
}

macro_rules! conformance {
    ($($property:ident($($subject:expr),+))+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $property() {
                conformance::$property(&replicas().await, $($subject),+).await;
            }
        )+
    };
}

conformance! {
    concurrent_requests_get_exactly_the_ceiling(unused_subject())
    what_remains_counts_down_to_the_burst(unused_subject())
    refused_requests_leave_nothing(unused_subject())
    a_changed_limit_applies_at_once(unused_subject())
    a_refusal_is_known_to_who_gave_it(unused_subject())
    asking_for_a_refusal_counts_nothing(unused_subject())
    subjects_share_nothing(unused_subject(), unused_subject())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_clients_of_three_replicas_get_exactly_the_ceiling() {
    let (replicas, subject) = (replicas().await, unused_subject());
    let mut clients = JoinSet::new();
    for client in 0..30 {
        let replica = Arc::clone(&replicas[client % replicas.len()]);
        clients.spawn(async move {
            let mut admitted = 0;
            for _ in 0..10 {
                admitted += u64::from(replica.try_consume(subject, LIMIT).await.is_admitted());
            }
            admitted
        });
    }
    assert_eq!(clients.join_all().await.iter().sum::<u64>(), LIMIT.ceiling());
}
