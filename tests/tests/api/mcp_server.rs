//! `/mcp`, as assistants use it that speak with the protocol's official libraries.

use acceptance::{
    Assistant, Backend, Era, NewKey, PATIENCE, Receiver, Server, Stage, denied, eventually, on_both_stores, validation,
};
use rmcp::model::{CallToolRequestParams, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt as _};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Value, json};

use crate::pixel::BROWSER;
use crate::webhooks::LOOPBACK;

on_both_stores!(
    an_assistant_finds_its_tools,
    usage_recorded_twice_under_one_key_counts_once,
    an_assistant_operates_webhooks,
    an_assistant_reads_what_the_pixel_counted,
    an_error_is_told_as_the_api_tells_it,
    a_tool_beyond_the_scopes_is_neither_shown_nor_done,
    another_workspace_is_not_found,
    a_connection_for_one_workspace_stays_in_it,
    who_has_no_key_gets_no_connection,
    over_the_limit_a_call_is_told_how_long_to_wait,
    rmcp_speaks_with_it_without_a_handshake,
);

fn assistant(server: &Server, key: &NewKey, era: Era) -> Assistant {
    Assistant::anonymous(server, era).with_key(&key.secret)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given what json! makes")]
fn step(name: &str, arguments: Value) -> Value {
    json!({ "name": name, "arguments": arguments })
}

/// The body that a tool told, which must be the same as text and as a value.
#[track_caller]
fn told(result: &Value, is_error: bool) -> Value {
    assert_eq!(result["isError"], json!(is_error), "{result}");
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(text, result["structuredContent"], "{result}");
    text
}

fn names(list: &Value) -> Vec<&str> {
    list["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

async fn an_assistant_finds_its_tools(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "scopes": ["*"] })).await;
    for era in Era::BOTH {
        let found = assistant(&stage.server, &key, era).play(json!(["list"])).await;
        assert_eq!(found[0], json!({ "protocol": era.revision(), "server": "core-api" }));
        assert_eq!(names(&found[1])[..4], ["show_caller", "list_workspaces", "check_entitlement", "record_usage"]);
        if era == Era::Discovery {
            assert_eq!((&found[1]["ttlMs"], &found[1]["cacheScope"]), (&json!(300_000), &json!("private")));
        }
        for tool in found[1]["tools"].as_array().unwrap() {
            assert!(jsonschema::meta::is_valid(&tool["inputSchema"]), "{tool}");
            let hints = &tool["annotations"];
            let name = tool["name"].as_str().unwrap();
            let reads = ["show_", "list_", "get_", "check_"].iter().any(|verb| name.starts_with(verb));
            let destroys = ["delete_webhook", "update_webhook"].contains(&name);
            assert_eq!(
                (&hints["readOnlyHint"], &hints["destructiveHint"]),
                (&json!(reads), &json!(destroys)),
                "{name}"
            );
        }
    }
}

async fn usage_recorded_twice_under_one_key_counts_once(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "scopes": ["entitlements:*"] })).await;
    for era in Era::BOTH {
        let once =
            step("record_usage", json!({ "feature": "posts", "quantity": 2, "idempotency_key": era.revision() }));
        let check = step("check_entitlement", json!({ "feature": "posts" }));
        let found = assistant(&stage.server, &key, era).play(json!([check, once, once, check])).await;
        let before = told(&found[1], false)["current_usage"].as_i64().unwrap();
        let recorded = json!({ "recorded": true, "feature": "posts", "current_usage": before + 2, "limit": null });
        assert_eq!((told(&found[2], false), told(&found[3], false)), (recorded.clone(), recorded));
        assert_eq!(told(&found[4], false)["current_usage"], before + 2);
        let another = json!({ "feature": "posts", "quantity": 3, "idempotency_key": era.revision() });
        let reused = assistant(&stage.server, &key, era).call("record_usage", another).await;
        assert_eq!(told(&reused, true)["error"], "idempotency_key_reused");
    }
}

