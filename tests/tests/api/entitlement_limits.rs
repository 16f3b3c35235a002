//! Limits that hold to the last unit, whoever counts.

use std::fs;

use acceptance::{Api, Backend, Database, Server, Settings, Stage, eventually, on_both_stores, run};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;

on_both_stores!(
    keys_are_limited_and_counted,
    concurrent_creations_stop_at_the_limit,
    a_refused_key_is_not_made,
    a_catalogue_of_one_s_own_rules,
    only_the_operator_gives_a_tier_that_is_no_self_service,
    overage_is_recorded,
);

const USAGE: &str = "/api/v1/entitlements/usage";

async fn free(stage: &Stage) -> (i64, Api) {
    let id = stage.workspace(json!({ "name": "Free", "tier": "free" })).await["id"].as_i64().unwrap();
    (id, stage.owner.in_workspace(id))
}

async fn counted(api: &Api) -> Value {
    api.get("/api/v1/entitlements/check?feature=api_keys").await.expect(200).json()["current_usage"].take()
}

async fn keys_are_limited_and_counted(backend: Backend) {
    let stage = Stage::set(backend).await;
    let (_, api) = free(&stage).await;
    let mut keys = Vec::new();
    for _ in 0..10 {
        keys.push(api.new_key(json!({})).await);
    }
    assert_eq!(counted(&api).await, 10);
    let refused = api.post("/api/v1/api-keys", json!({ "name": "One more" })).await.expect(403).json();
    assert_eq!((&refused["error"], &refused["feature"]), (&json!("feature_limit_reached"), &json!("api_keys")));
    // A key and what it was rotated into are one.
    let rotated = api.post(&format!("/api/v1/api-keys/{}/rotate", keys[0].id), json!({})).await.data(200);
    assert_eq!(counted(&api).await, 10);
    api.delete(&format!("/api/v1/api-keys/{}", keys[0].id)).await.expect(204);
    assert_eq!(counted(&api).await, 10, "it counts by the key that it was rotated into");
    api.delete(&format!("/api/v1/api-keys/{}", rotated["id"])).await.expect(204);
    assert_eq!(counted(&api).await, 9);
    // The test environment has a limit of its own.
    let test = api.new_key(json!({ "environment": "test" })).await;
    assert_eq!((counted(&api).await, counted(&test.api).await), (json!(9), json!(1)));
    api.new_key(json!({})).await;
    api.post("/api/v1/api-keys", json!({ "name": "One more" })).await.expect(403);
}

async fn concurrent_creations_stop_at_the_limit(backend: Backend) {
    let stage = Stage::set(backend).await;
    let (_, api) = free(&stage).await;
    let answers = join_all((0..24).map(|_| api.post("/api/v1/api-keys", json!({ "name": "Key" })))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 10);
    assert_eq!(answers.iter().filter(|answer| answer.status == 403).count(), 14);
    assert_eq!(api.get("/api/v1/api-keys").await.expect(200).json()["meta"]["total"], 10);
}

async fn a_refused_key_is_not_made(backend: Backend) {
    let stage = Stage::set(backend).await;
    let (id, api) = free(&stage).await;
    for _ in 0..10 {
        api.new_key(json!({})).await;
    }
    let post = async || {
        let request = api.request("POST", "/api/v1/api-keys").header("Idempotency-Key", "the-eleventh");
        request.json(&json!({ "name": "Eleventh" })).send().await
    };
    let refused = post().await.expect(403);
    assert_eq!(post().await.expect(403).body, refused.body);
    let rows = stage.database.query(&format!("SELECT count(*) FROM api_keys WHERE workspace_id = {id}"));
    let events = stage
        .database
        .query(&format!("SELECT count(*) FROM events WHERE workspace_id = {id} AND type = 'api_key.created'"));
    assert_eq!((rows, events), (vec!["10".to_owned()], vec!["10".to_owned()]));
}

