use mcp::UpstreamError;
use serde_json::json;

use crate::stage::{Stage, names, node, text};

fn stage(folder: &tempfile::TempDir) -> Stage {
    Stage::new(&node("server-filesystem", &[folder.path().to_str().unwrap()]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_read_and_refusals_are_the_tools_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hello.txt");
    std::fs::write(&file, "hello world\nline two \u{e9}\n").unwrap();
    let stage = stage(&folder);
    let catalogue = stage.catalogue().await;
    assert_eq!(catalogue.protocol_version, "2025-11-25");
    assert_eq!(catalogue.tools.len(), 14);
    assert!(names(&catalogue).contains(&"read_text_file"));
    assert!(catalogue.resources.is_empty() && catalogue.templates.is_empty());

    let read = stage.call("read_text_file", json!({ "path": file })).await;
    assert_eq!(text(&read), "hello world\nline two \u{e9}\n");
    assert_eq!(read.structured_content, Some(json!({ "content": "hello world\nline two \u{e9}\n" })));
    assert!(!read.is_error);
    for (tool, arguments, words) in [
        ("read_text_file", json!({ "path": "/etc/passwd" }), "Access denied"),
        ("read_text_file", json!({ "path": folder.path().join("no") }), "ENOENT"),
        ("read_text_file", json!({}), "MCP error -32602"),
        ("no_such_tool", json!({}), "MCP error -32602"),
    ] {
        let refused = stage.call(tool, arguments).await;
        assert!(refused.is_error && text(&refused).starts_with(words), "{refused:?}");
    }
    assert_eq!(stage.read("file:///etc/passwd").await, Err(UpstreamError::ResourceNotFound));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_keep_their_base64() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dot.png");
    std::fs::write(&file, [0x89, b'P', b'N', b'G']).unwrap();
    let stage = stage(&folder);
    let answer = stage.call("read_media_file", json!({ "path": file })).await;
    assert_eq!(answer.blocks, [json!({ "type": "image", "data": "iVBORw==", "mimeType": "image/png" })]);
    stage.end().await;
}
