use tokio::net::TcpListener;
use webhooks::WebhookSender;

use crate::receiver::{Manner, Receiver, answer};
use crate::stage::{loopback, refused, send, sender, signed};

const CUT_OFF: &str = "the connection was closed before the answer was complete";

#[tokio::test]
async fn nobody_there_is_a_refused_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(refused(&sender(loopback()), &url).await, "connection refused");
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_told() {
    assert_eq!(refused(&sender(loopback()), "https://hooks.test/").await, "name not found: hooks.test");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_success() {
    let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun".to_vec();
    let receiver = Receiver::start(Manner::AnswerAndClose(begun.clone())).await;
    let outcome = send(&sender(loopback()), &receiver.url()).await;
    assert_eq!((outcome.response_code, outcome.response_body.as_deref()), (Some(200), Some("begun")));
    assert_eq!(outcome.error.as_deref(), Some(CUT_OFF));
    assert!(!outcome.is_success());

    let receiver = Receiver::start(Manner::AnswerAndReset(begun)).await;
    let outcome = send(&sender(loopback()), &receiver.url()).await;
    assert_eq!(outcome.error.as_deref(), Some("connection reset"));
}

#[tokio::test]
async fn a_connection_that_ends_without_answer_is_told() {
    let receiver = Receiver::start(Manner::AnswerAndClose(Vec::new())).await;
    assert_eq!(refused(&sender(loopback()), &receiver.url()).await, CUT_OFF);
    let receiver = Receiver::start(Manner::AnswerAndReset(Vec::new())).await;
    assert_eq!(refused(&sender(loopback()), &receiver.url()).await, "connection reset");
}

#[tokio::test]
async fn what_may_have_been_received_is_not_sent_again() {
    let receiver = Receiver::start(Manner::AnswerOnce(answer("200 OK", "", ""))).await;
    let sender = sender(loopback());
    assert!(sender.send(&signed(&receiver.url(), "first")).await.is_success());
    // It goes out on the connection that is kept, which ends without an answer.
    let outcome = sender.send(&signed(&receiver.url(), "second")).await;
    assert_eq!(outcome.error.as_deref(), Some(CUT_OFF));
    assert_eq!(receiver.connections(), 1);
    let bodies: Vec<bool> = receiver.requests().iter().map(|request| request.ends_with("second")).collect();
    assert_eq!(bodies, [false, true]);
}

#[tokio::test]
async fn what_is_not_http_is_told() {
    for garbage in ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "\0\0\0\0\0\0\0\0", "HTTP/1.1 abc\r\n\r\n", "HTTP/3 200 OK\r\n\r\n"]
    {
        let receiver = Receiver::start(Manner::AnswerAndClose(garbage.into())).await;
        assert_eq!(refused(&sender(loopback()), &receiver.url()).await, "the answer is not HTTP", "{garbage:?}");
    }
    let receiver = Receiver::start(Manner::AnswerAndClose("HTTP/1.1 200 OK\r\nbad header\r\n\r\n".into())).await;
    assert_eq!(refused(&sender(loopback()), &receiver.url()).await, "the answer is not HTTP");
}

#[tokio::test]
async fn large_heads_are_cut_and_huge_ones_refused() {
    let large = format!("x-large: {}\r\nx-small: 1\r\n", "x".repeat(40_000));
    let receiver = Receiver::answering("200 OK", &large, "").await;
    let outcome = send(&sender(loopback()), &receiver.url()).await;
    assert!(outcome.is_success());
    assert_eq!(outcome.response_headers.as_deref(), Some(r#"{"x-small":"1","content-length":"0"}"#));

    let many = "x-one: 1\r\n".repeat(1_000);
    let endless = format!("x-huge: {}\r\n", "x".repeat(1_000_000));
    for headers in [many, endless] {
        let receiver = Receiver::answering("200 OK", &headers, "").await;
        assert_eq!(refused(&sender(loopback()), &receiver.url()).await, "the answer's head is too large");
    }
}
