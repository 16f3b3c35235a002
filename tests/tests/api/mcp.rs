//! Tools of MCP servers: real ones, run by the service.

use std::fs;

use acceptance::{
    Answer, Api, Backend, McpServers, PATIENCE, Stage, eventually, is_moment, on_both_stores, validation,
};
use serde_json::{Value, json};

on_both_stores!(
    servers_are_listed_and_read_in_the_background,
    tools_are_listed_with_their_parameters,
    a_tool_is_called,
    a_server_of_the_newer_era_is_called,
    a_tool_that_fails_is_answered_200,
    what_is_unknown_or_hidden_is_not_found,
    arguments_are_checked_before_the_call,
    every_call_is_in_the_audit_log,
    a_repeated_call_is_made_once,
    a_call_that_was_not_sent_may_be_repeated,
    calls_are_counted_where_the_catalogue_says_so,
    a_server_that_is_gone_is_told_of,
    a_server_sees_its_own_environment_alone,
    a_slow_tool_is_given_up_and_its_call_not_repeated,
    a_result_that_is_too_large_is_refused,
    a_call_goes_on_when_its_client_is_gone,
    after_a_kill_the_call_is_in_the_log_and_not_made_again,
    a_tool_that_is_not_the_approved_one_is_put_into_quarantine,
    a_changed_file_is_taken_without_a_restart,
    at_a_hangup_the_file_is_read_again,
    without_servers_there_are_none,
    a_broken_file_stops_the_start,
);

pub(crate) const CALL: &str = "/api/v1/mcp/tools/call";
const SERVERS: &str = "/api/v1/mcp/servers";
const CALLS: &str = "/api/v1/mcp/calls";

pub(crate) async fn stage(backend: Backend, servers: &McpServers) -> Stage {
    Stage::with(backend, &[("CORE_API_MCP_CONFIG", &servers.config())]).await
}

fn with(server: &Value, fields: &Value) -> Value {
    let mut server = server.clone();
    server.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    server
}

pub(crate) async fn call(api: &Api, server: &str, tool: &str, arguments: Value) -> Answer {
    api.post(CALL, json!({ "server": server, "tool": tool, "arguments": arguments })).await
}

async fn soon(done: impl AsyncFnMut() -> bool) {
    assert!(eventually(PATIENCE, done).await);
}

async fn calls(api: &Api, query: &str) -> Vec<Value> {
    api.get(&format!("{CALLS}?{query}")).await.expect(200).json()["data"].as_array().unwrap().clone()
}

