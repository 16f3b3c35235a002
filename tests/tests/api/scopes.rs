use std::collections::BTreeSet;

use acceptance::{
    Answer, Api, Backend, McpServers, Operation, Stage, denied, on_both_stores, random_below, seconds_from_now,
};
use serde_json::{Value, json};

on_both_stores!(
    every_operation_requires_its_documented_scope,
    wildcards_and_short_forms_open_what_they_say,
    a_key_can_not_be_given_a_scope_its_creator_lacks,
    a_key_can_not_be_rotated_by_one_who_lacks_its_scopes,
    a_test_key_can_not_manage_live_keys,
    a_key_can_not_outlive_its_creator,
    a_key_can_not_work_from_more_addresses_than_its_creator,
    a_key_can_not_use_more_mcp_servers_than_its_creator,
);

fn report() -> Value {
    json!({ "url": "https://example.com/", "scores": { "seo": 1 } })
}

/// A body that the operation takes.
fn body(operation: &Operation) -> Option<Value> {
    match (operation.method.as_str(), operation.template.as_str()) {
        ("POST" | "PATCH", template) if template.ends_with("/rotate") => Some(json!({})),
        ("POST", "/api/v1/events") => Some(json!({ "type": "post.created", "data": {} })),
        ("POST", "/api/v1/webhooks") => Some(json!({ "url": "https://receiver.invalid/", "events": ["*"] })),
        ("POST", template) if template.ends_with("/replay") => Some(json!({ "since": "2026-01-01" })),
        ("POST" | "PATCH", template) if template.contains("/webhooks/") => Some(json!({})),
        ("POST", "/api/v1/seo/report") => Some(report()),
        ("POST", "/api/v1/mcp/tools/call") => {
            Some(json!({ "server": "everything", "tool": "echo", "arguments": { "message": "hi" } }))
        }
        ("POST", "/api/v1/pixel/sites") => Some(json!({ "domain": "posted.example" })),
        ("PATCH", template) if template.contains("/pixel/") => Some(json!({})),
        ("POST", "/api/v1/api-keys") => Some(json!({ "name": "Scoped", "scopes": [] })),
        ("POST", "/api/v1/entitlements/usage" | "/api/v1/entitlements/reservations") => {
            Some(json!({ "feature": "posts" }))
        }
        ("POST", template) if template.starts_with("/api/v1/entitlements/") => Some(json!({})),
        ("PUT", _) => Some(json!({ "unlimited": true })),
        ("POST" | "PATCH", _) => Some(json!({ "name": "Scoped" })),
        _ => None,
    }
}

/// Calls the operation on something made for the call.
async fn call(stage: &Stage, operation: &Operation, caller: &Api) -> Answer {
    let home = stage.owner.in_workspace(stage.workspace_id);
    let id = if operation.template.contains("/reservations/") {
        let body = json!({ "feature": "posts" });
        home.post("/api/v1/entitlements/reservations", body).await.data(201)["id"].to_string()
    } else if operation.is_operators() {
        let id = stage.workspace(json!({ "name": "Scoped" })).await["id"].to_string();
        let arguments = ["--feature", "posts", "--unlimited", "--workspace", &id];
        assert!(stage.run(&[&["entitlement", "override", "set"], &arguments[..]].concat()).status.success());
        id
    } else if operation.is_of_workspace() {
        stage.workspace(json!({ "name": "Scoped" })).await["id"].to_string()
    } else if operation.template.contains("/seo/") {
        home.post("/api/v1/seo/report", report()).await.data(201)["id"].to_string()
    } else if operation.template.contains("/pixel/") {
        // A domain has one site.
        let domain = format!("site-{}.example", random_below(u64::MAX));
        let site = home.post("/api/v1/pixel/sites", json!({ "domain": domain })).await.data(201);
        if operation.template.ends_with("/stats") { domain } else { site["id"].to_string() }
    } else if operation.template.contains("/mcp/") {
        "everything".to_owned()
    } else if operation.template.contains("/webhooks/") {
        // Nothing resolves below `.invalid`, so nothing leaves the machine.
        let body = json!({ "url": "https://receiver.invalid/", "events": ["*"] });
        home.post("/api/v1/webhooks", body).await.data(201)["id"].to_string()
    } else if operation.template.contains("/events/") {
        let body = json!({ "type": "post.created", "data": {} });
        home.post("/api/v1/events", body).await.data(202)["id"].as_str().unwrap().to_owned()
    } else {
        stage.key(json!({ "scopes": [] })).await.id.to_string()
    };
    let caller = caller.in_workspace(stage.workspace_id);
    let mut path = operation.path(&id).replace("{feature}", "posts").replace("{uri}", "demo://nothing/here");
    if path.ends_with("/pixel/stats") {
        path = format!("{path}?site={id}");
    }
    if path.ends_with("/check") {
        path += "?feature=posts";
    }
    if path.ends_with("/seo/history") {
        path += "?url=https://example.com/";
    }
    let request = caller.request(&operation.method, &path);
    match body(operation) {
        Some(body) => request.json(&body).send().await,
        None => request.send().await,
    }
}

