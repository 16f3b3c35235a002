//! Who is let in, and what it costs the store.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{hasher, key, token};
use async_trait::async_trait;
use core_domain::{ApiKeyId, StorageError, Tier, Timestamp};
use keys::{
    ApiKey, AuthenticateError, Authenticator, CredentialStore, KeyDigest, MockCredentialStore, Rejection,
    StoredCredential,
};
use proptest::prelude::*;
use testkit::ManualClock;
use tokio::sync::{Mutex, Notify};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn found(key: &ApiKey) -> StoredCredential {
    StoredCredential { key: key.clone(), ceiling: Tier::Pro }
}

/// A store that holds `key` and allows exactly `look_ups` look-ups.
fn store_of(key: ApiKey, look_ups: usize) -> MockCredentialStore {
    let mut store = MockCredentialStore::new();
    store
        .expect_find_credential()
        .times(look_ups)
        .returning(move |digests| Ok(digests.contains(&key.digest).then(|| found(&key))));
    store
}

fn authenticator(store: impl CredentialStore + 'static) -> (Authenticator, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    (Authenticator::new(Arc::new(store), Arc::new(hasher()), clock.clone()), clock)
}

fn rejection(outcome: &Result<Arc<core_domain::Principal>, AuthenticateError>) -> Option<Rejection> {
    match outcome {
        Err(AuthenticateError::Rejected(reason)) => Some(*reason),
        _ => None,
    }
}

#[tokio::test]
async fn a_second_is_one_look_up() {
    let token = token(1);
    let (authenticator, clock) = authenticator(store_of(key(&token), 2));
    for _ in 0..50 {
        assert!(authenticator.authenticate(token.expose(), HERE).await.is_ok());
        clock.advance(Duration::from_millis(19));
    }
    clock.advance(Duration::from_millis(50));
    assert!(authenticator.authenticate(token.expose(), HERE).await.is_ok());
}

#[tokio::test]
async fn an_unknown_key_is_one_look_up_a_second_too() {
    let mut store = MockCredentialStore::new();
    store.expect_find_credential().times(1).returning(|_| Ok(None));
    let (authenticator, _) = authenticator(store);
    for _ in 0..20 {
        let outcome = authenticator.authenticate(token(1).expose(), HERE).await;
        assert_eq!(rejection(&outcome), Some(Rejection::Unknown));
    }
}

#[tokio::test]
async fn a_key_ends_to_the_moment_although_it_is_remembered() {
    let token = token(1);
    let clock = ManualClock::default();
    let now = core_domain::Clock::now(&clock);
    let ending = ApiKey { expires_at: Some(now.saturating_add(Duration::from_millis(500))), ..key(&token) };
    let (authenticator, clock) = authenticator(store_of(ending, 1));
    clock.advance(Duration::from_micros(499_999));
    assert!(authenticator.authenticate(token.expose(), HERE).await.is_ok());
    clock.advance(Duration::from_micros(1));
    assert_eq!(rejection(&authenticator.authenticate(token.expose(), HERE).await), Some(Rejection::Expired));
}

#[tokio::test]
async fn only_a_key_that_was_found_good_and_has_not_ended_is_known_to_open_something() {
    let (good, stranger) = (token(1), token(2));
    let now = core_domain::Clock::now(&ManualClock::default());
    let ending = ApiKey { expires_at: Some(now.saturating_add(Duration::from_mins(1))), ..key(&good) };
    let (authenticator, clock) = authenticator(store_of(ending, 2));
    assert!(!authenticator.has_opened(good.expose()).await, "nothing is known yet, and nothing is looked up");
    assert!(authenticator.authenticate(good.expose(), HERE).await.is_ok());
    assert!(authenticator.authenticate(stranger.expose(), HERE).await.is_err());
    clock.advance(Duration::from_secs(59));
    assert!(authenticator.has_opened(good.expose()).await);
    assert!(!authenticator.has_opened(stranger.expose()).await);
    assert!(!authenticator.has_opened("no key").await);
    clock.advance(Duration::from_secs(1));
    assert!(!authenticator.has_opened(good.expose()).await);
}

#[tokio::test]
async fn a_forgotten_key_is_looked_up_anew() {
    let token = token(1);
    let revoked = ApiKey { revoked_at: Some(Timestamp::MIN), ..key(&token) };
    let (first, second) = (found(&key(&token)), found(&revoked));
    let mut store = MockCredentialStore::new();
    let mut answers = vec![second, first];
    store.expect_find_credential().times(2).returning(move |_| Ok(answers.pop()));
    let (authenticator, _) = authenticator(store);
    assert!(authenticator.authenticate(token.expose(), HERE).await.is_ok());
    authenticator.forget_key(key(&token).id);
    // The manual clock stands still: the new look-up begins at the very moment of the forgetting.
    assert_eq!(rejection(&authenticator.authenticate(token.expose(), HERE).await), Some(Rejection::Revoked));
}

#[tokio::test]
async fn forgetting_a_workspace_forgets_its_keys() {
    let token = token(1);
    let (authenticator, clock) = authenticator(store_of(key(&token), 2));
    assert!(authenticator.authenticate(token.expose(), HERE).await.is_ok());
    authenticator.forget_workspace(key(&token).workspace_id.unwrap());
    clock.advance(Duration::from_millis(1));
    assert!(authenticator.authenticate(token.expose(), HERE).await.is_ok());
    assert!(authenticator.authenticate(token.expose(), HERE).await.is_ok());
}

/// A store whose look-ups wait until they are let go.
struct Gated {
    key: Mutex<ApiKey>,
    gate: Notify,
    asked: AtomicUsize,
}