async fn servers_are_listed_and_read_in_the_background(backend: Backend) {
    let files = with(&McpServers::files(), &json!({ "name": "Filesystem Server", "description": "File operations" }));
    let dead = json!({ "command": "/nonexistent/program" });
    let servers = McpServers::new(
        &json!({ "filesystem": files, "dead": dead, "off": with(&files, &json!({ "disabled": true })) }),
    );
    let stage = stage(backend, &servers).await;
    let first = stage.owner.get(SERVERS).await.expect(200).json();
    assert_eq!(first["meta"]["total"], 3);
    let ids: Vec<&str> = first["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["dead", "filesystem", "off"]);
    soon(async || stage.owner.get(&format!("{SERVERS}/filesystem")).await.data(200)["status"] == "ready").await;
    let known = stage.owner.get(&format!("{SERVERS}?status=ready")).await.expect(200).json();
    let it = &known["data"][0];
    assert_eq!((&it["name"], &it["description"]), (&json!("Filesystem Server"), &json!("File operations")));
    assert!(it["tools"].as_array().unwrap().contains(&json!("read_text_file")));
    assert_eq!(
        (&it["transport"], &it["protocol_version"], &it["tools_stale"]),
        (&json!("stdio"), &json!("2025-11-25"), &json!(false))
    );
    soon(async || {
        let dead = stage.owner.get(&format!("{SERVERS}/dead")).await.data(200);
        ["backing_off", "disabled"].contains(&dead["status"].as_str().unwrap())
    })
    .await;
    assert_eq!(stage.owner.get(&format!("{SERVERS}/off")).await.data(200)["status"], "disabled");
    let named = stage.owner.get(&format!("{SERVERS}?sort=-name&fields=name&search=FILE")).await.expect(200).json();
    assert_eq!(
        named["data"],
        json!([{ "id": "off", "name": "Filesystem Server" }, { "id": "filesystem", "name": "Filesystem Server" }])
    );
    let whole = stage.owner.get(&format!("{SERVERS}/filesystem?include=tools")).await.data(200);
    assert!(whole["tools"][0]["input_schema"].is_object());
    let refused = stage.owner.get(&format!("{SERVERS}?created_after=2026-01-01")).await.expect(422).json();
    assert!(refused["errors"]["created_after"].is_array());
}

async fn tools_are_listed_with_their_parameters(backend: Backend) {
    let servers = McpServers::new(&json!({ "files": McpServers::files() }));
    let stage = stage(backend, &servers).await;
    let tools = stage.owner.get(&format!("{SERVERS}/files/tools?per_page=100")).await.expect(200).json();
    assert_eq!(tools["meta"]["total"].as_u64().unwrap(), tools["data"].as_array().unwrap().len() as u64);
    let tool = |name: &str| tools["data"].as_array().unwrap().iter().find(|tool| tool["name"] == name).unwrap().clone();
    let edit = tool("edit_file");
    assert_eq!(edit["parameters"]["path"], json!({ "type": "string", "description": "", "required": true }));
    assert_eq!(
        (&edit["parameters"]["edits"]["type"], &edit["parameters"]["dryRun"]["default"]),
        (&json!("array"), &json!(false))
    );
    assert_eq!(edit["input_schema"]["type"], "object");
    assert!(
        edit["description"].as_str().unwrap().len() > 10 && edit["digest"].as_str().unwrap().starts_with("sha256:")
    );
    let found =
        stage.owner.get(&format!("{SERVERS}/files/tools?search=EDIT_FILE&fields=name")).await.expect(200).json();
    assert_eq!(found["data"], json!([{ "name": "edit_file" }]));
}

async fn a_tool_is_called(backend: Backend) {
    let servers = McpServers::new(&json!({ "files": McpServers::files() }));
    fs::write(servers.folder().join("hello.txt"), "hello wörld\n").unwrap();
    let stage = stage(backend, &servers).await;
    let path = servers.folder().join("hello.txt");
    let answer = call(&stage.owner, "files", "read_text_file", json!({ "path": path })).await.expect(200).json();
    let result = &answer["result"];
    assert_eq!((&result["content"], &result["size"]), (&json!("hello wörld\n"), &json!(13)));
    assert_eq!(result["structured_content"], json!({ "content": "hello wörld\n" }));
    assert_eq!(result["blocks"], json!([{ "type": "text", "text": "hello wörld\n" }]));
    assert!(result.get("is_error").is_none());
}

async fn a_server_of_the_newer_era_is_called(backend: Backend) {
    let servers = McpServers::new(&json!({ "time": McpServers::time() }));
    let stage = stage(backend, &servers).await;
    let answer = call(&stage.owner, "time", "get_current_time", json!({ "timezone": "Europe/Berlin" })).await;
    let content = answer.expect(200).json()["result"]["content"].as_str().unwrap().to_owned();
    assert!(content.contains("Europe/Berlin"), "{content}");
    let shown = stage.owner.get(&format!("{SERVERS}/time")).await.data(200);
    assert_eq!(shown["protocol_version"], "2026-07-28");
}

async fn a_tool_that_fails_is_answered_200(backend: Backend) {
    let servers = McpServers::new(&json!({ "files": McpServers::files() }));
    let stage = stage(backend, &servers).await;
    let missing = servers.folder().join("missing.txt");
    let answer = call(&stage.owner, "files", "read_text_file", json!({ "path": missing })).await.expect(200).json();
    assert_eq!(answer["result"]["is_error"], true);
    assert!(answer["result"]["content"].as_str().unwrap().contains("ENOENT"));
    assert_eq!(calls(&stage.owner, "").await[0]["outcome"], "tool_error");
}

async fn what_is_unknown_or_hidden_is_not_found(backend: Backend) {
    let files = McpServers::files();
    let servers = McpServers::new(&json!({
        "open": with(&files, &json!({ "tools": ["read_text_file"] })),
        "theirs": with(&files, &json!({ "workspaces": [999_999] })),
        "paid": with(&files, &json!({ "tiers": ["agency"] })),
    }));
    let stage = stage(backend, &servers).await;
    let list = stage.owner.get(SERVERS).await.expect(200).json();
    assert_eq!(list["data"].as_array().unwrap().iter().map(|it| &it["id"]).collect::<Vec<_>>(), ["open"]);
    for server in ["theirs", "paid", "unknown", "no id"] {
        call(&stage.owner, server, "read_text_file", json!({ "path": "a" })).await.is_not_found();
        let encoded = server.replace(' ', "%20");
        stage.owner.get(&format!("{SERVERS}/{encoded}")).await.is_not_found();
        stage.owner.get(&format!("{SERVERS}/{encoded}/tools")).await.is_not_found();
    }
    for tool in ["write_file", "no_such_tool"] {
        call(&stage.owner, "open", tool, json!({ "path": "a", "content": "b" })).await.is_not_found();
    }
    let tools = stage.owner.get(&format!("{SERVERS}/open/tools")).await.expect(200).json();
    assert_eq!(tools["data"].as_array().unwrap().iter().map(|it| &it["name"]).collect::<Vec<_>>(), ["read_text_file"]);
    let bound = stage.key(json!({ "scopes": ["mcp:read", "mcp:write"], "mcp_servers": ["other"] })).await;
    assert_eq!(bound.api.get(SERVERS).await.expect(200).json()["data"], json!([]));
    call(&bound.api, "open", "read_text_file", json!({ "path": "a" })).await.is_not_found();
    let reading = stage.key(json!({ "scopes": ["mcp:read"] })).await;
    call(&reading.api, "open", "read_text_file", json!({ "path": "a" })).await.expect(403);
    let stranger = stage.tenant("stranger@example.com");
    assert_eq!(stranger.api.get(SERVERS).await.expect(200).json()["data"][0]["id"], "open");
}

async fn arguments_are_checked_before_the_call(backend: Backend) {
    let servers = McpServers::new(&json!({ "files": McpServers::files() }));
    let stage = stage(backend, &servers).await;
    let refused = json!({ "arguments.path": ["The arguments.path field is required."] });
    call(&stage.owner, "files", "read_text_file", json!({})).await.is(422, validation(refused));
    let wrong = json!({ "path": 5, "edits": [{ "oldText": "a" }] });
    let refused = json!({
        "arguments.edits.0.newText": ["The arguments.edits.0.newText field is required."],
        "arguments.path": ["The arguments.path must be of type string."],
    });
    call(&stage.owner, "files", "edit_file", wrong).await.is(422, validation(refused));
    stage.owner.post(CALL, json!({ "server": "files" })).await.expect(422);
    stage.owner.post(CALL, json!({ "server": "files", "tool": "a", "arguments": [] })).await.expect(422);
    assert!(calls(&stage.owner, "").await.is_empty(), "nothing was called");
}

async fn every_call_is_in_the_audit_log(backend: Backend) {
    let servers = McpServers::new(&json!({ "everything": McpServers::node("everything", &[]) }));
    let stage = stage(backend, &servers).await;
    let key = stage.key(json!({ "scopes": ["mcp:read", "mcp:write"] })).await;
    let secret = json!({ "message": "use sk_live_0123456789abcdefghijklmnop now" });
    let answer = call(&key.api, "everything", "echo", secret).await.expect(200);
    call(&key.api, "everything", "get-sum", json!({ "a": 1, "b": 2 })).await.expect(200);
    let log = calls(&key.api, "").await;
    assert_eq!(log.len(), 2);
    let echo = &log[1];
    let told = json!([
        echo["server"],
        echo["tool"],
        echo["outcome"],
        echo["api_key_id"],
        echo["account_id"],
        echo["arguments"]
    ]);
    assert_eq!(told, json!(["everything", "echo", "success", key.id, stage.account_id, { "message": "***" }]));
    assert_eq!(echo["size"], answer.json()["result"]["size"]);
    assert_eq!(echo["request_id"].as_str(), answer.header("x-request-id"));
    assert!(echo["duration_ms"].is_u64() && is_moment(echo["created_at"].as_str().unwrap()));
    assert_eq!(calls(&key.api, "tool=get-sum").await.len(), 1);
    assert_eq!(calls(&key.api, "outcome=timed_out").await.len(), 0);
    assert_eq!(calls(&key.api, &format!("api_key_id={}&server=everything&search=ECHO&sort=id", key.id)).await.len(), 1);
    let test = stage.key(json!({ "environment": "test", "scopes": ["mcp:read"] })).await;
    assert!(calls(&test.api, "").await.is_empty(), "the test world is another");
    assert!(calls(&stage.tenant("stranger@example.com").api, "").await.is_empty());
}

async fn a_repeated_call_is_made_once(backend: Backend) {
    let servers = McpServers::new(
        &json!({ "memory": with(&McpServers::node("memory", &[]), &json!({ "env": { "MEMORY_FILE_PATH": "$FOLDER/graph.jsonl" } })) }),
    );
    let mut stage = stage(backend, &servers).await;
    let entity = json!({ "entities": [{ "name": "Ada", "entityType": "person", "observations": ["wrote"] }] });
    call(&stage.owner, "memory", "create_entities", entity).await.expect(200);
    let body = json!({
        "server": "memory", "tool": "add_observations",
        "arguments": { "observations": [{ "entityName": "Ada", "contents": ["counted"] }] },
    });
    let send = async |stage: &Stage| {
        stage.owner.request("POST", CALL).header("Idempotency-Key", "once").json(&body).send().await
    };
    let first = send(&stage).await.expect(200);
    assert!(first.text().contains("counted"));
    let again = send(&stage).await.expect(200);
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &first.body));
    assert_eq!(calls(&stage.owner, "tool=add_observations").await.len(), 1);
    // A replay needs no server.
    servers.write(&json!({ "memory": { "command": "/nonexistent/program" } }));
    stage.restart();
    let later = send(&stage).await.expect(200);
    assert_eq!((later.header("idempotency-replayed"), &later.body), (Some("true"), &first.body));
    let graph = fs::read_to_string(servers.folder().join("graph.jsonl")).unwrap();
    assert_eq!(graph.matches("counted").count(), 1);
}

