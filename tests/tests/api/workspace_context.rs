use acceptance::{Api, Backend, Stage, on_both_stores};
use serde_json::json;

on_both_stores!(
    the_only_workspace_needs_no_name,
    one_of_several_workspaces_is_to_be_named,
    a_bound_key_takes_its_own_workspace_alone,
    a_workspace_of_nobody_or_another_is_not_found,
    a_bound_key_lists_its_workspace_alone,
);

const NOT_AN_ID: [&str; 7] = ["0", "-1", "abc", "1.5", "9223372036854775808", "1,2", ""];

async fn the_only_workspace_needs_no_name(backend: Backend) {
    let stage = Stage::set(backend).await;
    let made = stage.owner.post("/api/v1/api-keys", json!({ "name": "A" })).await.data(201);
    assert_eq!(made["workspace_id"], stage.workspace_id);
    let named = stage.owner.in_workspace(stage.workspace_id).get("/api/v1/api-keys").await.expect(200);
    assert_eq!(named.body, stage.owner.get("/api/v1/api-keys").await.expect(200).body);
}

async fn one_of_several_workspaces_is_to_be_named(backend: Backend) {
    let stage = Stage::set(backend).await;
    let second = stage.workspace(json!({ "name": "Second" })).await["id"].as_i64().unwrap();
    let first_key = stage.key(json!({ "name": "in the first" })).await;
    let second_key = stage.key_in(second, json!({ "name": "in the second" })).await;
    let path = format!("/api/v1/api-keys/{}", first_key.id);
    let required = json!({
        "error": "workspace_required",
        "message": "Name the workspace in X-Workspace-ID: this credential does not open exactly one.",
    });
    stage.owner.get("/api/v1/api-keys").await.is(400, required.clone());
    stage.owner.post("/api/v1/api-keys", json!({ "name": "A" })).await.is(400, required.clone());
    stage.owner.get(&path).await.is(400, required.clone());
    stage.owner.delete(&path).await.is(400, required.clone());
    stage.owner.post(&format!("{path}/rotate"), json!({})).await.is(400, required.clone());
    for (workspace, key) in [(stage.workspace_id, &first_key), (second, &second_key)] {
        let listed = stage.owner.in_workspace(workspace).get("/api/v1/api-keys").await.expect(200).json();
        assert_eq!(listed["meta"]["total"], 1);
        assert_eq!(listed["data"][0]["id"], key.id);
    }
    stage.owner.in_workspace(second).get(&path).await.is_not_found();
    stage.owner.get("/api/v1/workspaces").await.expect(200);
    stage.owner.get(&format!("/api/v1/workspaces/{second}")).await.expect(200);
    assert!(stage.owner.get("/api/v1/me").await.data(200)["workspace_id"].is_null());
}

async fn refuses(api: &Api, path: &str, header: &str) {
    api.request("GET", path).header("X-Workspace-ID", header).send().await.is_not_found();
}

async fn a_bound_key_takes_its_own_workspace_alone(backend: Backend) {
    let stage = Stage::set(backend).await;
    let second = stage.workspace(json!({ "name": "Second" })).await["id"].as_i64().unwrap();
    let key = stage.key(json!({ "scopes": ["*"] })).await;
    for path in ["/api/v1/me", "/api/v1/api-keys", "/api/v1/workspaces"] {
        key.api.get(path).await.expect(200);
        key.api.in_workspace(stage.workspace_id).get(path).await.expect(200);
        for other in [second.to_string(), "999999".to_owned()] {
            refuses(&key.api, path, &other).await;
        }
        for text in NOT_AN_ID {
            refuses(&key.api, path, text).await;
        }
    }
}

async fn a_workspace_of_nobody_or_another_is_not_found(backend: Backend) {
    let stage = Stage::set(backend).await;
    let stranger = stage.tenant("stranger@example.com");
    for path in ["/api/v1/me", "/api/v1/api-keys"] {
        for other in [stranger.workspace_id.to_string(), "999999".to_owned()] {
            refuses(&stage.owner, path, &other).await;
        }
        for text in NOT_AN_ID {
            refuses(&stage.owner, path, text).await;
        }
    }
    let body = json!({ "name": "Intruder" });
    stage.owner.in_workspace(stranger.workspace_id).post("/api/v1/api-keys", body).await.is_not_found();
}

async fn a_bound_key_lists_its_workspace_alone(backend: Backend) {
    let stage = Stage::set(backend).await;
    stage.workspace(json!({ "name": "Second" })).await;
    let key = stage.key(json!({ "scopes": ["*"] })).await;
    let listed = key.api.get("/api/v1/workspaces").await.expect(200).json();
    assert_eq!(listed["meta"]["total"], 1);
    assert_eq!(listed["data"][0]["id"], stage.workspace_id);
    for (query, total) in [
        ("tier=enterprise", 1),
        ("tier=free", 0),
        ("search=ACME", 1),
        ("search=second", 0),
        ("created_after=2000-01-01", 1),
        ("created_after=2100-01-01", 0),
        ("updated_before=2000-01-01", 0),
    ] {
        let listed = key.api.get(&format!("/api/v1/workspaces?{query}")).await.expect(200).json();
        assert_eq!(listed["meta"]["total"], total, "{query}");
        assert_eq!(listed["data"].as_array().unwrap().len(), total, "{query}");
    }
    let beyond = key.api.get("/api/v1/workspaces?page=2").await.expect(200).json();
    assert_eq!((&beyond["meta"]["total"], &beyond["data"]), (&json!(1), &json!([])));
}
