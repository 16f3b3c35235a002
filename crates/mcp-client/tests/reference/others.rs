use mcp::{ResourceBody, UpstreamError};
use serde_json::{Value, json};

use crate::stage::{Stage, names, node, python, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_keeps_its_graph() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = node("server-memory", &[]);
    server["env"] = json!({ "MEMORY_FILE_PATH": folder.path().join("graph.json") });
    let stage = Stage::new(&server);
    let catalogue = stage.catalogue().await;
    assert_eq!(catalogue.resources[0].uri, "memory://knowledge-graph");
    let entity = json!({ "name": "one", "entityType": "number", "observations": ["odd"] });
    stage.call("create_entities", json!({ "entities": [entity] })).await;
    let graph = stage.call("read_graph", json!({})).await.structured_content.unwrap();
    assert_eq!(graph["entities"][0]["name"], "one");
    let read = stage.read("memory://knowledge-graph").await.unwrap();
    assert!(matches!(&read[0].body, ResourceBody::Text(text) if text.contains("\"one\"")), "{read:?}");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_is_spoken_to_in_either_era() {
    for (hint, version) in [("auto", "2026-07-28"), ("modern", "2026-07-28"), ("legacy", "2025-11-25")] {
        let mut server = python("mcp-server-time");
        server["protocol"] = json!(hint);
        let stage = Stage::new(&server);
        let catalogue = stage.catalogue().await;
        assert_eq!(catalogue.protocol_version, version);
        assert_eq!(names(&catalogue), ["get_current_time", "convert_time"]);
        let now = stage.call("get_current_time", json!({ "timezone": "Europe/Berlin" })).await;
        let said: Value = serde_json::from_str(text(&now)).unwrap();
        assert_eq!(said["timezone"], "Europe/Berlin");
        assert!(!now.is_error);
        assert!(stage.call("get_current_time", json!({ "timezone": "Nowhere" })).await.is_error);
        let unknown = stage.try_call("no_such_tool", json!({})).await;
        assert!(matches!(unknown, Err(UpstreamError::InvalidParams { .. })), "{unknown:?}");
        stage.end().await;
    }
}
