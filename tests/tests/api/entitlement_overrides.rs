//! What the operator gives beside the tier.

use std::time::Duration;

use acceptance::{Api, Backend, NewKey, Stage, denied, eventually, on_both_stores, seconds_from_now};
use serde_json::{Value, json};

on_both_stores!(
    an_override_adds_at_once_and_until_its_end,
    an_override_can_lift_a_limit_and_give_a_feature,
    the_command_line_sets_lists_and_removes,
    no_wildcard_is_the_operator,
    bad_overrides_are_named,
);

async fn free(stage: &Stage) -> (i64, Api) {
    let id = stage.workspace(json!({ "name": "Free", "tier": "free" })).await["id"].as_i64().unwrap();
    (id, stage.owner.in_workspace(id))
}

fn operator(stage: &Stage) -> NewKey {
    stage.account_key(&["operator:read".to_owned(), "operator:write".to_owned()])
}

async fn put(operator: &Api, workspace: i64, feature: &str, body: Value) -> Value {
    let path = format!("/api/v1/operator/workspaces/{workspace}/overrides/{feature}");
    operator.request("PUT", &path).json(&body).send().await.data(200)
}

async fn limit(api: &Api, feature: &str) -> Value {
    api.get(&format!("/api/v1/entitlements/check?feature={feature}")).await.expect(200).json()["limit"].take()
}

async fn an_override_adds_at_once_and_until_its_end(backend: Backend) {
    let stage = Stage::set(backend).await;
    let (workspace, api) = free(&stage).await;
    let operator = operator(&stage).api;
    assert_eq!(limit(&api, "posts").await, 100);
    let set = put(&operator, workspace, "posts", json!({ "extra": 50 })).await;
    assert_eq!((&set["feature"], &set["extra"], &set["is_in_force"]), (&json!("posts"), &json!(50), &json!(true)));
    assert_eq!(limit(&api, "posts").await, 150);
    api.post("/api/v1/entitlements/usage", json!({ "feature": "posts", "quantity": 150 })).await.expect(200);
    put(&operator, workspace, "posts", json!({ "extra": 10, "ends_at": seconds_from_now(2) })).await;
    assert!(eventually(Duration::from_secs(10), async || limit(&api, "posts").await == 100).await);
    api.post("/api/v1/entitlements/usage", json!({ "feature": "posts" })).await.expect(403);
    let path = format!("/api/v1/operator/workspaces/{workspace}/overrides");
    let listed = operator.get(&path).await.data(200);
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["is_in_force"]), (1, &json!(false)));
    operator.delete(&format!("{path}/posts")).await.expect(204);
    operator.delete(&format!("{path}/posts")).await.is_not_found();
    assert_eq!(operator.get(&path).await.data(200), json!([]));
}

async fn an_override_can_lift_a_limit_and_give_a_feature(backend: Backend) {
    let stage = Stage::set(backend).await;
    let (workspace, api) = free(&stage).await;
    let operator = operator(&stage).api;
    for feature in ["posts", "custom_domain"] {
        put(&operator, workspace, feature, json!({ "unlimited": true })).await;
        assert_eq!(limit(&api, feature).await, Value::Null);
    }
    let summary = api.get("/api/v1/entitlements/summary").await.data(200);
    assert_eq!(summary["entitlements"]["custom_domain"]["enabled"], true);
}

async fn the_command_line_sets_lists_and_removes(backend: Backend) {
    let stage = Stage::set(backend).await;
    let (workspace, api) = free(&stage).await;
    let id = workspace.to_string();
    let run = |arguments: &[&str]| {
        let output = stage.run(&[&["entitlement", "override"], arguments].concat());
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (done, told) = run(&["set", "--workspace", &id, "--feature", "posts", "--extra", "25"]);
    assert!(done && told.contains("25 more of posts"), "{told}");
    assert!(eventually(Duration::from_secs(2), async || limit(&api, "posts").await == 125).await);
    let (_, listed) = run(&["list", "--workspace", &id, "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed[0]["extra"], &listed[0]["ends_at"]), (&json!(25), &Value::Null));
    assert!(run(&["remove", "--workspace", &id, "--feature", "posts"]).0);
    assert!(eventually(Duration::from_secs(2), async || limit(&api, "posts").await == 100).await);
    for (arguments, reason) in [
        (vec!["set", "--workspace", "999999", "--feature", "posts", "--unlimited"], "no such workspace"),
        (vec!["set", "--workspace", &id, "--feature", "blogs", "--unlimited"], "the catalogue has no blogs"),
        (vec!["set", "--workspace", &id, "--feature", "posts", "--extra", "0"], "--extra is wrong"),
        (vec!["set", "--workspace", &id, "--feature", "posts"], "--extra"),
        (vec!["set", "--workspace", &id, "--feature", "posts", "--unlimited", "--until", "2020-01-01"], "future"),
        (vec!["set", "--workspace", &id, "--feature", "custom_domain", "--extra", "1"], "without a number"),
        (vec!["remove", "--workspace", &id, "--feature", "posts"], "no override"),
        (vec!["list", "--workspace", "999999"], "no such workspace"),
    ] {
        let (done, told) = run(&arguments);
        assert!(!done && told.contains(reason), "{arguments:?}: {told}");
    }
}

/// Not even `*`, and who has not the scope can't hand it out.
async fn no_wildcard_is_the_operator(backend: Backend) {
    let stage = Stage::set(backend).await;
    let path = format!("/api/v1/operator/workspaces/{}/overrides", stage.workspace_id);
    stage.owner.get(&path).await.is(403, denied("operator:read"));
    let put = stage.owner.request("PUT", &format!("{path}/posts")).json(&json!({ "unlimited": true }));
    put.send().await.is(403, denied("operator:write"));
    let asked = json!({ "name": "Operator", "scopes": ["operator:write"] });
    stage
        .owner
        .in_workspace(stage.workspace_id)
        .post("/api/v1/api-keys", asked)
        .await
        .is(403, denied("operator:write"));
}

async fn bad_overrides_are_named(backend: Backend) {
    let stage = Stage::set(backend).await;
    let operator = operator(&stage).api;
    let home = stage.workspace_id;
    let path = |workspace: i64, feature: &str| format!("/api/v1/operator/workspaces/{workspace}/overrides/{feature}");
    for (feature, body, field) in [
        ("posts", json!({}), "extra"),
        ("posts", json!({ "extra": 1, "unlimited": true }), "extra"),
        ("posts", json!({ "extra": 0 }), "extra"),
        ("posts", json!({ "extra": 1, "ends_at": "2020-01-01" }), "ends_at"),
        ("posts", json!({ "extra": 1, "ends_at": "soon" }), "ends_at"),
        ("custom_domain", json!({ "extra": 1 }), "extra"),
        ("posts", json!({ "more": 1 }), "more"),
    ] {
        let answer = operator.request("PUT", &path(home, feature)).json(&body).send().await.expect(422);
        assert!(answer.json()["errors"][field].is_array(), "{body}\n{answer}");
    }
    let body = json!({ "unlimited": true });
    operator.request("PUT", &path(999_999, "posts")).json(&body).send().await.is_not_found();
    operator.request("PUT", &path(home, "blogs")).json(&body).send().await.is_not_found();
    operator.get("/api/v1/operator/workspaces/999999/overrides").await.is_not_found();
}
