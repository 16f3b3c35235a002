use std::time::Duration;

use futures_util::future::join_all;
use mcp::{ServerState, ToolServers as _, UpstreamError};
use serde_json::json;

use crate::stage::{LONG, Stage, at, hostile, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_start_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let starts = folder.path().join("starts");
    let stage = Stage::new(&json!({ "s": hostile(&["--count-starts", starts.to_str().unwrap()]) }));
    assert_eq!(stage.gateway.status(&at("s")).state, ServerState::Stopped);
    join_all((0..100).map(|_| stage.echoes("s"))).await;
    stage.gateway.warm(&at("s"));
    assert_eq!(std::fs::read_to_string(&starts).unwrap(), "started\n");
    assert_eq!(stage.processes().len(), 1);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_patience_leaves_the_start_going() {
    let stage = Stage::new(&json!({ "s": hostile(&["--slow-start", "0.5"]) }));
    let hasty = stage.gateway.catalogue(&at("s"), Duration::from_millis(1)).await;
    assert!(matches!(hasty, Err(UpstreamError::Starting { .. })), "{hasty:?}");
    let patient = stage.gateway.catalogue(&at("s"), LONG).await.unwrap();
    assert!(patient.tool("echo").is_some());
    assert_eq!(stage.processes().len(), 1);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_can_not_start_is_left_alone_longer_and_longer() {
    let folder = tempfile::tempdir().unwrap();
    let starts = folder.path().join("starts");
    let flags = ["--fail-start", "--count-starts", starts.to_str().unwrap()];
    let stage = Stage::new(&json!({ "s": hostile(&flags), "good": hostile(&[]) }));
    let counted = || std::fs::read_to_string(&starts).unwrap().lines().count();
    for attempt in 1..=9 {
        let first = stage.call("s", "echo", json!({})).await;
        let Err(UpstreamError::Gone { detail }) = first else { panic!("{first:?}") };
        assert_eq!(detail, "it ended: exit status: 7");
        let again = stage.call("s", "echo", json!({})).await;
        assert!(matches!(again, Err(UpstreamError::BackingOff { .. })), "{again:?}");
        assert_eq!(counted(), attempt);
        let status = stage.gateway.status(&at("s"));
        assert!(matches!(status.state, ServerState::BackingOff { .. }) && status.last_error.is_some());
        stage.gateway.warm(&at("s"));
        stage.echoes("good").await;
        // Half of the wait at the most is taken away by chance.
        let shortest = Duration::from_millis(250 << (attempt - 1).min(6)).min(Duration::from_secs(30));
        stage.clock.advance(shortest.saturating_sub(Duration::from_millis(1)));
        assert!(matches!(stage.call("s", "echo", json!({})).await, Err(UpstreamError::BackingOff { .. })));
        stage.clock.advance(Duration::from_mins(1));
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_handshake_has_an_end() {
    let slow = with(hostile(&["--slow-start", "600"]), &json!({ "start_timeout_seconds": 1 }));
    let stage = Stage::new(&json!({ "s": slow }));
    let outcome = stage.call("s", "echo", json!({})).await;
    assert_eq!(outcome, Err(UpstreamError::Gone { detail: "it did not become ready in time".to_owned() }));
    assert!(stage.processes().is_empty());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_never_run_is_disabled_and_says_why() {
    let missing = json!({ "command": "no-such-program-here" });
    let off = with(hostile(&[]), &json!({ "disabled": true }));
    let stage = Stage::new(&json!({ "missing": missing, "off": off }));
    for (server, words) in [("missing", "not installed"), ("off", "switched off")] {
        let _ = stage.call(server, "echo", json!({})).await;
        let outcome = stage.call(server, "echo", json!({})).await;
        let Err(UpstreamError::Disabled { reason }) = outcome else { panic!("{outcome:?}") };
        assert!(reason.contains(words), "{reason}");
        assert!(matches!(stage.gateway.status(&at(server)).state, ServerState::Disabled { .. }));
    }
    stage.end().await;
}