async fn a_call_that_was_not_sent_may_be_repeated(backend: Backend) {
    let files = with(&McpServers::files(), &json!({ "disabled": true }));
    let servers = McpServers::new(&json!({ "files": files }));
    let mut stage = stage(backend, &servers).await;
    let body = json!({ "server": "files", "tool": "list_allowed_directories" });
    let send = async |stage: &Stage| {
        stage.owner.request("POST", CALL).header("Idempotency-Key", "k").json(&body).may_be_5xx().send().await
    };
    assert_eq!(send(&stage).await.expect(502).json()["error"], "upstream_error");
    servers.write(&json!({ "files": McpServers::files() }));
    stage.restart();
    assert!(send(&stage).await.expect(200).header("idempotency-replayed").is_none());
}

async fn calls_are_counted_where_the_catalogue_says_so(backend: Backend) {
    let servers = McpServers::new(&json!({ "everything": McpServers::node("everything", &[]) }));
    let catalogue = servers.folder().join("catalogue.toml");
    let limits = "limits = { free = 2, starter = 2, pro = 2, business = 2, agency = 2, enterprise = 2 }";
    let usual = include_str!("../../../crates/entitlements/src/catalogue/default.toml");
    let feature = format!(
        "\n[[features]]\nkey = \"mcp_calls\"\nlabel = \"MCP call\"\nkind = \"metered\"\nreset = \"monthly\"\n{limits}\n"
    );
    fs::write(&catalogue, format!("{usual}{feature}")).unwrap();
    let settings =
        [("CORE_API_MCP_CONFIG", servers.config()), ("CORE_API_CATALOG", catalogue.to_str().unwrap().to_owned())];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let stage = Stage::with(backend, &settings).await;
    let echo = async || call(&stage.owner, "everything", "echo", json!({ "message": "hi" })).await;
    call(&stage.owner, "everything", "echo", json!({})).await.expect(422);
    echo().await.expect(200);
    echo().await.expect(200);
    let refused = echo().await.expect(403).json();
    assert_eq!((&refused["error"], &refused["feature"]), (&json!("feature_limit_reached"), &json!("mcp_calls")));
    assert_eq!(calls(&stage.owner, "").await.len(), 2);
    let used = stage.owner.get("/api/v1/entitlements/check?feature=mcp_calls").await.expect(200).json();
    assert_eq!((&used["allowed"], &used["current_usage"]), (&json!(false), &json!(2)), "{used}");
}

