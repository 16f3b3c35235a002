use std::sync::Arc;
use std::time::Duration;

use testkit::ManualClock;
use webhook_sender::{Lookup, ReqwestSender};
use webhooks::{AttemptOutcome, WebhookSender};

use crate::receiver::{Manner, Receiver, answer};
use crate::stage::{Names, loopback, send, sender, signed};

#[tokio::test]
async fn a_success_is_kept_with_head_and_body() {
    let receiver = Receiver::answering("201 Created", "x-one: 1\r\nset-cookie: a\r\nset-cookie: b\r\n", "done").await;
    let outcome = send(&sender(loopback()), &receiver.url()).await;
    assert!(outcome.is_success());
    assert_eq!(
        outcome,
        AttemptOutcome {
            response_code: Some(201),
            response_headers: Some(r#"{"x-one":"1","set-cookie":"a, b","content-length":"4"}"#.to_owned()),
            response_body: Some("done".to_owned()),
            ..AttemptOutcome::default()
        }
    );
}

#[tokio::test]
async fn what_is_sent_is_what_was_signed() {
    let receiver = Receiver::answering("200 OK", "", "").await;
    let body = r#"{"text":"größer"}"#;
    let mut request = signed(&receiver.url(), body);
    request.headers.push(("x-twice".to_owned(), "1".to_owned()));
    request.headers.push(("x-twice".to_owned(), "2".to_owned()));
    assert!(sender(loopback()).send(&request).await.is_success());
    let expected = format!(
        "POST /hook?a=b HTTP/1.1\r\ncontent-type: application/json\r\nuser-agent: core-api/1.2.3\r\nwebhook-id: evt_1\r\n\
         x-twice: 1\r\nx-twice: 2\r\naccept: */*\r\nhost: {}\r\ncontent-length: {}\r\n\r\n{body}",
        receiver.address,
        body.len()
    );
    assert_eq!(receiver.requests(), [expected]);
}

#[tokio::test]
async fn a_header_that_http_does_not_allow_is_not_sent() {
    let receiver = Receiver::answering("200 OK", "", "").await;
    for (name, value) in [("x-split", "a\r\nhost: other"), ("bad name", "a"), ("", "a")] {
        let mut request = signed(&receiver.url(), "{}");
        request.headers.push((name.to_owned(), value.to_owned()));
        let outcome = sender(loopback()).send(&request).await;
        assert_eq!(outcome.error, Some(format!("the header {name} can't be sent")));
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn any_other_answer_is_kept_and_told() {
    for (status, code) in [("304 Not Modified", 304), ("400 Bad Request", 400), ("410 Gone", 410), ("500 Oops", 500)] {
        let receiver = Receiver::answering(status, "", "no").await;
        let outcome = send(&sender(loopback()), &receiver.url()).await;
        assert!(!outcome.is_success());
        assert_eq!(outcome.response_code, Some(code));
        assert_eq!(outcome.error, Some(format!("the answer was {code}")));
        assert_eq!(outcome.response_body.as_deref(), Some(if code == 304 { "" } else { "no" }));
    }
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let inside = Receiver::answering("200 OK", "", "").await;
    let location = inside.url();
    for status in
        ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let receiver = Receiver::answering(status, &format!("location: {location}\r\n"), "").await;
        let outcome = send(&sender(loopback()), &receiver.url()).await;
        assert_eq!(outcome.error, Some(format!("redirects are not followed: {} to {location}", &status[..3])));
        assert!(!outcome.is_success());
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn a_wish_to_be_left_alone_is_passed_on() {
    let receiver = Receiver::answering("503 Busy", "retry-after: Thu, 15 Jan 2026 10:35:00 GMT\r\n", "").await;
    assert_eq!(send(&sender(loopback()), &receiver.url()).await.retry_after_seconds, Some(300));
    let receiver = Receiver::answering("429 Slower", "retry-after: 17\r\n", "").await;
    assert_eq!(send(&sender(loopback()), &receiver.url()).await.retry_after_seconds, Some(17));
}

#[tokio::test]
async fn of_a_long_answer_the_beginning_is_read() {
    const ANNOUNCED: usize = 100 * 1024 * 1024;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {ANNOUNCED}\r\n\r\n");
    for head in [head, "HTTP/1.1 200 OK\r\n\r\n".to_owned()] {
        let receiver = Receiver::start(Manner::Pour(head.into_bytes(), ANNOUNCED)).await;
        let sender = sender(loopback());
        let outcome = send(&sender, &receiver.url()).await;
        assert!(outcome.is_success());
        assert_eq!(outcome.response_body, Some("x".repeat(AttemptOutcome::MAX_BODY_BYTES)));
        assert!(receiver.poured() < ANNOUNCED, "{}", receiver.poured());
        // What is left of it stands in nobody's way.
        send(&sender, &receiver.url()).await;
        assert_eq!(receiver.connections(), 2);
    }
}

#[tokio::test]
async fn an_answer_of_exactly_what_is_kept_leaves_its_connection_in_use() {
    let body = "x".repeat(AttemptOutcome::MAX_BODY_BYTES);
    let receiver = Receiver::answering("200 OK", "", &body).await;
    let sender = sender(loopback());
    for _ in 0..3 {
        assert_eq!(send(&sender, &receiver.url()).await.response_body.as_ref(), Some(&body));
    }
    assert_eq!((receiver.connections(), receiver.requests().len()), (1, 3));
}

#[tokio::test]
async fn chunked_and_compressed_bodies_are_kept_as_they_came() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let receiver = Receiver::start(Manner::Answer(chunked.into())).await;
    assert_eq!(send(&sender(loopback()), &receiver.url()).await.response_body.as_deref(), Some("abcde"));
    let receiver = Receiver::answering("200 OK", "content-encoding: gzip\r\n", "not gzip").await;
    assert_eq!(send(&sender(loopback()), &receiver.url()).await.response_body.as_deref(), Some("not gzip"));
    assert!(!receiver.requests()[0].contains("accept-encoding"));
}

#[tokio::test]
async fn the_time_taken_is_the_clocks() {
    let receiver = Receiver::start(Manner::Hold(Vec::new())).await;
    let clock = Arc::new(ManualClock::default());
    let names: Arc<dyn Lookup> = Arc::new(Names::default());
    let sender = ReqwestSender::with_lookup(loopback(), clock.clone(), &names).unwrap();
    let url = receiver.url();
    let sending = tokio::spawn(async move { send(&sender, &url).await });
    receiver.received().await;
    clock.advance(Duration::from_millis(1_234));
    tokio::time::pause();
    assert_eq!(sending.await.unwrap().response_time_ms, 1_234);
}

#[tokio::test]
async fn an_answer_before_the_request_was_read_is_an_answer() {
    let receiver = Receiver::start(Manner::Greet(answer("413 Too Much", "connection: close\r\n", "no"))).await;
    let outcome = send(&sender(loopback()), &receiver.url()).await;
    // Whether it comes before or after the request was written decides what is made of it; never is it a success.
    assert!(!outcome.is_success());
    assert!(outcome.error.is_some());
}
