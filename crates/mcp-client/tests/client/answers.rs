use std::time::Duration;

use mcp::{ResourceBody, ToolServers as _, UpstreamError};
use serde_json::{Value, json};

use crate::stage::{LONG, Stage, at, hostile, text, with};

const SHORT: Duration = Duration::from_millis(300);

fn servers() -> Value {
    let small = json!({ "max_result_bytes": 1_000_000 });
    json!({ "bad": with(hostile(&[]), &small), "good": hostile(&[]) })
}

/// Runs `attack` while a good server is called all the time; every one of its calls is answered.
async fn beside_a_good_server(stage: &Stage, attack: impl Future<Output = ()>) {
    stage.echoes("good").await;
    let good = async {
        let mut calls = 0_u32;
        loop {
            stage.echoes("good").await;
            calls += 1;
            tokio::task::yield_now().await;
            if calls == u32::MAX {
                break;
            }
        }
    };
    tokio::select! {
        () = attack => {}
        () = good => {}
    }
    stage.echoes("good").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_without_answer_ends_in_time_and_is_cancelled() {
    let stage = Stage::new(&servers());
    beside_a_good_server(&stage, async {
        stage.echoes("bad").await;
        let outcome = stage.call_within("bad", "hang", json!({}), SHORT).await;
        assert_eq!(outcome, Err(UpstreamError::TimedOut));
        let process = stage.text("bad", "pid").await;
        loop {
            let cancelled: Vec<Value> = serde_json::from_str(&stage.text("bad", "cancelled").await).unwrap();
            if !cancelled.is_empty() {
                assert_eq!(cancelled.len(), 1);
                break;
            }
        }
        assert_eq!(stage.text("bad", "pid").await, process, "the server is the same");
    })
    .await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_caller_is_gone_is_cancelled() {
    let stage = Stage::new(&servers());
    stage.echoes("bad").await;
    let arguments = serde_json::Map::new();
    let instance = at("bad");
    let call = stage.gateway.call(&instance, "hang", &arguments, LONG);
    assert!(tokio::time::timeout(SHORT, call).await.is_err());
    while stage.text("bad", "cancelled").await == "[]" {}
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_huge_answer_fails_its_own_call_alone() {
    let stage = Stage::new(&servers());
    beside_a_good_server(&stage, async {
        let process = stage.text("bad", "pid").await;
        for id_first in [false, true] {
            let huge = stage.call("bad", "big", json!({ "bytes": 100_000_000, "id_first": id_first }));
            let small = stage.call("bad", "echo", json!({ "text": "small" }));
            let (huge, small) = tokio::join!(huge, small);
            assert_eq!(huge, Err(UpstreamError::TooLarge { limit: 1_000_000 }), "{id_first}");
            assert_eq!(text(&small.unwrap()), "small");
        }
        // One that fits into a line, but not into the limit.
        let large = stage.call("bad", "big", json!({ "bytes": 3_000_000 })).await;
        assert_eq!(large, Err(UpstreamError::TooLarge { limit: 1_000_000 }));
        let fits = stage.call("bad", "big", json!({ "bytes": 900_000 })).await.unwrap();
        assert_eq!(text(&fits).len(), 900_000);
        assert_eq!(stage.text("bad", "pid").await, process, "the server is the same");
    })
    .await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_and_invalid_json_are_passed_over() {
    let stage = Stage::new(&servers());
    let noisy = stage.call("bad", "noise", json!({ "lines": 20_000 })).await.unwrap();
    assert_eq!(text(&noisy), "done");
    assert_eq!(stage.text("bad", "garbage").await, "done");
    stage.echoes("bad").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_writes_nothing_but_noise_is_ended() {
    let stage = Stage::new(&servers());
    beside_a_good_server(&stage, async {
        let outcome = stage.call("bad", "flood", json!({})).await;
        assert!(matches!(outcome, Err(UpstreamError::Gone { .. })), "{outcome:?}");
        stage.echoes("bad").await;
    })
    .await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_reading_and_answering_is_replaced() {
    let stage = Stage::new(&servers());
    stage.echoes("bad").await;
    let process = stage.gateway.process_id(&at("bad")).unwrap();
    assert_eq!(stage.text("bad", "stop_reading").await, "no more");
    let filler = "x".repeat(300_000);
    for _ in 0..4 {
        let outcome = stage.call_within("bad", "echo", json!({ "text": filler }), SHORT).await;
        assert!(matches!(outcome, Err(UpstreamError::TimedOut | UpstreamError::Busy { .. })), "{outcome:?}");
    }
    stage.until("another process", |stage| stage.gateway.process_id(&at("bad")) != Some(process)).await;
    stage.echoes("bad").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_come_as_they_were_sent() {
    let stage = Stage::new(&servers());
    let odd = stage.call("bad", "odd", json!({})).await.unwrap();
    assert_eq!(odd.blocks, [json!({ "type": "hologram", "x": [1, null] })]);
    assert_eq!(odd.structured_content, Some(Value::Null));
    assert!(odd.is_error);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_told_apart() {
    let stage = Stage::new(&servers());
    let refuse = |code: i64| stage.call("bad", "refuse", json!({ "code": code }));
    let message = "no, thank you".to_owned();
    assert_eq!(refuse(-32_602).await, Err(UpstreamError::InvalidParams { message: message.clone() }));
    assert_eq!(refuse(-32_042).await, Err(UpstreamError::Refused { code: -32_042, message }));
    assert_eq!(stage.call("bad", "input", json!({})).await, Err(UpstreamError::InteractionRequired));
    let deep = stage.call("bad", "deep", json!({})).await;
    assert!(matches!(deep, Err(UpstreamError::Gone { .. })), "{deep:?}");
    stage.echoes("bad").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resources_are_read_whole() {
    let stage = Stage::new(&servers());
    let read = async |uri: &str| stage.gateway.read(&at("bad"), uri, LONG).await;
    let one = read("test://text").await.unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!(one[0].body, ResourceBody::Text("caf\u{e9}".to_owned()));
    let both = read("test://both").await.unwrap();
    assert_eq!(both[0].body, ResourceBody::Text(String::new()));
    assert_eq!(both[1].body, ResourceBody::Blob("AP8=".to_owned()));
    assert_eq!(read("test://other").await, Err(UpstreamError::ResourceNotFound));
    stage.end().await;
}
