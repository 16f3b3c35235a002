use acceptance::{Answer, Api, Backend, Stage, on_both_stores};
use serde_json::json;

on_both_stores!(
    what_is_foreign_is_answered_like_what_is_nowhere,
    a_bound_key_does_not_reach_its_account_s_other_workspaces,
    lists_hold_nothing_foreign,
    equal_emails_share_an_account,
);

const NOWHERE: i64 = 999_999;

/// Calls every operation on `workspace` and `key` and on nothing, and wants the same answers.
async fn finds_nothing(caller: &Api, workspace: i64, key: i64) {
    for operation in caller.spec().operations().to_vec().iter().filter(|operation| operation.has_id()) {
        let id = if operation.is_of_workspace() { workspace } else { key };
        for body in [json!({}), json!({ "name": 5 }), json!({ "grace_period_hours": 999 })] {
            let foreign = call(caller, &operation.method, &operation.path(id), &body).await;
            let nowhere = call(caller, &operation.method, &operation.path(NOWHERE), &body).await;
            assert_eq!((foreign.status, foreign.text()), (nowhere.status, nowhere.text()));
            if body == json!({}) {
                foreign.is_not_found();
            }
        }
    }
}

async fn call(caller: &Api, method: &str, path: &str, body: &serde_json::Value) -> Answer {
    let request = caller.request(method, path);
    if ["POST", "PATCH"].contains(&method) { request.json(body).send().await } else { request.send().await }
}

async fn what_is_foreign_is_answered_like_what_is_nowhere(backend: Backend) {
    let stage = Stage::set(backend).await;
    let own = stage.key(json!({ "scopes": ["*"] })).await;
    let stranger = stage.tenant("stranger@example.com");
    let foreign = stranger.api.new_key(json!({ "scopes": ["*"] })).await;
    finds_nothing(&stage.owner, stranger.workspace_id, foreign.id).await;
    finds_nothing(&own.api, stranger.workspace_id, foreign.id).await;
    finds_nothing(&stranger.api, stage.workspace_id, own.id).await;
    finds_nothing(&foreign.api, stage.workspace_id, own.id).await;
    for (api, id) in [(&own.api, own.id), (&foreign.api, foreign.id)] {
        assert_eq!(api.get(&format!("/api/v1/api-keys/{id}")).await.data(200)["status"], "active");
    }
    let account_level = stranger.api.get("/api/v1/me").await.data(200)["key"]["id"].as_i64().unwrap();
    finds_nothing(&stage.owner, stranger.workspace_id, account_level).await;
}

async fn a_bound_key_does_not_reach_its_account_s_other_workspaces(backend: Backend) {
    let stage = Stage::set(backend).await;
    let second = stage.workspace(json!({ "name": "Second", "tier": "pro" })).await["id"].as_i64().unwrap();
    let first_key = stage.key(json!({ "scopes": ["*"] })).await;
    let second_key = stage.key_in(second, json!({ "scopes": ["*"] })).await;
    finds_nothing(&first_key.api, second, second_key.id).await;
    finds_nothing(&second_key.api, stage.workspace_id, first_key.id).await;
}

async fn lists_hold_nothing_foreign(backend: Backend) {
    let stage = Stage::set(backend).await;
    let stranger = stage.tenant("stranger@example.com");
    let foreign = stranger.api.new_key(json!({ "name": "Foreign" })).await;
    let own = stage.key(json!({ "name": "Own" })).await;
    for (api, workspace, key, email) in [
        (&stage.owner, stage.workspace_id, own.id, Stage::OWNER),
        (&stranger.api, stranger.workspace_id, foreign.id, "stranger@example.com"),
    ] {
        let workspaces = api.get("/api/v1/workspaces?include=members").await.expect(200).json();
        assert_eq!(workspaces["meta"]["total"], 1);
        assert_eq!(workspaces["data"][0]["id"], workspace);
        assert_eq!(workspaces["data"][0]["members"][0]["email"], email);
        assert_eq!(workspaces["data"][0]["members"].as_array().unwrap().len(), 1);
        let keys = api.get("/api/v1/api-keys").await.expect(200).json();
        assert_eq!(keys["meta"]["total"], 1);
        assert_eq!(keys["data"][0]["id"], key);
    }
}

async fn equal_emails_share_an_account(backend: Backend) {
    let stage = Stage::set(backend).await;
    let again = stage.tenant("Owner@Example.COM");
    assert_eq!(again.account_id, stage.account_id);
    let listed = stage.owner.get("/api/v1/workspaces").await.expect(200).json();
    assert_eq!(listed["meta"]["total"], 2);
    again.api.get(&format!("/api/v1/workspaces/{}", stage.workspace_id)).await.expect(200);
}
