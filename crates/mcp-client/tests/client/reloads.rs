use mcp::{ToolServers as _, UpstreamError};
use serde_json::json;

use crate::stage::{LONG, Stage, at, hostile, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_the_same_goes_on_and_nothing_is_started() {
    let stage = Stage::new(&json!({ "kept": hostile(&[]), "gone": hostile(&[]) }));
    let process = stage.text("kept", "pid").await;
    stage.echoes("gone").await;
    let renamed = with(hostile(&[]), &json!({ "name": "Another", "tools": ["echo"], "timeout_seconds": 5 }));
    stage.reload(&json!({ "kept": renamed, "new": hostile(&[]) }));
    assert_eq!(stage.text("kept", "pid").await, process);
    assert_eq!(stage.gateway.registry().get(&"kept".try_into().unwrap()).unwrap().name, "Another");
    stage.until("the other is gone", |stage| stage.processes().len() == 1).await;
    let outcome = stage.call("gone", "echo", json!({})).await;
    assert!(matches!(outcome, Err(UpstreamError::Disabled { .. })), "{outcome:?}");
    stage.echoes("new").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_server_finishes_its_calls_before_its_successor_starts() {
    let folder = tempfile::tempdir().unwrap();
    let (begun, gate) = (folder.path().join("begun"), folder.path().join("gate"));
    let stage = Stage::new(&json!({ "s": hostile(&[]) }));
    let process = stage.text("s", "pid").await;
    let slow = stage.call("s", "wait", json!({ "begun": begun, "until": gate }));
    let meanwhile = async {
        stage.until("the call is under way", |_| begun.exists()).await;
        stage.reload(&json!({ "s": with(hostile(&[]), &json!({ "env": { "CHANGED": "1" } })) }));
        let next = stage.text("s", "pid");
        let opens = async {
            assert_eq!(stage.processes().len(), 1, "one process at a time");
            std::fs::write(&gate, "").unwrap();
        };
        let (next, ()) = tokio::join!(next, opens);
        next
    };
    let (slow, next) = tokio::time::timeout(LONG, async { tokio::join!(slow, meanwhile) }).await.unwrap();
    assert_eq!(slow.unwrap().blocks[0]["text"], "waited");
    assert_ne!(next, process);
    assert_eq!(stage.gateway.status(&at("s")).last_error, None);
    stage.end().await;
}