async fn an_assistant_operates_webhooks(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    let key = stage.key(json!({ "scopes": ["*"] })).await;
    for era in Era::BOTH {
        let assistant = assistant(&stage.server, &key, era);
        let path = format!("/{}", era.revision());
        let made = assistant.call("create_webhook", json!({ "url": receiver.url(&path), "events": ["post.*"] })).await;
        let made = told(&made, false)["data"].take();
        assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
        let id = &made["id"];
        let of_webhook = json!({ "webhook_id": id });
        let found = assistant
            .play(json!([
                step("test_webhook", of_webhook.clone()),
                step("publish_events", json!({ "type": "post.created", "data": { "id": 7 } })),
            ]))
            .await;
        assert_eq!(told(&found[1], false)["success"], true);
        let event = told(&found[2], false)["data"]["id"].take();
        assert_eq!(receiver.wait_for(&path, 2).await[1].header("webhook-id"), event.as_str().unwrap());
        let delivered = json!({ "webhook_id": id, "status": "success", "event_id": event });
        let is_there = async || {
            let list = assistant.call("list_deliveries", delivered.clone()).await;
            told(&list, false)["meta"]["total"] == 1
        };
        assert!(eventually(PATIENCE, is_there).await);
        let list = told(&assistant.call("list_deliveries", delivered.clone()).await, false);
        let of_delivery = json!({ "webhook_id": id, "delivery_id": list["data"][0]["id"] });
        let found = assistant
            .play(json!([
                step("get_delivery", of_delivery.clone()),
                step("retry_delivery", of_delivery),
                step("update_webhook", json!({ "webhook_id": id, "description": "renamed" })),
                step("delete_webhook", of_webhook.clone()),
                step("get_webhook", of_webhook),
            ]))
            .await;
        assert_eq!(told(&found[1], false)["data"]["attempts"][0]["response_code"], 200);
        assert_eq!(told(&found[2], true)["error"], "cannot_retry");
        assert_eq!(told(&found[3], false)["data"]["description"], "renamed");
        assert_eq!((&found[4]["isError"], &found[4]["content"][0]["text"]), (&json!(false), &json!("Done.")));
        assert_eq!(told(&found[5], true)["error"], "not_found");
    }
}

async fn an_error_is_told_as_the_api_tells_it(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "scopes": ["*"] })).await;
    let by_rest = key.api.post("/api/v1/webhooks", json!({ "url": "ftp://x", "events": [], "colour": 1 })).await.json();
    for era in Era::BOTH {
        let found = assistant(&stage.server, &key, era)
            .play(json!([
                step("create_webhook", json!({ "url": "ftp://x", "events": [], "colour": 1 })),
                step("check_entitlement", json!({ "feature": "posts", "quantity": 0 })),
                step("get_webhook", json!({})),
                step("launch_rocket", json!({})),
            ]))
            .await;
        assert_eq!(told(&found[1], true), by_rest);
        let by_rest = key.api.get("/api/v1/entitlements/check?feature=posts&quantity=0").await.expect(422).json();
        assert_eq!(told(&found[2], true), by_rest);
        let missing = json!({ "webhook_id": ["The webhook_id field is required."] });
        assert_eq!(told(&found[3], true), validation(missing));
        assert_eq!((&found[4]["code"], &found[4]["fault"]), (&json!(-32602), &json!("Unknown tool: launch_rocket")));
    }
}

async fn a_tool_beyond_the_scopes_is_neither_shown_nor_done(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "scopes": ["entitlements:read", "webhooks:delete"] })).await;
    for era in Era::BOTH {
        let steps = json!(["list", step("record_usage", json!({ "feature": "posts" }))]);
        let found = assistant(&stage.server, &key, era).play(steps).await;
        let shown = [
            "show_caller",
            "check_entitlement",
            "get_usage_summary",
            "list_usage_records",
            "get_usage_history",
            "delete_webhook",
        ];
        assert_eq!(names(&found[1]), shown);
        assert_eq!(told(&found[2], true), denied("entitlements:write"));
    }
    let used = stage.owner.get("/api/v1/entitlements/check?feature=posts").await.expect(200).json();
    assert_eq!(used["current_usage"], 0);
}

async fn an_assistant_reads_what_the_pixel_counted(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "scopes": ["pixel:read"] })).await;
    stage.owner.post("/api/v1/pixel/sites", json!({ "domain": "shop.example" })).await.expect(201);
    let visit = json!({ "event": "pageview", "url": "https://shop.example/" });
    let page = stage.anonymous();
    let tracked = page.request("POST", "/api/v1/pixel/track").header("User-Agent", BROWSER).json(&visit);
    assert_eq!(tracked.send().await.expect(200).json(), json!({ "tracked": true }));
    for era in Era::BOTH {
        let found = assistant(&stage.server, &key, era)
            .play(json!([
                step("list_pixel_sites", json!({})),
                step("get_pixel_stats", json!({ "site": "shop.example" })),
                step("get_pixel_stats", json!({ "site": "other.example" })),
                step("get_pixel_stats", json!({})),
            ]))
            .await;
        assert_eq!(told(&found[1], false)["data"][0]["domain"], "shop.example");
        assert_eq!(told(&found[2], false)["data"]["totals"]["pageviews"], 1);
        assert_eq!(told(&found[3], true)["error"], "not_found");
        assert_eq!(told(&found[4], true)["error"], "validation_failed");
    }
}

