//! `/mcp`, message by message.

use acceptance::{Answer, Api, Backend, Database, Server, Stage, on_both_stores};
use serde_json::{Value, json};

on_both_stores!(
    a_message_has_what_every_request_has,
    only_messages_are_taken,
    what_is_no_message_is_told_so,
    a_message_over_the_limit_is_refused,
    pages_elsewhere_may_not_speak,
    listed_pages_may_speak,
    a_secret_is_kept_by_no_cache,
);

#[expect(clippy::needless_pass_by_value, reason = "it is given what json! makes")]
fn message(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

async fn send(api: &Api, method: &str, params: Value) -> Answer {
    api.post("/mcp", message(method, params)).await
}

fn hello() -> Value {
    let client = json!({ "name": "test", "version": "1" });
    json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client })
}

async fn a_message_has_what_every_request_has(backend: Backend) {
    let stage = Stage::set(backend).await;
    stage.anonymous().post("/mcp", message("initialize", hello())).await.is_unauthorized();
    stage.owner.with_key("sk_live_nonsense").post("/mcp", message("initialize", hello())).await.is_unauthorized();
    let key = stage.key(json!({ "scopes": [], "rate_limit_tier": "pro" })).await;
    let asked = key.api.request("POST", "/mcp").header("X-Request-ID", "mine").json(&message("initialize", hello()));
    let answer = asked.send().await.expect(200);
    assert_eq!((answer.header("x-request-id"), answer.header("x-accel-buffering")), (Some("mine"), Some("no")));
    assert_eq!(answer.header("mcp-session-id"), None);
    let remaining = |answer: &Answer| answer.header("x-ratelimit-remaining").unwrap().parse::<u32>().unwrap();
    let call = send(&key.api, "tools/call", json!({ "name": "show_caller", "arguments": {} })).await.expect(200);
    assert_eq!(remaining(&call) + 1, remaining(&answer), "a call counts as one request");
    let away = stage.key(json!({ "scopes": ["*"], "allowed_ips": ["192.0.2.1"] })).await;
    assert_eq!(send(&away.api, "tools/list", json!({})).await.expect(403).json()["error"], "access_denied");
}

async fn only_messages_are_taken(backend: Backend) {
    let stage = Stage::set(backend).await;
    for method in ["GET", "DELETE", "PUT", "OPTIONS"] {
        let answer = stage.owner.request(method, "/mcp").send().await.expect(405);
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    let text = stage.owner.request("POST", "/mcp").header("Content-Type", "text/plain").body("{}").send().await;
    assert_eq!(text.expect(415).json()["error"], "unsupported_media_type");
    let large = json!({ "padding": "x".repeat(1024 * 1024) });
    assert_eq!(send(&stage.owner, "tools/list", large).await.expect(413).json()["error"], "payload_too_large");
}

async fn what_is_no_message_is_told_so(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (body, code) in
        [("{\"jsonrpc", -32700), ("[]", -32600), ("{}", -32600), ("{\"id\":1,\"method\":\"ping\"}", -32600)]
    {
        let asked = stage.owner.request("POST", "/mcp").header("Content-Type", "application/json").body(body);
        assert_eq!(asked.send().await.expect(400).json()["error"]["code"], code, "{body}");
    }
    for (method, params, code) in [
        ("tools/call", json!({}), -32602),
        ("tools/list", json!({ "cursor": "x" }), -32602),
        ("resources/list", json!({}), -32601),
        ("sing", json!({}), -32601),
    ] {
        let answer = send(&stage.owner, method, params).await;
        assert_eq!(answer.json()["error"]["code"], code, "{answer}");
    }
    let heard = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert!(stage.owner.post("/mcp", heard).await.expect(202).body.is_empty());
}

async fn a_message_over_the_limit_is_refused(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "rate_limit_tier": "free", "scopes": ["*"] })).await;
    for _ in 0..60 {
        send(&key.api, "ping", json!({})).await.expect(200);
    }
    let refused = send(&key.api, "tools/list", json!({})).await.expect(429);
    assert_eq!(refused.json()["error"], "rate_limit_exceeded");
    assert!(refused.header("retry-after").is_some());
    let usage = json!({ "name": "record_usage", "arguments": { "feature": "posts" } });
    let called = send(&key.api, "tools/call", usage).await.expect(200).json();
    assert_eq!(called["result"]["structuredContent"]["error"], "rate_limit_exceeded");
    let check = stage.owner.get("/api/v1/entitlements/check?feature=posts").await.expect(200).json();
    assert_eq!(check["current_usage"], 0);
    // Without a credential nothing is told but the limit.
    for _ in 0..60 {
        stage.anonymous().post("/mcp", message("ping", json!({}))).await;
    }
    let nobody = stage.anonymous().post("/mcp", message("tools/call", json!({ "name": "show_caller" }))).await;
    assert_eq!(nobody.expect(429).json()["error"], "rate_limit_exceeded");
}

async fn from_page(api: &Api, origin: &str) -> Answer {
    api.request("POST", "/mcp").header("Origin", origin).json(&message("ping", json!({}))).send().await
}

async fn pages_elsewhere_may_not_speak(backend: Backend) {
    let stage = Stage::set(backend).await;
    for origin in ["https://evil.example", "null"] {
        assert_eq!(from_page(&stage.owner, origin).await.expect(403).json()["error"], "access_denied");
    }
    let preflight = stage.anonymous().request("OPTIONS", "/mcp").header("Origin", "https://evil.example").send().await;
    assert_eq!(preflight.expect(403).header("access-control-allow-origin"), None);
    let answer = from_page(&stage.owner, "http://localhost:6274").await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost:6274"));
}

async fn listed_pages_may_speak(backend: Backend) {
    let origin = "https://assistant.example.com";
    let stage = Stage::with(backend, &[("CORE_API_MCP_ORIGINS", origin)]).await;
    let preflight = stage.anonymous().request("OPTIONS", "/mcp").header("Origin", origin).send().await.expect(204);
    assert_eq!(preflight.header("access-control-allow-methods"), Some("POST"));
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("authorization"));
    from_page(&stage.owner, origin).await.expect(200);
    let refused = from_page(&stage.anonymous(), origin).await.expect(401);
    assert_eq!(refused.header("access-control-allow-origin"), Some(origin));
}

async fn a_secret_is_kept_by_no_cache(backend: Backend) {
    let stage = Stage::set(backend).await;
    let made = json!({ "url": "https://receiver.invalid/", "events": ["*"] });
    let answer = send(&stage.owner, "tools/call", json!({ "name": "create_webhook", "arguments": made })).await;
    assert!(answer.json()["result"]["structuredContent"]["data"]["secret"].is_string(), "{answer}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn any_replica_answers_any_message() {
    let stage = Stage::on(Database::create(Backend::Postgres), &[]).await;
    let second = Server::start(&stage.server.settings().clone().elsewhere());
    let there = stage.owner.at(&second);
    assert_eq!(send(&stage.owner, "initialize", hello()).await.expect(200).header("mcp-session-id"), None);
    let heard = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    there.post("/mcp", heard).await.expect(202);
    let usage = json!({ "name": "record_usage", "arguments": { "feature": "posts", "idempotency_key": "once" } });
    for api in [&there, &stage.owner] {
        let answer = api
            .request("POST", "/mcp")
            .header("MCP-Protocol-Version", "2025-11-25")
            .json(&message("tools/call", usage.clone()))
            .send()
            .await
            .expect(200);
        assert_eq!(answer.json()["result"]["structuredContent"]["current_usage"], 1, "{answer}");
    }
}