async fn a_server_that_is_gone_is_told_of(backend: Backend) {
    let dies = json!({ "command": "/bin/false", "start_timeout_seconds": 2 });
    let servers = McpServers::new(&json!({ "dies": dies, "everything": McpServers::node("everything", &[]) }));
    let stage = stage(backend, &servers).await;
    let body = json!({ "server": "dies", "tool": "any" });
    let answer = stage.owner.request("POST", CALL).json(&body).may_be_5xx().send().await;
    assert!([502, 503].contains(&answer.status), "{answer}");
    soon(async || {
        let answer = stage.owner.request("POST", CALL).json(&body).may_be_5xx().send().await;
        answer.status == 503 && answer.header("retry-after").is_some()
    })
    .await;
    call(&stage.owner, "everything", "echo", json!({ "message": "hi" })).await.expect(200);
}

async fn a_server_sees_its_own_environment_alone(backend: Backend) {
    let it = with(&McpServers::node("everything", &[]), &json!({ "env": { "MARK": "x${NONE:-y}" } }));
    let servers = McpServers::new(&json!({ "everything": it }));
    let stage = stage(backend, &servers).await;
    let env = call(&stage.owner, "everything", "get-env", json!({})).await.expect(200).json();
    let content = env["result"]["content"].as_str().unwrap();
    assert!(
        content.contains("\"MARK\": \"xy\"")
            && !content.contains("CORE_API_SECRET_KEY")
            && !content.contains("DATABASE_URL"),
        "{content}"
    );
}