async fn another_workspace_is_not_found(backend: Backend) {
    let stage = Stage::set(backend).await;
    let stranger = stage.tenant("stranger@example.com");
    let key = stage.key(json!({ "scopes": ["*"] })).await;
    let body = json!({ "url": "https://receiver.invalid/", "events": ["*"] });
    let theirs = stranger.api.post("/api/v1/webhooks", body).await.data(201)["id"].clone();
    for era in Era::BOTH {
        let found = assistant(&stage.server, &key, era)
            .play(json!([
                step("delete_webhook", json!({ "webhook_id": theirs })),
                step("list_webhooks", json!({ "workspace_id": stranger.workspace_id })),
                step("list_seo_issues", json!({ "workspace_id": stranger.workspace_id })),
            ]))
            .await;
        for result in &found[1..] {
            assert_eq!(told(result, true), json!({ "error": "not_found", "message": "Resource not found." }));
        }
    }
    stranger.api.get(&format!("/api/v1/webhooks/{theirs}")).await.expect(200);
}

async fn a_connection_for_one_workspace_stays_in_it(backend: Backend) {
    let stage = Stage::set(backend).await;
    let second = stage.workspace(json!({ "name": "Second" })).await["id"].clone();
    let key = stage.account_key(&["*".to_owned()]);
    let free = assistant(&stage.server, &key, Era::Discovery);
    let bound = free.clone().with("X-Workspace-ID", &stage.workspace_id.to_string());
    let list = |workspace: &Value| step("list_webhooks", json!({ "workspace_id": workspace }));
    let found = free.play(json!([step("list_webhooks", json!({})), list(&second)])).await;
    assert_eq!(told(&found[1], true)["error"], "workspace_required");
    assert_eq!(told(&found[2], false)["meta"]["total"], 0);
    let found = bound.play(json!([step("list_webhooks", json!({})), list(&second)])).await;
    assert_eq!(told(&found[1], false)["meta"]["total"], 0);
    assert_eq!(told(&found[2], true)["error"], "not_found");
}

async fn who_has_no_key_gets_no_connection(backend: Backend) {
    let stage = Stage::set(backend).await;
    for era in Era::BOTH {
        let found = Assistant::anonymous(&stage.server, era).play(json!(["list"])).await;
        assert_eq!(found.len(), 1);
        assert!(found[0]["fault"].is_string(), "{found:?}");
    }
}

async fn over_the_limit_a_call_is_told_how_long_to_wait(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "rate_limit_tier": "free", "scopes": ["*"] })).await;
    let assistant = assistant(&stage.server, &key, Era::Handshake);
    let calls: Vec<Value> = (0..70).map(|_| step("show_caller", json!({}))).collect();
    let found = assistant.play(calls).await;
    let refused: Vec<&Value> = found[1..].iter().filter(|result| result["isError"] == true).collect();
    // The handshake's two messages count, and the library reads the list of tools before it believes an answer.
    assert_eq!(refused.len(), 70 - (60 - 3), "{found:?}");
    for result in refused {
        let body = told(result, true);
        let wait = body["retry_after"].as_u64().unwrap();
        assert_eq!((&body["error"], &body["limit"]), (&json!("rate_limit_exceeded"), &json!(60)));
        assert_eq!(body["message"], format!("Too many requests. Please retry after {wait} seconds."));
    }
}

async fn rmcp_speaks_with_it_without_a_handshake(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "scopes": ["entitlements:*"] })).await;
    let config = StreamableHttpClientTransportConfig::with_uri(format!("{}/mcp", stage.server.base_url()))
        .auth_header(key.secret.clone());
    let lifecycle = ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
    let client = ().serve_with_lifecycle(StreamableHttpClientTransport::from_config(config), lifecycle).await.unwrap();
    let tools = client.list_all_tools().await.unwrap();
    assert_eq!(tools[1].name, "check_entitlement");
    let arguments = json!({ "feature": "posts", "quantity": 2 }).as_object().cloned().unwrap();
    let call = CallToolRequestParams::new("record_usage").with_arguments(arguments);
    let result = client.call_tool(call).await.unwrap();
    assert_eq!(result.is_error, Some(false));
    assert_eq!(result.structured_content.unwrap()["current_usage"], 2);
    let unknown = client.call_tool(CallToolRequestParams::new("launch_rocket")).await.unwrap_err();
    assert!(unknown.to_string().contains("-32602"), "{unknown}");
    client.cancel().await.unwrap();
}
