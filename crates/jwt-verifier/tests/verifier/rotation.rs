//! Keys that are replaced while tokens come in.

use std::sync::Arc;
use std::time::Duration;

use tokens::{Rejection, VerifyTokenError};

use crate::keys::Key;
use crate::server::JwksServer;
use crate::stage::{Stage, options};

/// A verifier that has fetched its keys once, and a minute later.
async fn started(server: &JwksServer) -> Stage {
    let stage = Stage::new(options(server.source()));
    stage.verifier.load().await.unwrap();
    stage.clock.advance(Duration::from_mins(1));
    stage
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it() {
    let (old, new) = (Key::ec(), Key::ed());
    let server = JwksServer::start(&[old.jwk("old")]).await;
    let stage = started(&server).await;
    server.publish(&[new.jwk("new")]);
    assert_eq!(stage.rejection(&new.sign("new", &stage.claims())).await, None);
    assert_eq!(stage.rejection(&old.sign("old", &stage.claims())).await, Some(Rejection::UnknownKey));
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn unknown_names_cost_one_fetch_a_minute() {
    let key = Key::ec();
    let server = JwksServer::start(&[key.jwk("a")]).await;
    let stage = started(&server).await;
    for minute in 1..=3 {
        for number in 0..60 {
            let token = key.sign(&format!("made-up-{number}"), &stage.claims());
            assert_eq!(stage.rejection(&token).await, Some(Rejection::UnknownKey));
            assert_eq!(server.fetches(), 1 + minute);
            stage.clock.advance(Duration::from_secs(1));
        }
    }
}

#[tokio::test]
async fn known_names_cost_no_fetch() {
    let key = Key::ec();
    let server = JwksServer::start(&[key.jwk("a")]).await;
    let stage = started(&server).await;
    assert_eq!(stage.rejection(&key.sign("a", &stage.claims())).await, None);
    assert_eq!(stage.rejection(&Key::ec().sign("a", &stage.claims())).await, Some(Rejection::Signature));
    assert_eq!(stage.rejection(&Key::ed().sign("a", &stage.claims())).await, Some(Rejection::Algorithm));
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn callers_at_the_same_time_share_a_fetch() {
    let (old, new) = (Key::ec(), Key::ed());
    let server = JwksServer::start(&[old.jwk("old")]).await;
    let stage = Arc::new(started(&server).await);
    server.publish(&[new.jwk("new")]);
    server.hold().await;
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let (stage, token) = (stage.clone(), new.sign("new", &stage.claims()));
            tokio::spawn(async move { stage.rejection(&token).await })
        })
        .collect();
    server.fetched(2).await;
    server.release();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), None);
    }
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_take_the_fetch_along() {
    let (old, new) = (Key::ec(), Key::ed());
    let server = JwksServer::start(&[old.jwk("old")]).await;
    let stage = Arc::new(started(&server).await);
    server.publish(&[new.jwk("new")]);
    server.hold().await;
    let caller = tokio::spawn({
        let (stage, token) = (stage.clone(), new.sign("made-up", &stage.claims()));
        async move { stage.rejection(&token).await }
    });
    server.fetched(2).await;
    caller.abort();
    assert!(caller.await.is_err());
    server.release();
    assert_eq!(stage.rejection(&new.sign("new", &stage.claims())).await, None);
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn a_failing_fetch_keeps_the_old_keys() {
    let key = Key::ec();
    let server = JwksServer::start(&[key.jwk("a")]).await;
    let stage = started(&server).await;
    for answer in ["", "<html>", r#"{"keys":[]}"#] {
        server.answer("200 OK", "", answer);
        assert_eq!(stage.rejection(&key.sign("b", &stage.claims())).await, Some(Rejection::UnknownKey));
        assert_eq!(stage.rejection(&key.sign("a", &stage.claims())).await, None);
        stage.clock.advance(Duration::from_mins(1));
    }
    assert_eq!(server.fetches(), 4);
}

#[tokio::test]
async fn old_keys_are_fetched_anew_beside_the_request() {
    let (kept, withdrawn) = (Key::ec(), Key::ed());
    let server = JwksServer::start(&[kept.jwk("kept"), withdrawn.jwk("withdrawn")]).await;
    let stage = started(&server).await;
    server.publish(&[kept.jwk("kept")]);
    stage.clock.advance(Duration::from_mins(8));
    assert_eq!(stage.rejection(&withdrawn.sign("withdrawn", &stage.claims())).await, None);
    assert_eq!(server.fetches(), 1);
    stage.clock.advance(Duration::from_mins(1));
    server.hold().await;
    // None of these waits for the answer that is held back, and together they ask once.
    for _ in 0..5 {
        assert_eq!(stage.rejection(&withdrawn.sign("withdrawn", &stage.claims())).await, None);
    }
    server.fetched(2).await;
    server.release();
    while stage.rejection(&withdrawn.sign("withdrawn", &stage.claims())).await.is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.rejection(&kept.sign("kept", &stage.claims())).await, None);
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn as_long_as_there_are_no_keys_they_are_asked_for_more_often() {
    let key = Key::ec();
    let server = JwksServer::start(&[]).await;
    let stage = Stage::new(options(server.source()));
    assert!(stage.verifier.load().await.is_err());
    server.publish(&[key.jwk("a")]);
    stage.clock.advance(Duration::from_millis(4_999));
    let outcome = stage.verify(&key.sign("a", &stage.claims())).await;
    assert!(matches!(outcome, Err(VerifyTokenError::KeysUnavailable(_))));
    stage.clock.advance(Duration::from_millis(1));
    assert_eq!(stage.rejection(&key.sign("a", &stage.claims())).await, None);
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn a_file_is_read_anew_too() {
    let (old, new) = (Key::ec(), Key::ed());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), crate::stage::jwks(&[old.jwk("old")])).unwrap();
    let stage = Stage::new(options(jwt_verifier::KeySource::JwksFile(file.path().to_owned())));
    assert_eq!(stage.rejection(&old.sign("old", &stage.claims())).await, None);
    std::fs::write(file.path(), crate::stage::jwks(&[new.jwk("new")])).unwrap();
    stage.clock.advance(Duration::from_mins(1));
    assert_eq!(stage.rejection(&new.sign("new", &stage.claims())).await, None);
}