/// Takes `seconds`.
fn slow(seconds: u32) -> Value {
    json!({
        "server": "everything", "tool": "trigger-long-running-operation",
        "arguments": { "duration": seconds, "steps": 1 },
    })
}

async fn a_slow_tool_is_given_up_and_its_call_not_repeated(backend: Backend) {
    let it = with(&McpServers::node("everything", &[]), &json!({ "timeout_seconds": 3 }));
    let servers = McpServers::new(&json!({ "everything": it }));
    let stage = stage(backend, &servers).await;
    // On a busy machine it takes longer to start than a call may take.
    soon(async || {
        let tools = stage.owner.request("GET", &format!("{SERVERS}/everything/tools"));
        tools.may_be_5xx().send().await.status == 200
    })
    .await;
    let send = async || {
        let request = stage.owner.request("POST", CALL).header("Idempotency-Key", "k").json(&slow(30));
        request.may_be_5xx().send().await
    };
    assert_eq!(send().await.expect(504).json()["error"], "upstream_timeout");
    assert_eq!(send().await.expect(409).json()["error"], "idempotency_outcome_unknown");
    let log = calls(&stage.owner, "").await;
    assert_eq!((log.len(), &log[0]["outcome"]), (1, &json!("timed_out")));
    call(&stage.owner, "everything", "echo", json!({ "message": "hi" })).await.expect(200);
}

