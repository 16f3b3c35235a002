use mcp::ToolServers as _;
use serde_json::json;

use crate::stage::{LONG, Stage, at, hostile, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_eras_are_spoken() {
    let stage = Stage::new(&json!({
        "legacy": hostile(&["--era", "legacy"]),
        "modern": hostile(&["--era", "modern"]),
        "chosen": with(hostile(&["--era", "modern"]), &json!({ "protocol": "modern" })),
    }));
    for (server, version) in [("legacy", "2025-11-25"), ("modern", "2026-07-28"), ("chosen", "2026-07-28")] {
        stage.echoes(server).await;
        assert_eq!(stage.gateway.status(&at(server)).protocol_version.as_deref(), Some(version), "{server}");
        assert_eq!(stage.gateway.read(&at(server), "test://no", LONG).await, Err(mcp::UpstreamError::ResourceNotFound));
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_at_the_probe_is_spoken_to_as_before() {
    let stage = Stage::new(&json!({ "s": hostile(&["--era", "picky"]) }));
    let first = stage.gateway.catalogue(&at("s"), LONG).await;
    assert!(matches!(first, Err(mcp::UpstreamError::Gone { .. })), "{first:?}");
    stage.clock.advance(LONG);
    stage.echoes("s").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hint_spares_the_probe() {
    // This one would keep a probe waiting for ten seconds, and is given one.
    let hinted = json!({ "protocol": "legacy", "start_timeout_seconds": 9 });
    let stage = Stage::new(&json!({ "s": with(hostile(&["--era", "silent"]), &hinted) }));
    stage.echoes("s").await;
    stage.end().await;
}
