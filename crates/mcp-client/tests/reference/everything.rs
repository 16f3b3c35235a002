use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mcp::{ResourceBody, UpstreamError};
use serde_json::{Value, json};
use testkit::servers::{free_port, poll_until};

use crate::stage::{LONG, Stage, at, names, node, node_script, text};

/// What it offers and does, whichever way it is reached.
async fn works(stage: &Stage) {
    let catalogue = stage.catalogue().await;
    assert_eq!(catalogue.protocol_version, "2025-11-25");
    assert!(names(&catalogue).contains(&"echo"));
    assert_eq!(catalogue.resources.len(), 7);
    assert_eq!(catalogue.templates.len(), 2);
    assert!(catalogue.instructions.is_some());

    assert_eq!(text(&stage.call("echo", json!({ "message": "hi" })).await), "Echo: hi");
    let structured = stage.call("get-structured-content", json!({ "location": "New York" })).await;
    let said: Value = serde_json::from_str(text(&structured)).unwrap();
    assert_eq!(structured.structured_content, Some(said));
    let links = stage.call("get-resource-links", json!({ "count": 2 })).await;
    let kinds: Vec<&Value> = links.blocks.iter().map(|block| &block["type"]).collect();
    assert_eq!(kinds, ["text", "resource_link", "resource_link"]);

    let read = stage.read("demo://resource/dynamic/text/1").await.unwrap();
    assert!(matches!(&read[0].body, ResourceBody::Text(text) if text.contains("Resource 1")), "{read:?}");
    let read = stage.read("demo://resource/dynamic/blob/1").await.unwrap();
    assert!(matches!(read[0].body, ResourceBody::Blob(_)));
    assert_eq!(read[0].mime_type.as_deref(), Some("text/plain"));
    assert_eq!(stage.read("demo://no").await, Err(UpstreamError::ResourceNotFound));
    let invalid = stage.read("no uri").await;
    assert!(matches!(invalid, Err(UpstreamError::Refused { code: -32_603, .. })), "{invalid:?}");

    let arguments = json!({ "duration": 60, "steps": 60 });
    let Value::Object(arguments) = arguments else { return };
    let short = Duration::from_millis(300);
    let slow = mcp::ToolServers::call(&stage.gateway, &at(), "trigger-long-running-operation", &arguments, short).await;
    assert_eq!(slow, Err(UpstreamError::TimedOut));
    assert_eq!(text(&stage.call("echo", json!({ "message": "still" })).await), "Echo: still");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_over_stdio_in_a_clean_environment() {
    let stage = Stage::new(&node("server-everything", &[]));
    works(&stage).await;
    let environment: Value = serde_json::from_str(text(&stage.call("get-env", json!({})).await)).unwrap();
    let mut names: Vec<&str> = environment.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["CORE_API_MCP_PROCESS", "HOME", "PATH"]);
    stage.end().await;
}

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_over_http() {
    let port = free_port().unwrap();
    let mut command = Command::new("node");
    command.arg(node_script("server-everything")).arg("streamableHttp").env("PORT", port.to_string());
    let _served = Served(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let listens = tokio::task::spawn_blocking(move || {
        poll_until(LONG, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
    });
    assert!(listens.await.unwrap());
    let stage = Stage::new(&json!({ "type": "http", "url": format!("http://127.0.0.1:{port}/mcp") }));
    works(&stage).await;
    stage.end().await;
}