async fn a_result_that_is_too_large_is_refused(backend: Backend) {
    let servers =
        McpServers::new(&json!({ "files": with(&McpServers::files(), &json!({ "max_result_bytes": 100_000 })) }));
    fs::write(servers.folder().join("small.txt"), "x".repeat(60_000)).unwrap();
    fs::write(servers.folder().join("large.txt"), "x".repeat(120_000)).unwrap();
    let stage = stage(backend, &servers).await;
    let small = json!({ "path": servers.folder().join("small.txt") });
    call(&stage.owner, "files", "read_text_file", small).await.expect(200);
    let body = json!({ "server": "files", "tool": "read_text_file", "arguments": { "path": servers.folder().join("large.txt") } });
    let refused = stage.owner.request("POST", CALL).json(&body).may_be_5xx().send().await.expect(502).json();
    assert_eq!(refused["error"], "result_too_large");
    assert_eq!(calls(&stage.owner, "").await[0]["outcome"], "too_large");
}

async fn a_call_goes_on_when_its_client_is_gone(backend: Backend) {
    let servers = McpServers::new(&json!({ "everything": McpServers::node("everything", &[]) }));
    let stage = stage(backend, &servers).await;
    let leaving = stage.owner.clone();
    let request = tokio::spawn(async move { leaving.post(CALL, slow(2)).await });
    soon(async || calls(&stage.owner, "outcome=unknown").await.len() == 1).await;
    request.abort();
    soon(async || calls(&stage.owner, "outcome=success").await.len() == 1).await;
}

async fn after_a_kill_the_call_is_in_the_log_and_not_made_again(backend: Backend) {
    let servers = McpServers::new(&json!({ "everything": McpServers::node("everything", &[]) }));
    let mut stage = stage(backend, &servers).await;
    let api = stage.owner.clone();
    let begun = tokio::spawn(async move {
        // It ends with the server.
        let _ = api.request("POST", CALL).header("Idempotency-Key", "k").json(&slow(60)).try_send().await;
    });
    soon(async || calls(&stage.owner, "").await.len() == 1).await;
    let again = async |stage: &Stage| {
        stage.owner.request("POST", CALL).header("Idempotency-Key", "k").json(&slow(60)).send().await
    };
    assert_eq!(again(&stage).await.expect(409).json()["error"], "idempotency_in_progress");
    stage.server.kill();
    begun.await.unwrap();
    stage.start_again();
    assert_eq!(again(&stage).await.expect(409).json()["error"], "idempotency_outcome_unknown");
    let log = calls(&stage.owner, "").await;
    assert_eq!((log.len(), &log[0]["outcome"], &log[0]["duration_ms"]), (1, &json!("unknown"), &Value::Null));
}

async fn a_tool_that_is_not_the_approved_one_is_put_into_quarantine(backend: Backend) {
    let plain = McpServers::node("everything", &[]);
    let servers = McpServers::new(&json!({ "everything": plain }));
    let stage = stage(backend, &servers).await;
    let tools = stage.owner.get(&format!("{SERVERS}/everything/tools?per_page=100")).await.expect(200).json();
    let digest = |name: &str| {
        let tools = tools["data"].as_array().unwrap();
        tools.iter().find(|tool| tool["name"] == name).unwrap()["digest"].clone()
    };
    let pins = json!({ "echo": digest("echo"), "get-sum": digest("get-env") });
    // The one is called before, the other names the workspace: both matter to it.
    call(&stage.owner, "everything", "echo", json!({ "message": "hi" })).await.expect(200);
    let pinned = with(&plain, &json!({ "pin": pins }));
    let named = with(&pinned, &json!({ "workspaces": [stage.workspace_id] }));
    servers.write(&json!({ "everything": pinned, "named": named }));
    for server in ["everything", "named"] {
        soon(async || {
            let answer = stage.owner.get(&format!("{SERVERS}/{server}")).await;
            answer.status == 200 && answer.json()["data"]["quarantined"] != json!([])
        })
        .await;
    }
    let shown = stage.owner.get(&format!("{SERVERS}/everything")).await.data(200);
    assert_eq!(shown["tools"], json!(["echo"]));
    let expected = json!({ "name": "get-sum", "reason": "changed", "digest": digest("get-sum") });
    assert!(shown["quarantined"].as_array().unwrap().contains(&expected), "{shown}");
    call(&stage.owner, "everything", "get-sum", json!({ "a": 1, "b": 2 })).await.is_not_found();
    call(&stage.owner, "everything", "echo", json!({ "message": "hi" })).await.expect(200);
    let events = "/api/v1/events?type=mcp.tool.quarantined&per_page=100";
    for server in ["everything", "named"] {
        let data = json!({ "server": server, "tool": "get-sum", "reason": "changed", "digest": digest("get-sum") });
        soon(async || {
            let events = stage.owner.get(events).await.expect(200).json();
            events["data"].as_array().unwrap().iter().any(|event| event["data"] == data)
        })
        .await;
    }
}

