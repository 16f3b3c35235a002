//! Resources of MCP servers: which server has one, and what its URI is.

use acceptance::{Api, Backend, McpServers, Stage, on_both_stores, validation};
use serde_json::{Value, json};

use crate::mcp::stage;

on_both_stores!(
    resources_are_listed_and_read,
    a_blob_comes_in_base64,
    a_template_finds_its_server,
    several_servers_need_a_name,
    a_path_is_decoded_once,
    hidden_resources_are_not_found,
);

const RESOURCES: &str = "/api/v1/mcp/resources";

fn everything() -> Value {
    McpServers::node("everything", &[])
}

fn memory() -> Value {
    let mut server = McpServers::node("memory", &[]);
    server["env"] = json!({ "MEMORY_FILE_PATH": "$FOLDER/graph.jsonl" });
    server
}

async fn list(api: &Api, query: &str) -> Vec<Value> {
    api.get(&format!("{RESOURCES}?per_page=100&{query}")).await.expect(200).json()["data"].as_array().unwrap().clone()
}

/// The URI of the first resource that the server of everything lists.
async fn first(stage: &Stage) -> String {
    let listed = list(&stage.owner, "server=everything").await;
    listed.iter().find_map(|it| it["uri"].as_str()).unwrap().to_owned()
}

async fn resources_are_listed_and_read(backend: Backend) {
    let servers =
        McpServers::new(&json!({ "everything": everything(), "files": McpServers::files(), "memory": memory() }));
    let stage = stage(backend, &servers).await;
    let all = list(&stage.owner, "").await;
    assert!(all.iter().any(|it| it["uri"] == "memory://knowledge-graph" && it["server"] == "memory"), "{all:?}");
    assert!(all.iter().any(|it| it["uri_template"] == "demo://resource/dynamic/text/{resourceId}"));
    assert!(all.iter().all(|it| it["server"] != "files"), "it has none");
    let uri = first(&stage).await;
    let read = stage.owner.get(&format!("{RESOURCES}/{uri}")).await.data(200);
    assert_eq!((&read["uri"], &read["server"]), (&json!(uri), &json!("everything")));
    assert_eq!(read["size"].as_u64().unwrap(), read["content"].as_str().unwrap().len() as u64);
    let encoded = uri.replace(':', "%3A").replace('/', "%2F");
    assert_eq!(stage.owner.get(&format!("{RESOURCES}/{encoded}")).await.data(200), read);
    assert_eq!(stage.owner.get(&format!("{RESOURCES}?uri={encoded}")).await.data(200), read);
    let sorted = list(&stage.owner, "sort=-uri&fields=uri&server=everything").await;
    assert!(sorted.iter().all(|it| it.as_object().unwrap().len() <= 1));
}

async fn a_blob_comes_in_base64(backend: Backend) {
    let servers = McpServers::new(&json!({ "everything": everything() }));
    let stage = stage(backend, &servers).await;
    let read = stage.owner.get(&format!("{RESOURCES}/demo://resource/dynamic/blob/1")).await.data(200);
    let blob = read["blob"].as_str().unwrap();
    assert!(read.get("content").is_none());
    assert_eq!(read["size"].as_u64().unwrap(), blob.trim_end_matches('=').len() as u64 * 3 / 4);
}

async fn a_template_finds_its_server(backend: Backend) {
    let servers = McpServers::new(&json!({ "everything": everything(), "memory": memory() }));
    let stage = stage(backend, &servers).await;
    let read = stage.owner.get(&format!("{RESOURCES}/demo://resource/dynamic/text/7")).await.data(200);
    assert_eq!((&read["server"], &read["uri"]), (&json!("everything"), &json!("demo://resource/dynamic/text/7")));
    assert!(read["content"].as_str().unwrap().contains('7'));
    for unknown in ["demo://resource/dynamic/text/..", "demo://other/1", "file:///etc/passwd", "https://example.com/"] {
        stage.owner.get(&format!("{RESOURCES}?uri={unknown}")).await.is_not_found();
    }
}

async fn several_servers_need_a_name(backend: Backend) {
    let servers = McpServers::new(&json!({ "one": memory(), "two": memory() }));
    let stage = stage(backend, &servers).await;
    let path = format!("{RESOURCES}/memory://knowledge-graph");
    let refused = json!({ "server": ["Several servers have this resource. Name one in server: one, two."] });
    stage.owner.get(&path).await.is(422, validation(refused));
    assert_eq!(stage.owner.get(&format!("{path}?server=two")).await.data(200)["server"], "two");
    stage.owner.get(&format!("{path}?server=three")).await.is_not_found();
    stage.owner.get(&format!("{path}?serve=two")).await.expect(422);
}

async fn a_path_is_decoded_once(backend: Backend) {
    let servers = McpServers::new(&json!({ "everything": everything() }));
    let stage = stage(backend, &servers).await;
    // Decoded twice it would be a dynamic resource.
    for twice in ["demo://resource/dynamic/text%252F1", "demo%253A//resource/dynamic/text/1"] {
        let answer = stage.owner.get(&format!("{RESOURCES}/{twice}")).await;
        assert!([404, 422].contains(&answer.status), "{answer}");
    }
    for (path, fault) in [
        ("demo://a%00", "The uri holds a control character."),
        ("demo://a%0d%0aHost:b", "The uri holds a control character."),
        ("demo://%ff", "The uri is not UTF-8."),
        ("plain", "The uri has no scheme."),
    ] {
        let answer = stage.owner.get(&format!("{RESOURCES}/{path}")).await;
        answer.is(422, validation(json!({ "uri": [fault] })));
    }
}

async fn hidden_resources_are_not_found(backend: Backend) {
    let mut closed = everything();
    closed["resources"] = json!(false);
    let servers = McpServers::new(&json!({ "closed": closed, "everything": everything() }));
    let stage = stage(backend, &servers).await;
    assert!(list(&stage.owner, "").await.iter().all(|it| it["server"] == "everything"));
    let path = format!("{RESOURCES}/{}", first(&stage).await);
    stage.owner.get(&format!("{path}?server=closed")).await.is_not_found();
    let key = stage.key(json!({ "scopes": ["mcp:read"], "mcp_servers": ["closed"] })).await;
    key.api.get(&path).await.is_not_found();
    assert!(list(&key.api, "").await.is_empty());
}
