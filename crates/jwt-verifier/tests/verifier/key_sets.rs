//! What comes from an issuer, and from a broken one.

use jwt_verifier::{FetchError, KeySource};
use tokens::VerifyTokenError;

use crate::keys::Key;
use crate::server::JwksServer;
use crate::stage::{Stage, jwks, options};

async fn load(server: &JwksServer) -> Result<(), FetchError> {
    Stage::new(options(server.source())).verifier.load().await
}

#[tokio::test]
async fn another_answer_than_200_is_a_failure() {
    let server = JwksServer::start(&[]).await;
    let body = jwks(&[Key::ed().jwk("a")]);
    for status in ["500 Oops", "404 Not Found", "204 No Content", "203 Non-Authoritative"] {
        server.answer(status, "", if status.starts_with("204") { "" } else { &body });
        assert!(matches!(load(&server).await, Err(FetchError::Status(_))), "{status}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (server, other) = (JwksServer::start(&[]).await, JwksServer::start(&[Key::ed().jwk("a")]).await);
    server.answer("302 Found", &format!("location: {}\r\n", other.address), "");
    assert!(matches!(load(&server).await, Err(FetchError::Status(status)) if status == 302));
    assert_eq!(other.fetches(), 0);
}

#[tokio::test]
async fn an_answer_without_usable_keys_is_a_failure() {
    let server = JwksServer::start(&[]).await;
    assert!(matches!(load(&server).await, Err(FetchError::Unusable(_))));
    server.answer("200 OK", "", "<html>sign in</html>");
    assert!(matches!(load(&server).await, Err(FetchError::Unusable(_))));
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let server = JwksServer::start(&[]).await;
    server.answer("200 OK", "", &format!(r#"{{"keys":[],"pad":"{}"}}"#, "x".repeat(1024 * 1024)));
    assert!(matches!(load(&server).await, Err(FetchError::TooLarge)));
}

#[tokio::test]
async fn a_file_without_end_is_cut_off() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), " ".repeat(1024 * 1024 + 1)).unwrap();
    let source = KeySource::JwksFile(file.path().to_owned());
    assert!(matches!(Stage::new(options(source)).verifier.load().await, Err(FetchError::TooLarge)));
}

// The time here is tokio's: it jumps to the next timer when there is nothing else to do.
#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up() {
    let server = JwksServer::start(&[]).await;
    server.hold().await;
    assert!(matches!(load(&server).await, Err(FetchError::Request(error)) if error.is_timeout()));
}

#[tokio::test]
async fn without_any_keys_tokens_are_not_rejected_but_unknown() {
    let key = Key::ed();
    let server = JwksServer::start(&[]).await;
    let stage = Stage::new(options(server.source()));
    let outcome = stage.verify(&key.sign("a", &stage.claims())).await;
    assert!(matches!(outcome, Err(VerifyTokenError::KeysUnavailable(_))));
}

#[tokio::test]
async fn errors_do_not_show_the_address() {
    // Nothing listens on port 1.
    let source = KeySource::JwksUrl("http://127.0.0.1:1/jwks?key=hunter2".parse().unwrap());
    let error = Stage::new(options(source)).verifier.load().await.unwrap_err();
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}
