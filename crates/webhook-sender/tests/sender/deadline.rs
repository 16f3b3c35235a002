//! One deadline over everything. Time stands still until the request was read, then jumps to whatever comes next.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use webhook_sender::{Lookup, SenderOptions};
use webhooks::AttemptOutcome;

use crate::receiver::{Manner, Receiver};
use crate::stage::{loopback, send, sender, sender_with};

async fn outcome_of(manner: Manner, options: SenderOptions, scheme: &str) -> AttemptOutcome {
    let receiver = Receiver::start(manner).await;
    let url = receiver.url().replace("http", scheme);
    let sender = sender(options);
    let sending = tokio::spawn(async move { send(&sender, &url).await });
    receiver.received().await;
    tokio::time::pause();
    let outcome = sending.await.unwrap();
    tokio::time::resume();
    outcome
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_given_up() {
    for begun in ["", "HTTP/1.1 200 OK\r\nx-slow: "] {
        let outcome = outcome_of(Manner::Hold(begun.into()), loopback(), "http").await;
        assert_eq!(outcome.error.as_deref(), Some("no answer within 30 s"));
        assert_eq!((outcome.response_code, outcome.response_body), (None, None));
    }
    let options = SenderOptions { timeout: Duration::from_millis(250), ..loopback() };
    let outcome = outcome_of(Manner::Hold(Vec::new()), options, "http").await;
    assert_eq!(outcome.error.as_deref(), Some("no answer within 250 ms"));
}

#[tokio::test]
async fn a_head_that_drips_is_given_up() {
    let outcome = outcome_of(Manner::Drip(b"HTTP/1.1 200 OK\r\nx-slow: ".to_vec()), loopback(), "http").await;
    assert_eq!(outcome.error.as_deref(), Some("no answer within 30 s"));
}

#[tokio::test]
async fn a_body_that_drips_is_given_up_and_what_came_is_kept() {
    for framing in ["content-length: 5000\r\n", ""] {
        let head = format!("HTTP/1.1 200 OK\r\n{framing}\r\nbegun");
        let outcome = outcome_of(Manner::Drip(head.into_bytes()), loopback(), "http").await;
        assert_eq!(outcome.error.as_deref(), Some("the answer was not complete within 30 s"));
        assert_eq!(outcome.response_code, Some(200));
        let body = outcome.response_body.clone().unwrap();
        assert!(body.starts_with("begun") && body.len() < 50, "{body}");
        assert!(!outcome.is_success());
    }
}

#[tokio::test]
async fn a_tls_handshake_without_answer_is_given_up() {
    let outcome = outcome_of(Manner::Greet(Vec::new()), loopback(), "https").await;
    assert_eq!(outcome.error.as_deref(), Some("no answer within 30 s"));
}

struct Stuck;

#[async_trait::async_trait]
impl Lookup for Stuck {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_never_resolved_is_given_up() {
    let outcome = send(&sender_with(loopback(), Arc::new(Stuck)), "https://hooks.test/").await;
    assert_eq!(outcome.error.as_deref(), Some("no answer within 30 s"));
}
