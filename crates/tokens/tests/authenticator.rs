//! Who is let in, and what it costs.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is to fail")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use core_domain::{AccountId, Clock, Credential, Environment, Principal, StorageError, Tier, Timestamp};
use testkit::ManualClock;
use tokens::{
    AccountDirectory, AuthenticateError, Claims, KnownAccount, MAX_TOKEN_LEN, MockAccountDirectory, MockTokenVerifier,
    Rejection, Subject, TokenAuthenticator, TokenVerifier, VerifyTokenError,
};
use tokio::sync::Notify;

const TOKEN: &str = "header.payload.signature";

fn ada() -> KnownAccount {
    KnownAccount { id: AccountId::try_from(3).unwrap(), ceiling: Tier::Pro }
}

fn claims(expires_at: Timestamp) -> Claims {
    Claims {
        subject: "ada@example.com".parse().unwrap(),
        scopes: "posts:read".parse().unwrap(),
        expires_at,
        issued_at: None,
    }
}

/// A verifier that lets exactly `times` tokens through, which end at `expires_at`.
fn verifier(times: usize, expires_at: Timestamp) -> MockTokenVerifier {
    let mut verifier = MockTokenVerifier::new();
    verifier.expect_verify().times(times).returning(move |_| Ok(claims(expires_at)));
    verifier
}

/// A directory of Ada alone, asked exactly `times` times.
fn directory(times: usize) -> MockAccountDirectory {
    let mut directory = MockAccountDirectory::new();
    directory
        .expect_find_account()
        .times(times)
        .returning(|subject| Ok((*subject == Subject::Email("ada@example.com".to_owned())).then(ada)));
    directory
}

fn authenticator(
    verifier: impl TokenVerifier + 'static,
    directory: impl AccountDirectory + 'static,
) -> (TokenAuthenticator, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    (TokenAuthenticator::new(Arc::new(verifier), Arc::new(directory), clock.clone()), clock)
}

fn rejection(outcome: &Result<Arc<Principal>, AuthenticateError>) -> Option<Rejection> {
    match outcome {
        Err(AuthenticateError::Rejected(reason)) => Some(*reason),
        _ => None,
    }
}

#[tokio::test]
async fn a_token_acts_for_its_account_everywhere() {
    let (authenticator, _) = authenticator(verifier(1, Timestamp::MAX), directory(1));
    let principal = authenticator.authenticate(TOKEN).await.unwrap();
    assert_eq!(
        *principal,
        Principal {
            credential: Credential::Token,
            account_id: ada().id,
            bound_to: None,
            environment: Environment::Live,
            scopes: "posts:read".parse().unwrap(),
            tier: Tier::Pro,
            ceiling: Tier::Pro,
            allowed_ips: None,
            mcp_servers: None,
            expires_at: Some(Timestamp::MAX),
        }
    );
}

#[tokio::test]
async fn a_second_is_one_verification_and_one_look_up() {
    let (authenticator, clock) = authenticator(verifier(2, Timestamp::MAX), directory(2));
    for _ in 0..50 {
        assert!(authenticator.authenticate(TOKEN).await.is_ok());
        clock.advance(Duration::from_millis(19));
    }
    clock.advance(Duration::from_millis(50));
    assert!(authenticator.authenticate(TOKEN).await.is_ok());
}

#[tokio::test]
async fn a_remembered_token_is_not_believed_at_its_end() {
    let clock = ManualClock::default();
    let end = clock.now().saturating_add(Duration::from_millis(500));
    let mut verifier = verifier(1, end);
    verifier.expect_verify().times(1).returning(|_| Err(VerifyTokenError::Rejected(Rejection::Expired)));
    let (authenticator, clock) = authenticator(verifier, directory(1));
    assert!(authenticator.authenticate(TOKEN).await.is_ok());
    clock.advance(Duration::from_micros(499_999));
    assert!(authenticator.authenticate(TOKEN).await.is_ok());
    clock.advance(Duration::from_micros(1));
    assert_eq!(rejection(&authenticator.authenticate(TOKEN).await), Some(Rejection::Expired));
}

#[tokio::test]
async fn past_its_end_the_verifier_is_asked_every_time() {
    let end = ManualClock::default().now();
    let (authenticator, _) = authenticator(verifier(3, end), directory(3));
    for _ in 0..3 {
        assert!(authenticator.authenticate(TOKEN).await.is_ok());
    }
}

#[tokio::test]
async fn a_token_of_no_account_is_rejected_and_remembered() {
    let mut directory = MockAccountDirectory::new();
    directory.expect_find_account().times(1).returning(|_| Ok(None));
    let (authenticator, _) = authenticator(verifier(1, Timestamp::MAX), directory);
    for _ in 0..20 {
        assert_eq!(rejection(&authenticator.authenticate(TOKEN).await), Some(Rejection::UnknownAccount));
    }
}

