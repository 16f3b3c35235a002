use mcp::ToolServers as _;
use serde_json::json;

use crate::stage::{LONG, Stage, at, hostile, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_read() {
    let stage = Stage::new(&json!({
        "three": hostile(&["--pages", "three"]),
        "repeat": hostile(&["--pages", "repeat"]),
        "forever": hostile(&["--pages", "forever"]),
    }));
    let tools = async |server: &str| {
        let catalogue = stage.gateway.catalogue(&at(server), LONG).await.unwrap();
        catalogue.tools.iter().map(|tool| tool.definition.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(tools("three").await, ["page_None", "page_", "page_last"], "the empty cursor is one");
    assert_eq!(tools("repeat").await, ["again"]);
    assert_eq!(tools("forever").await.len(), 2_000);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_tool_hides_no_other() {
    let stage = Stage::new(&json!({ "s": hostile(&["--odd-tools", "--broken-resources"]) }));
    let catalogue = stage.gateway.catalogue(&at("s"), LONG).await.unwrap();
    for name in ["echo", "true_schema", "bad_schema", "no_schema"] {
        assert!(catalogue.tool(name).is_some(), "{name}");
    }
    assert_eq!(catalogue.instructions.as_deref(), Some("Take care."));
    assert!(catalogue.resources.is_empty());
    assert_eq!(catalogue.templates.len(), 1);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_read_and_what_is_known_stays_while_the_server_is_down() {
    for era in ["legacy", "modern"] {
        let stage = Stage::new(&json!({ "s": hostile(&["--era", era]) }));
        stage.echoes("s").await;
        assert_eq!(stage.text("s", "grow").await, "done");
        let knows = |stage: &Stage| {
            stage.gateway.status(&at("s")).catalogue.is_some_and(|catalogue| catalogue.tool("new_0").is_some())
        };
        stage.until("the new tool is known", knows).await;
        assert!(stage.call("s", "exit", json!({})).await.is_err());
        stage.until("it is down", |stage| stage.gateway.process_id(&at("s")).is_none()).await;
        let status = stage.gateway.status(&at("s"));
        assert!(status.catalogue_stale);
        let kept = stage.gateway.catalogue(&at("s"), LONG).await.unwrap();
        assert!(kept.tool("new_0").is_some());
        assert!(stage.processes().is_empty(), "asking for what is known starts nothing");
        stage.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_that_changes_under_a_pin_is_put_into_quarantine() {
    let stage = Stage::new(&json!({
        "pinned": with(hostile(&[]), &json!({ "pin": true })),
        "free": hostile(&[]),
    }));
    for server in ["pinned", "free"] {
        stage.echoes(server).await;
        assert_eq!(stage.text(server, "change").await, "done");
    }
    let changed = |stage: &Stage, server: &str| {
        let catalogue = stage.gateway.status(&at(server)).catalogue.unwrap();
        catalogue.tool("echo").and_then(|tool| tool.definition.description.clone()) != Some("Says it again".to_owned())
    };
    stage.until("both are read again", |stage| changed(stage, "pinned") && changed(stage, "free")).await;
    let catalogue = stage.gateway.status(&at("pinned")).catalogue.unwrap();
    assert!(catalogue.tool("echo").is_none());
    assert_eq!(catalogue.quarantined[0].name, "echo");
    stage.until("an alarm", |stage| !stage.alarms.heard().is_empty()).await;
    assert_eq!(stage.alarms.heard(), ["echo changed"]);
    stage.end().await;
}
