//! The limiter under threads, steps of the clock and floods of addresses.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is to fail")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use core_domain::{LineageId, RateLimit, Timestamp};
use limits::{ANONYMOUS, RateLimiter, Subject, conformance};
use local_limits::LocalRateLimiter;
use testkit::ManualClock;
use tokio::runtime::{Builder, Runtime};

const STARTER: RateLimit = RateLimit { per_minute: 1_000, burst_percent: 20 };

fn limiter() -> (Arc<LocalRateLimiter>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    (Arc::new(LocalRateLimiter::new(clock.clone())), clock)
}

fn lineage(number: i64) -> Subject {
    Subject::Lineage(LineageId::try_from(number).unwrap())
}

fn address(number: u32) -> Subject {
    Subject::Address(IpAddr::V4(Ipv4Addr::from_bits(number)).into())
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// How many of the requests pass.
async fn admitted(limiter: &LocalRateLimiter, subjects: impl Iterator<Item = Subject>) -> usize {
    let mut admitted = 0;
    for subject in subjects {
        admitted += usize::from(limiter.try_consume(subject, ANONYMOUS).await.is_admitted());
    }
    admitted
}

macro_rules! conformance {
    ($($property:ident($($subject:expr),+))+) => {
        $(
            #[tokio::test]
            async fn $property() {
                conformance::$property(&[limiter().0], $($subject),+).await;
            }
        )+
    };
}

conformance! {
    concurrent_requests_get_exactly_the_ceiling(lineage(1))
    what_remains_counts_down_to_the_burst(lineage(1))
    refused_requests_leave_nothing(lineage(1))
    a_changed_limit_applies_at_once(lineage(1))
    a_refusal_is_known_to_who_gave_it(lineage(1))
    asking_for_a_refusal_counts_nothing(lineage(1))
    subjects_share_nothing(lineage(1), lineage(2))
}

#[test]
fn threads_get_exactly_the_ceiling_of_each_subject() {
    let (limiter, _) = limiter();
    let limit = STARTER;
    let subjects = [lineage(1), lineage(2), address(1)];
    let passed: [AtomicUsize; 3] = Default::default();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                runtime().block_on(async {
                    for _ in 0..750 {
                        for (subject, passed) in subjects.iter().zip(&passed) {
                            let decision = limiter.try_consume(*subject, limit).await;
                            passed.fetch_add(usize::from(decision.is_admitted()), Ordering::Relaxed);
                        }
                    }
                });
            });
        }
    });
    assert_eq!(passed.map(AtomicUsize::into_inner), [1_200; 3]);
}

#[tokio::test]
async fn steps_of_the_wall_clock_change_nothing() {
    let (limiter, clock) = limiter();
    assert_eq!(admitted(&limiter, std::iter::repeat_n(address(1), 100)).await, 60);
    for moment in ["2031-01-01", "2001-01-01"] {
        clock.set(Timestamp::parse(moment).unwrap());
        assert_eq!(admitted(&limiter, std::iter::repeat_n(address(1), 100)).await, 0, "{moment}");
    }
    clock.advance(Duration::from_secs(61));
    assert_eq!(admitted(&limiter, std::iter::repeat_n(address(1), 100)).await, 60);
}

#[tokio::test]
async fn a_flood_of_addresses_costs_no_key_anything() {
    let (limiter, _) = limiter();
    let flood = u32::try_from(4 * LocalRateLimiter::CAPACITY).unwrap();
    let passed = admitted(&limiter, (0..flood).map(address)).await;
    assert!((LocalRateLimiter::CAPACITY..=LocalRateLimiter::CAPACITY + 64 * 60).contains(&passed));
    assert_eq!(admitted(&limiter, (1..1_000).map(lineage)).await, 999);
}

#[tokio::test]
async fn addresses_of_one_ipv6_network_are_one_client() {
    let (limiter, _) = limiter();
    let network = 0x2001_0db8_0000_0001_u128 << 64;
    let hosts = (0..500).map(|host| Subject::Address(IpAddr::V6(Ipv6Addr::from_bits(network + host)).into()));
    assert_eq!(admitted(&limiter, hosts).await, 60);
}