async fn at_a_hangup_the_file_is_read_again(backend: Backend) {
    let servers = McpServers::new(&json!({ "time": McpServers::time() }));
    let settings = [("CORE_API_MCP_CONFIG", &*servers.config()), ("CORE_API_LOG", "info")];
    let stage = Stage::with(backend, &settings).await;
    assert!(!stage.server.stderr().contains("were read again"));
    stage.server.hang_up();
    soon(async || stage.server.stderr().contains("the MCP servers were read again")).await;
    fs::remove_file(servers.config()).unwrap();
    stage.server.hang_up();
    soon(async || stage.server.stderr().contains("the MCP servers stay as they were")).await;
    assert_eq!(stage.owner.get(SERVERS).await.expect(200).json()["meta"]["total"], 1);
}

async fn a_changed_file_is_taken_without_a_restart(backend: Backend) {
    let servers = McpServers::new(&json!({ "everything": McpServers::node("everything", &[]) }));
    let stage = stage(backend, &servers).await;
    call(&stage.owner, "everything", "echo", json!({ "message": "hi" })).await.expect(200);
    let slow = stage.owner.clone();
    let under_way = tokio::spawn(async move {
        call(&slow, "everything", "trigger-long-running-operation", json!({ "duration": 4, "steps": 4 })).await
    });
    servers.write(&json!({ "everything": McpServers::node("everything", &[]), "time": McpServers::time() }));
    soon(async || stage.owner.get(SERVERS).await.expect(200).json()["meta"]["total"] == 2).await;
    assert!(under_way.await.unwrap().expect(200).text().contains("completed"));
    servers.write(&json!({ "time": { "command": "relative/path" } }));
    servers.write(&json!({ "time": McpServers::time() }));
    soon(async || stage.owner.get(&format!("{SERVERS}/everything")).await.status == 404).await;
}

async fn without_servers_there_are_none(backend: Backend) {
    let stage = Stage::set(backend).await;
    assert_eq!(stage.owner.get(SERVERS).await.expect(200).json()["data"], json!([]));
    call(&stage.owner, "any", "any", json!({})).await.is_not_found();
    assert_eq!(stage.owner.get("/api/v1/mcp/resources").await.expect(200).json()["data"], json!([]));
}

async fn a_broken_file_stops_the_start(backend: Backend) {
    let servers = McpServers::new(&json!({ "files": { "command": "x", "env": { "TOKEN": "${NO_SUCH_VARIABLE}" } } }));
    let database = acceptance::Database::create(backend);
    let settings = acceptance::Settings::on(&database).with("CORE_API_MCP_CONFIG", &servers.config());
    for arguments in [&["config", "check"][..], &["serve"][..]] {
        let output = acceptance::run(&settings, arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success());
        assert!(told.contains("mcpServers.files.env.TOKEN") && told.contains("NO_SUCH_VARIABLE"), "{told}");
    }
    servers.write(&json!({ "files": McpServers::files() }));
    let output = acceptance::run(&settings, &["config", "check"]);
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("files"));
}