const CATALOGUE: &str = r#"
[tiers]
free = { rate_limit = 100000 }
starter = { rate_limit = 1000, burst = 10 }
pro = { rate_limit = "unlimited" }
business = { rate_limit = 1000 }
agency = { rate_limit = 1000, self_service = false }
enterprise = { rate_limit = "unlimited", self_service = false }

[[features]]
key = "seats"
label = "Seat"
kind = "metered"
reset = "daily"
overage = "allow"
limits = { free = 3, starter = 5, pro = "unlimited", business = 1, agency = 1, enterprise = "unlimited" }
"#;

async fn with_catalogue(backend: Backend, folder: &TempDir) -> Stage {
    let file = folder.path().join("catalogue.toml");
    fs::write(&file, CATALOGUE).unwrap();
    Stage::with(backend, &[("CORE_API_CATALOG", file.to_str().unwrap())]).await
}

async fn a_catalogue_of_one_s_own_rules(backend: Backend) {
    let folder = TempDir::new().unwrap();
    let stage = with_catalogue(backend, &folder).await;
    let starter = stage.workspace(json!({ "name": "Starter", "tier": "starter" })).await["id"].as_i64().unwrap();
    let key = stage.key_in(starter, json!({})).await.api;
    let me = key.get("/api/v1/me").await.expect(200);
    assert_eq!(me.header("x-ratelimit-limit"), Some("1000"));
    assert_eq!(me.json()["data"]["rate_limit"], json!({ "requests_per_minute": 1_000, "burst_percent": 10 }));
    assert_eq!(key.get("/api/v1/entitlements/check?feature=seats").await.json()["limit"], 5);
    key.get("/api/v1/entitlements/check?feature=posts").await.expect(422);

    let broken = folder.path().join("broken.toml");
    fs::write(&broken, CATALOGUE.replace("kind = \"metered\"", "kind = \"stock\"")).unwrap();
    let settings = stage.server.settings().clone().with("CORE_API_CATALOG", broken.to_str().unwrap()).elsewhere();
    let output = run(&settings, &["serve"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(told.contains("broken.toml") && told.contains("line 13: kind is"), "{told}");
}

async fn only_the_operator_gives_a_tier_that_is_no_self_service(backend: Backend) {
    let folder = TempDir::new().unwrap();
    let stage = with_catalogue(backend, &folder).await;
    let id = stage.workspace(json!({ "name": "Home" })).await["id"].as_i64().unwrap();
    let path = format!("/api/v1/workspaces/{id}");
    let message = "The tier agency can't be chosen: the operator of the service gives it.";
    let refusal = json!({ "error": "access_denied", "message": message });
    stage.owner.patch(&path, json!({ "tier": "agency" })).await.is(403, refusal.clone());
    stage.owner.post("/api/v1/workspaces", json!({ "name": "New", "tier": "agency" })).await.is(403, refusal);
    stage.owner.patch(&path, json!({ "tier": "pro" })).await.expect(200);
    let output = stage.run(&["workspace", "set-tier", &id.to_string(), "agency"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(stage.owner.get(&path).await.data(200)["tier"], "agency");
    // What it is already may be said again.
    stage.owner.patch(&path, json!({ "tier": "agency", "name": "Renamed" })).await.expect(200);
}

async fn overage_is_recorded(backend: Backend) {
    let folder = TempDir::new().unwrap();
    let stage = with_catalogue(backend, &folder).await;
    let (_, api) = free(&stage).await;
    for used in 1..=5 {
        let answer = api.post(USAGE, json!({ "feature": "seats" })).await.expect(200).json();
        assert_eq!((&answer["current_usage"], &answer["limit"]), (&json!(used), &json!(3)));
    }
    let check = api.get("/api/v1/entitlements/check?feature=seats").await.expect(200).json();
    assert_eq!((&check["allowed"], &check["overage"], &check["available"]), (&json!(true), &json!(true), &json!(0)));
    let line = api.get("/api/v1/entitlements/summary").await.data(200)["entitlements"]["seats"].take();
    assert_eq!(line["percentage"], 166.67);
}

const LIMIT: u64 = 10_000;
const CLIENTS: usize = 64;

/// 64 clients on three replicas against 10,000: exactly so many, and what each was told fits into one order.
#[tokio::test]
async fn many_clients_on_three_replicas_record_exactly_the_limit() {
    let database = Database::create(Backend::Postgres);
    let stage = Stage::on(database, &[]).await;
    let settings = stage.server.settings();
    let replicas: Vec<Server> = (0..2).map(|_| Server::start(&settings.clone().elsewhere())).collect();
    let workspace = stage.workspace(json!({ "name": "Hot", "tier": "pro" })).await["id"].as_i64().unwrap();
    let owner = stage.owner.in_workspace(workspace);
    let everywhere = [owner.clone(), owner.at(&replicas[0]), owner.at(&replicas[1])];
    let clients = (0..CLIENTS).map(|number| exhaust(everywhere[number % 3].clone(), number));
    let mut told: Vec<(u64, u64)> = join_all(clients).await.concat();
    told.sort_unstable();
    let mut balance = 0;
    for (used, quantity) in &told {
        balance += quantity;
        assert_eq!(*used, balance, "what was told does not follow from what was told before");
    }
    assert_eq!(balance, LIMIT);
    let rows =
        stage.database.query("SELECT sum(quantity), count(*) FROM entitlement_usage WHERE feature = 'api_calls'");
    assert_eq!(rows, [format!("{LIMIT}|{}", told.len())]);
    for api in &everywhere {
        let path = "/api/v1/entitlements/check?feature=api_calls";
        let is_full = eventually(std::time::Duration::from_millis(1_200), async || {
            api.get(path).await.expect(200).json()["current_usage"] == LIMIT
        });
        assert!(is_full.await);
    }
}

/// Records small and large quantities until not even one more is let in. What it was told of each: the usage, and how
/// much it was.
async fn exhaust(api: Api, number: usize) -> Vec<(u64, u64)> {
    let mut told = Vec::new();
    let mut quantity = 1 + u64::try_from(number).unwrap() % 7;
    loop {
        let answer = api.post(USAGE, json!({ "feature": "api_calls", "quantity": quantity })).await;
        match answer.status {
            200 => told.push((answer.json()["current_usage"].as_u64().unwrap(), quantity)),
            403 if quantity == 1 => return told,
            403 => quantity = 1,
            _ => panic!("{answer}"),
        }
    }
}

/// However quickly a replica checks after it recorded, it sees what it recorded.
#[tokio::test]
async fn a_check_is_never_behind_what_was_recorded_here() {
    let stage = Stage::set(Backend::Postgres).await;
    let key = stage.key(json!({})).await.api;
    let runs = (0..8).map(async |_| {
        for _ in 0..25 {
            let told = key.post(USAGE, json!({ "feature": "posts" })).await.expect(200).json();
            let seen = key.get("/api/v1/entitlements/check?feature=posts").await.expect(200).json();
            assert!(seen["current_usage"].as_u64() >= told["current_usage"].as_u64(), "{told} {seen}");
        }
    });
    join_all(runs).await;
    let seen = key.get("/api/v1/entitlements/check?feature=posts").await.expect(200).json();
    assert_eq!(seen["current_usage"], 200);
}

#[test]
fn a_catalogue_that_is_not_there_is_named() {
    let database = Database::create(Backend::Sqlite);
    let settings = Settings::on(&database).with("CORE_API_CATALOG", "/nowhere/catalogue.toml");
    let told = run(&settings, &["serve"]);
    assert!(String::from_utf8_lossy(&told.stderr).contains("CORE_API_CATALOG: /nowhere/catalogue.toml can't be read"));
}
