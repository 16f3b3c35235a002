use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mcp::UpstreamError;
use serde_json::{Value, json};

use crate::stage::{Stage, python, script, text, with};

/// A hostile server over HTTP, started by itself and ended with this value.
struct Upstream {
    process: Child,
    port: u16,
}

impl Upstream {
    fn start(flags: &[&str]) -> Self {
        let mut process =
            Command::new(python()).arg(script()).arg("--http").args(flags).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, port: line.trim().parse().unwrap() }
    }

    fn at(&self, path: &str) -> Value {
        json!({ "type": "http", "url": format!("http://127.0.0.1:{}{path}", self.port) })
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn configured_headers_are_sent_and_an_expired_session_is_rebuilt() {
    let upstream = Upstream::start(&[]);
    let server = with(upstream.at("/mcp"), &json!({ "headers": { "x-secret": "word" } }));
    let stage = Stage::new(&json!({ "s": server }));
    stage.echoes("s").await;
    let headers: Value = serde_json::from_str(&stage.text("s", "headers").await).unwrap();
    assert_eq!(headers["x-secret"], "word");
    assert_eq!(stage.text("s", "forget").await, "forgotten");
    stage.echoes("s").await;
    let sessions: Vec<String> = serde_json::from_str(&stage.text("s", "sessions").await).unwrap();
    assert_eq!(sessions.len(), 2);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_concern_their_own_call() {
    let upstream = Upstream::start(&[]);
    let limited = json!({ "max_result_bytes": 100_000 });
    let stage = Stage::new(&json!({ "s": with(upstream.at("/mcp"), &limited) }));
    let short = Duration::from_millis(500);
    for (tool, arguments) in
        [("status", json!({ "status": 500 })), ("status", json!({ "status": 401 })), ("cut", json!({}))]
    {
        let outcome = stage.call("s", tool, arguments).await;
        assert!(matches!(outcome, Err(UpstreamError::Gone { .. })), "{tool}: {outcome:?}");
    }
    assert_eq!(stage.call_within("s", "hang", json!({}), short).await, Err(UpstreamError::TimedOut));
    for tool in ["big", "stream"] {
        for bytes in [300_000, 20_000_000] {
            let large = stage.call("s", tool, json!({ "bytes": bytes })).await;
            assert_eq!(large, Err(UpstreamError::TooLarge { limit: 100_000 }), "{tool} {bytes}");
        }
        assert_eq!(text(&stage.call("s", tool, json!({ "bytes": 90_000 })).await.unwrap()).len(), 90_000);
    }
    stage.echoes("s").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirects_stay_within_the_origin() {
    let elsewhere = Upstream::start(&[]);
    let other = format!("http://127.0.0.1:{}/mcp", elsewhere.port);
    let upstream = Upstream::start(&["--elsewhere", &other]);
    let stage = Stage::new(&json!({ "near": upstream.at("/near"), "far": upstream.at("/far") }));
    stage.echoes("near").await;
    let outcome = stage.call("far", "echo", json!({ "text": "x" })).await;
    assert!(matches!(outcome, Err(UpstreamError::Gone { .. })), "{outcome:?}");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_down_is_left_alone_and_comes_back() {
    let upstream = Upstream::start(&[]);
    let server = upstream.at("/mcp");
    let stage = Stage::new(&json!({ "s": server }));
    stage.echoes("s").await;
    let port = upstream.port.to_string();
    drop(upstream);
    // What breaks first is what stood.
    let mut outcome = stage.call("s", "echo", json!({ "text": "x" })).await;
    for _ in 0..3 {
        assert!(matches!(outcome, Err(UpstreamError::Gone { .. } | UpstreamError::BackingOff { .. })), "{outcome:?}");
        outcome = stage.call("s", "echo", json!({ "text": "x" })).await;
    }
    assert!(matches!(outcome, Err(UpstreamError::BackingOff { .. })), "{outcome:?}");
    let _upstream = Upstream::start(&["--port", &port]);
    stage.clock.advance(Duration::from_secs(61));
    stage.echoes("s").await;
    stage.end().await;
}
