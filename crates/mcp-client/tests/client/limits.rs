use std::time::Duration;

use futures_util::future::join_all;
use mcp::UpstreamError;
use serde_json::json;

use crate::stage::{Stage, hostile, text, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_calls_at_once_are_all_answered() {
    let stage = Stage::new(&json!({ "s": hostile(&[]) }));
    let calls = (0..2_000).map(async |number| {
        let answer = stage.call("s", "echo", json!({ "text": number.to_string() })).await.unwrap();
        assert_eq!(text(&answer), number.to_string());
    });
    join_all(calls).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_finds_no_place_is_told_at_once_and_what_waits_too_long_was_never_sent() {
    let narrow = json!({ "concurrency": 1, "queue": 1 });
    let stage = Stage::new(&json!({ "s": with(hostile(&[]), &narrow) }));
    stage.echoes("s").await;
    let file = stage.folder.path().join("calls");
    // Each takes its turn, or its place in the queue, when it is polled first: in this order.
    let (hangs, waits, comes_last) = tokio::join!(
        stage.call_within("s", "hang", json!({}), Duration::from_secs(3)),
        stage.call_within("s", "record", json!({ "file": file }), Duration::from_secs(1)),
        stage.call("s", "echo", json!({ "text": "x" })),
    );
    assert_eq!(hangs, Err(UpstreamError::TimedOut));
    assert!(matches!(waits, Err(UpstreamError::Busy { .. })), "{waits:?}");
    assert!(matches!(comes_last, Err(UpstreamError::Busy { .. })), "{comes_last:?}");
    stage.echoes("s").await;
    assert!(!file.exists(), "it was sent after all");
    stage.end().await;
}