#[tokio::test]
async fn a_rejected_token_asks_no_directory_and_is_not_remembered() {
    let mut verifier = MockTokenVerifier::new();
    verifier.expect_verify().times(2).returning(|_| Err(VerifyTokenError::Rejected(Rejection::Signature)));
    let (authenticator, _) = authenticator(verifier, directory(0));
    for _ in 0..2 {
        assert_eq!(rejection(&authenticator.authenticate(TOKEN).await), Some(Rejection::Signature));
    }
}

#[tokio::test]
async fn failures_are_no_rejections_and_are_not_remembered() {
    let mut verifier = MockTokenVerifier::new();
    verifier.expect_verify().times(1).returning(|_| Err(VerifyTokenError::KeysUnavailable("no route".into())));
    verifier.expect_verify().times(2).returning(|_| Ok(claims(Timestamp::MAX)));
    let mut directory = MockAccountDirectory::new();
    directory
        .expect_find_account()
        .times(1)
        .returning(|_| Err(StorageError::Unavailable { operation: "find_account", source: "gone".into() }));
    directory.expect_find_account().times(1).returning(|_| Ok(Some(ada())));
    let (authenticator, _) = authenticator(verifier, directory);
    assert!(matches!(authenticator.authenticate(TOKEN).await, Err(AuthenticateError::KeysUnavailable(_))));
    assert!(matches!(authenticator.authenticate(TOKEN).await, Err(AuthenticateError::Storage(_))));
    assert!(authenticator.authenticate(TOKEN).await.is_ok());
}

#[tokio::test]
async fn a_token_too_long_is_refused_unread() {
    let (authenticator, _) = authenticator(verifier(0, Timestamp::MAX), directory(0));
    let outcome = authenticator.authenticate(&"a".repeat(MAX_TOKEN_LEN + 1)).await;
    assert_eq!(rejection(&outcome), Some(Rejection::Malformed));
}

#[tokio::test]
async fn tokens_are_kept_apart() {
    let mut verifier = MockTokenVerifier::new();
    verifier.expect_verify().times(2).returning(|token| match token {
        TOKEN => Ok(claims(Timestamp::MAX)),
        _ => Err(VerifyTokenError::Rejected(Rejection::Signature)),
    });
    let (authenticator, _) = authenticator(verifier, directory(1));
    assert!(authenticator.authenticate(TOKEN).await.is_ok());
    assert!(authenticator.authenticate("header.payload.another").await.is_err());
}

/// A verifier that waits until it is let go.
struct Gated {
    gate: Notify,
    asked: AtomicUsize,
}

struct Shared(Arc<Gated>);

#[async_trait]
impl TokenVerifier for Shared {
    async fn verify(&self, _: &str) -> Result<Claims, VerifyTokenError> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        self.0.gate.notified().await;
        Ok(claims(Timestamp::MAX))
    }
}

#[tokio::test]
async fn callers_at_the_same_time_share_one_verification() {
    let gated = Arc::new(Gated { gate: Notify::new(), asked: AtomicUsize::new(0) });
    let (authenticator, _) = authenticator(Shared(gated.clone()), directory(1));
    let calls = async {
        tokio::join!(
            authenticator.authenticate(TOKEN),
            authenticator.authenticate(TOKEN),
            authenticator.authenticate(TOKEN),
        )
    };
    let (outcomes, ()) = tokio::join!(calls, async { gated.gate.notify_one() });
    assert!(outcomes.0.is_ok() && outcomes.1.is_ok() && outcomes.2.is_ok());
    assert_eq!(gated.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_caller_that_hangs_up_leaves_the_others_served() {
    let gated = Arc::new(Gated { gate: Notify::new(), asked: AtomicUsize::new(0) });
    let (authenticator, _) = authenticator(Shared(gated.clone()), directory(1));
    let authenticator = Arc::new(authenticator);
    let first = tokio::spawn({
        let authenticator = authenticator.clone();
        async move { authenticator.authenticate(TOKEN).await }
    });
    while gated.asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(first.await.is_err());
    gated.gate.notify_one();
    assert!(authenticator.authenticate(TOKEN).await.is_ok());
}

#[test]
fn tokens_are_told_from_keys_by_their_dots() {
    assert!(TokenAuthenticator::recognises("eyJhbGciOiJIUzI1NiJ9.e30.c2ln"));
    for other in ["", "sk_live_abc", "a.b", "a.b.c.d"] {
        assert!(!TokenAuthenticator::recognises(other), "{other}");
    }
}