async fn every_operation_requires_its_documented_scope(backend: Backend) {
    let servers = McpServers::new(&json!({ "everything": McpServers::node("everything", &[]) }));
    let stage = Stage::with(backend, &[("CORE_API_MCP_CONFIG", &servers.config())]).await;
    let operations = stage.owner.spec().operations().to_vec();
    let scopes: BTreeSet<String> = operations.iter().filter_map(|operation| operation.scope.clone()).collect();
    let expected = [
        "api-keys:delete",
        "api-keys:read",
        "api-keys:write",
        "entitlements:read",
        "entitlements:write",
        "events:read",
        "events:write",
        "mcp:read",
        "mcp:write",
        "operator:read",
        "operator:write",
        "pixel:delete",
        "pixel:read",
        "pixel:write",
        "seo:read",
        "seo:write",
        "webhooks:delete",
        "webhooks:read",
        "webhooks:write",
        "workspaces:delete",
        "workspaces:read",
        "workspaces:write",
    ];
    assert_eq!(scopes.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    let unscoped = operations.iter().filter(|operation| operation.scope.is_none());
    let unscoped: Vec<_> = unscoped.map(|operation| (operation.template.as_str(), operation.is_open)).collect();
    let expected = [("/api/v1/me", false), ("/api/v1/pixel/config", true), ("/api/v1/pixel/track", true)];
    assert_eq!(unscoped.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(expected));
    for scope in &scopes {
        let alone = stage.account_key(std::slice::from_ref(scope));
        let others: Vec<String> = scopes.iter().filter(|other| *other != scope).cloned().collect();
        let without = stage.account_key(&others);
        for operation in operations.iter().filter(|operation| operation.scope.as_ref() == Some(scope)) {
            call(&stage, operation, &without.api).await.is(403, denied(scope));
            let answer = call(&stage, operation, &alone.api).await;
            if operation.template.contains("{delivery_id}") || operation.template.contains("{uri}") {
                answer.is_not_found();
            } else {
                assert!([200, 201, 202, 204].contains(&answer.status), "{answer}");
            }
        }
    }
}

async fn wildcards_and_short_forms_open_what_they_say(backend: Backend) {
    let stage = Stage::set(backend).await;
    let path = format!("/api/v1/workspaces/{}", stage.workspace_id);
    for (scopes, reads_workspaces, writes_workspaces, reads_keys) in [
        (json!(["*"]), true, true, true),
        (json!(["workspaces:*"]), true, true, false),
        (json!(["*:read"]), true, false, true),
        (json!(["read"]), true, false, true),
        (json!(["write"]), false, true, false),
        (json!(["read", "write"]), true, true, true),
        (json!(["api-keys:*", "posts:read"]), false, false, true),
        (json!(["delete", "workspaces:reads", "workspace:read", "reads"]), false, false, false),
        (json!([]), false, false, false),
    ] {
        let key = stage.key(json!({ "scopes": scopes })).await;
        for (answer, opens, scope) in [
            (key.api.get("/api/v1/workspaces").await, reads_workspaces, "workspaces:read"),
            (key.api.get(&path).await, reads_workspaces, "workspaces:read"),
            (key.api.patch(&path, json!({})).await, writes_workspaces, "workspaces:write"),
            (key.api.get("/api/v1/api-keys").await, reads_keys, "api-keys:read"),
        ] {
            if opens {
                answer.expect(200);
            } else {
                answer.is(403, denied(scope));
            }
        }
        key.api.get("/api/v1/me").await.expect(200);
    }
}

async fn a_key_can_not_be_given_a_scope_its_creator_lacks(backend: Backend) {
    let stage = Stage::set(backend).await;
    let creator = stage.key(json!({ "scopes": ["api-keys:write", "posts:*", "*:list"] })).await;
    for (wanted, lacking) in [
        (json!(["users:read"]), "users:read"),
        (json!(["posts:read", "api-keys:read"]), "api-keys:read"),
        (json!(["*"]), "*"),
        (json!(["*:read"]), "*:read"),
        (json!(["api-keys:*"]), "api-keys:*"),
        (json!(["read"]), "read"),
        (json!(null), "read"),
    ] {
        let answer = creator.api.post("/api/v1/api-keys", json!({ "name": "A", "scopes": wanted })).await;
        answer.is(403, denied(lacking));
    }
    for held in [json!(["posts:read", "posts:*", "api-keys:write"]), json!(["users:list", "list"]), json!([])] {
        let made = creator.api.post("/api/v1/api-keys", json!({ "name": "A", "scopes": held })).await.data(201);
        assert_eq!(made["scopes"], held);
    }
    let listed = stage.owner.get("/api/v1/api-keys").await.expect(200).json();
    assert_eq!(listed["meta"]["total"], 4, "the refused ones were not made");
}

async fn a_key_can_not_be_rotated_by_one_who_lacks_its_scopes(backend: Backend) {
    let stage = Stage::set(backend).await;
    let creator = stage.key(json!({ "scopes": ["api-keys:write", "posts:read"] })).await;
    for (scopes, lacking) in [(json!(["*"]), "*"), (json!(["posts:read", "posts:write"]), "posts:write")] {
        let stronger = stage.key(json!({ "scopes": scopes })).await;
        let path = format!("/api/v1/api-keys/{}", stronger.id);
        creator.api.post(&format!("{path}/rotate"), json!({})).await.is(403, denied(lacking));
        assert_eq!(stage.owner.get(&path).await.data(200)["status"], "active");
    }
    let weaker = stage.key(json!({ "scopes": ["posts:read"] })).await;
    creator.api.post(&format!("/api/v1/api-keys/{}/rotate", weaker.id), json!({})).await.expect(200);
}

fn refused(message: &str) -> Value {
    json!({ "error": "access_denied", "message": message })
}

async fn a_test_key_can_not_manage_live_keys(backend: Backend) {
    let stage = Stage::set(backend).await;
    let test = stage.key(json!({ "scopes": ["*"], "environment": "test" })).await;
    let live = stage.key(json!({ "scopes": [] })).await;
    let no = refused("A test key can't manage live keys.");
    test.api.post("/api/v1/api-keys", json!({ "name": "A", "environment": "live" })).await.is(403, no.clone());
    let path = format!("/api/v1/api-keys/{}", live.id);
    test.api.post(&format!("{path}/rotate"), json!({})).await.is(403, no.clone());
    test.api.delete(&path).await.is(403, no);
    live.api.get("/api/v1/me").await.expect(200);
    let made = test.api.post("/api/v1/api-keys", json!({ "name": "A" })).await.data(201);
    assert_eq!(made["environment"], "test", "a test key makes test keys unless said otherwise");
    let made = stage.owner.post("/api/v1/api-keys", json!({ "name": "A", "environment": "test" })).await.data(201);
    assert!(made["key"].as_str().unwrap().starts_with("sk_test_"));
}

async fn a_key_can_not_outlive_its_creator(backend: Backend) {
    let stage = Stage::set(backend).await;
    let (sooner, end, later) = (seconds_from_now(1_800), seconds_from_now(3_600), seconds_from_now(3_700));
    let creator = stage.key(json!({ "scopes": ["*"], "expires_at": end })).await;
    let no = refused("A key can't outlive the key that makes it.");
    let longer = json!({ "name": "A", "expires_at": later });
    creator.api.post("/api/v1/api-keys", longer).await.is(403, no.clone());
    for (wanted, given) in [(json!(sooner), sooner), (json!(end), end.clone()), (json!(null), end)] {
        let made = creator.api.post("/api/v1/api-keys", json!({ "name": "A", "expires_at": wanted })).await.data(201);
        assert_eq!(made["expires_at"], given);
    }
    let lasting = stage.key(json!({})).await;
    creator.api.post(&format!("/api/v1/api-keys/{}/rotate", lasting.id), json!({})).await.is(403, no);
}

async fn a_key_can_not_work_from_more_addresses_than_its_creator(backend: Backend) {
    let stage = Stage::set(backend).await;
    let creator = stage.key(json!({ "scopes": ["*"], "allowed_ips": ["127.0.0.0/8", "2001:db8::/32"] })).await;
    let no = refused("The allowed addresses go beyond the caller's own.");
    for wanted in [json!(["10.0.0.1"]), json!(["127.0.0.0/7"]), json!(["127.0.0.1", "::/0"])] {
        let body = json!({ "name": "A", "allowed_ips": wanted });
        creator.api.post("/api/v1/api-keys", body).await.is(403, no.clone());
    }
    let own = json!(["127.0.0.0/8", "2001:db8::/32"]);
    for (wanted, given) in [(json!(["127.1.0.0/16"]), json!(["127.1.0.0/16"])), (json!(null), own)] {
        let made = creator.api.post("/api/v1/api-keys", json!({ "name": "A", "allowed_ips": wanted })).await.data(201);
        assert_eq!(made["allowed_ips"], given);
    }
    let open = stage.key(json!({})).await;
    creator.api.post(&format!("/api/v1/api-keys/{}/rotate", open.id), json!({})).await.is(403, no);
}

async fn a_key_can_not_use_more_mcp_servers_than_its_creator(backend: Backend) {
    let stage = Stage::set(backend).await;
    let creator = stage.key(json!({ "scopes": ["*"], "mcp_servers": ["filesystem", "git"] })).await;
    let no = refused("The MCP servers go beyond the caller's own.");
    let more = json!({ "name": "A", "mcp_servers": ["git", "shell"] });
    creator.api.post("/api/v1/api-keys", more).await.is(403, no.clone());
    for (wanted, given) in [(json!(["git"]), json!(["git"])), (json!(null), json!(["filesystem", "git"]))] {
        let made = creator.api.post("/api/v1/api-keys", json!({ "name": "A", "mcp_servers": wanted })).await.data(201);
        assert_eq!(made["mcp_servers"], given);
    }
    let open = stage.key(json!({})).await;
    creator.api.post(&format!("/api/v1/api-keys/{}/rotate", open.id), json!({})).await.is(403, no);
}