#[async_trait]
impl CredentialStore for Gated {
    async fn find_credential(&self, _: &[KeyDigest]) -> Result<Option<StoredCredential>, StorageError> {
        let state = found(&*self.key.lock().await);
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.gate.notified().await;
        Ok(Some(state))
    }

    async fn record_last_used(&self, _: &[(ApiKeyId, Timestamp)]) -> Result<(), StorageError> {
        Ok(())
    }
}

#[derive(Clone)]
struct Shared(Arc<Gated>);

#[async_trait]
impl CredentialStore for Shared {
    async fn find_credential(&self, digests: &[KeyDigest]) -> Result<Option<StoredCredential>, StorageError> {
        self.0.find_credential(digests).await
    }

    async fn record_last_used(&self, uses: &[(ApiKeyId, Timestamp)]) -> Result<(), StorageError> {
        self.0.record_last_used(uses).await
    }
}

#[tokio::test]
async fn a_look_up_that_began_before_a_revocation_is_not_believed_after_it() {
    let token = token(1);
    let gated = Arc::new(Gated { key: Mutex::new(key(&token)), gate: Notify::new(), asked: AtomicUsize::new(0) });
    let (authenticator, clock) = authenticator(Shared(gated.clone()));
    let authenticator = Arc::new(authenticator);
    let early = tokio::spawn({
        let (authenticator, token) = (authenticator.clone(), token.clone());
        async move { authenticator.authenticate(token.expose(), HERE).await }
    });
    while gated.asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_millis(1));
    gated.key.lock().await.revoked_at = Some(Timestamp::MIN);
    authenticator.forget_key(key(&token).id);
    clock.advance(Duration::from_millis(1));
    gated.gate.notify_one();
    assert!(early.await.unwrap().is_ok(), "it began before the revocation");
    gated.gate.notify_one();
    assert_eq!(rejection(&authenticator.authenticate(token.expose(), HERE).await), Some(Rejection::Revoked));
}

#[tokio::test]
async fn callers_of_one_key_share_a_look_up() {
    let token = token(1);
    let gated = Arc::new(Gated { key: Mutex::new(key(&token)), gate: Notify::new(), asked: AtomicUsize::new(0) });
    let (authenticator, _) = authenticator(Shared(gated.clone()));
    let authenticator = Arc::new(authenticator);
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let (authenticator, token) = (authenticator.clone(), token.clone());
            tokio::spawn(async move { authenticator.authenticate(token.expose(), HERE).await.is_ok() })
        })
        .collect();
    for _ in 0..256 {
        tokio::task::yield_now().await;
    }
    gated.gate.notify_one();
    for caller in callers {
        assert!(caller.await.unwrap());
    }
    assert_eq!(gated.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_store_that_fails_rejects_nobody_and_is_asked_again() {
    let token = token(1);
    let stored = key(&token);
    let mut store = MockCredentialStore::new();
    let mut is_down = true;
    store.expect_find_credential().times(2).returning(move |_| {
        if std::mem::take(&mut is_down) {
            Err(StorageError::Unavailable { operation: "find_credential", source: "down".into() })
        } else {
            Ok(Some(found(&stored)))
        }
    });
    let (authenticator, _) = authenticator(store);
    let outcome = authenticator.authenticate(token.expose(), HERE).await;
    assert!(matches!(outcome, Err(AuthenticateError::Storage(_))));
    assert!(authenticator.authenticate(token.expose(), HERE).await.is_ok());
}

#[tokio::test]
async fn other_addresses_are_refused() {
    let token = token(1);
    let bound = ApiKey { allowed_ips: Some("192.0.2.0/24".parse().unwrap()), ..key(&token) };
    let (authenticator, _) = authenticator(store_of(bound, 1));
    assert!(authenticator.authenticate(token.expose(), HERE).await.is_ok());
    let elsewhere = "203.0.113.1".parse().unwrap();
    let outcome = authenticator.authenticate(token.expose(), elsewhere).await;
    assert!(matches!(outcome, Err(AuthenticateError::AddressNotAllowed)));
}

#[tokio::test]
async fn uses_are_written_together_and_survive_a_failed_write() {
    let token = token(1);
    let stored = key(&token);
    let id = stored.id;
    let mut store = store_of(stored, 2);
    let mut is_down = true;
    store.expect_record_last_used().times(3).returning(move |uses| {
        assert!(uses.iter().all(|(used, _)| *used == id) && uses.len() == 1);
        if std::mem::take(&mut is_down) {
            return Err(StorageError::Unavailable { operation: "record_last_used", source: "down".into() });
        }
        Ok(())
    });
    let (authenticator, clock) = authenticator(store);
    assert!(authenticator.authenticate(token.expose(), HERE).await.is_ok());
    assert!(authenticator.flush_last_used().await.is_err());
    assert!(authenticator.flush_last_used().await.is_ok(), "the failed write is tried again");
    assert!(authenticator.authenticate(token.expose(), HERE).await.is_ok());
    assert!(authenticator.flush_last_used().await.is_ok(), "nothing new: the store is not asked");
    clock.advance(Duration::from_secs(30));
    assert!(authenticator.authenticate(token.expose(), HERE).await.is_ok());
    assert!(authenticator.flush_last_used().await.is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_refused_or_opens_the_key_it_was_made_for(text in ".{0,60}", seed: u64, own: bool) {
        let real = token(seed);
        let text = if own { real.expose().to_owned() } else { text };
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let (authenticator, _) = authenticator(store_of(key(&real), usize::from(own)));
        let outcome = runtime.block_on(authenticator.authenticate(&text, HERE));
        prop_assert_eq!(outcome.is_ok(), text == real.expose());
    }
}
