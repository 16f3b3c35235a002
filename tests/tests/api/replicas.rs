//! Several servers on one PostgreSQL database.

use std::time::Duration;

use acceptance::{Api, Backend, Database, NewKey, Server, Settings, Stage, eventually, run};
use futures_util::future::join_all;
use serde_json::json;

/// Staleness of what another replica did, and a fifth of a second for asking.
const AT_MOST: Duration = Duration::from_millis(1_200);

/// The same key, at the other replica, which has just looked it up.
async fn warmed(key: &NewKey, replica: &Server) -> Api {
    let there = key.api.at(replica);
    there.get("/api/v1/me").await.expect(200);
    there
}

async fn two() -> (Stage, Server) {
    let stage = Stage::set(Backend::Postgres).await;
    let replica = Server::start(&stage.server.settings().clone().elsewhere());
    (stage, replica)
}

#[tokio::test]
async fn a_revoked_key_is_dead_everywhere_within_a_second() {
    let (stage, replica) = two().await;
    for _ in 0..3 {
        let key = stage.key(json!({})).await;
        let there = warmed(&key, &replica).await;
        stage.owner.delete(&format!("/api/v1/api-keys/{}", key.id)).await.expect(204);
        key.api.get("/api/v1/me").await.is_unauthorized();
        assert!(eventually(AT_MOST, async || there.get("/api/v1/me").await.status == 401).await);
    }
}

#[tokio::test]
async fn a_key_rotated_without_grace_is_dead_everywhere_within_a_second() {
    let (stage, replica) = two().await;
    let key = stage.key(json!({})).await;
    let there = warmed(&key, &replica).await;
    let path = format!("/api/v1/api-keys/{}/rotate", key.id);
    let new = stage.owner.post(&path, json!({ "grace_period_hours": 0 })).await.data(200);
    there.with_key(new["key"].as_str().unwrap()).get("/api/v1/me").await.expect(200);
    assert!(eventually(AT_MOST, async || there.get("/api/v1/me").await.status == 401).await);
}

#[tokio::test]
async fn a_deleted_workspace_s_keys_are_dead_everywhere_within_a_second() {
    let (stage, replica) = two().await;
    let doomed = stage.workspace(json!({ "name": "Doomed" })).await["id"].as_i64().unwrap();
    let key = stage.key_in(doomed, json!({})).await;
    let there = warmed(&key, &replica).await;
    stage.owner.delete(&format!("/api/v1/workspaces/{doomed}")).await.expect(204);
    assert!(eventually(AT_MOST, async || there.get("/api/v1/me").await.status == 401).await);
}

#[tokio::test]
async fn a_changed_tier_is_known_everywhere_within_a_second() {
    let (stage, replica) = two().await;
    let key = stage.key(json!({})).await;
    let there = warmed(&key, &replica).await;
    let path = format!("/api/v1/workspaces/{}", stage.workspace_id);
    stage.owner.patch(&path, json!({ "tier": "free" })).await.expect(200);
    let is_known = eventually(AT_MOST, async || there.get("/api/v1/me").await.data(200)["tier"] == "free");
    assert!(is_known.await);
}

#[tokio::test]
async fn what_one_replica_made_another_shows_at_once() {
    let (stage, replica) = two().await;
    let there = stage.owner.at(&replica);
    for number in 0..10 {
        let made = stage.workspace(json!({ "name": format!("Made {number}") })).await;
        let path = format!("/api/v1/workspaces/{}", made["id"]);
        assert_eq!(there.get(&path).await.data(200), made);
        let key = stage.key(json!({})).await;
        key.api.at(&replica).get("/api/v1/me").await.expect(200);
        there.delete(&path).await.expect(204);
        stage.owner.get(&path).await.is_not_found();
    }
}

#[tokio::test]
async fn of_rotations_at_once_on_two_replicas_one_wins() {
    let (stage, replica) = two().await;
    let key = stage.key(json!({})).await;
    let (here, there) = (stage.owner.clone(), stage.owner.at(&replica));
    let path = format!("/api/v1/api-keys/{}/rotate", key.id);
    let answers = join_all((0..8).map(|n| [&here, &there][n % 2].post(&path, json!({})))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 409).count(), 7);
}

#[tokio::test]
async fn replicas_that_start_at_once_on_an_empty_database_all_come_up() {
    let database = Database::create(Backend::Postgres);
    let settings: Vec<_> = (0..3).map(|_| Settings::on(&database)).collect();
    let mut servers: Vec<_> = settings.iter().map(Server::launch).collect();
    servers.iter_mut().for_each(Server::wait_until_ready);
    let arguments = ["bootstrap", "--email", "ada@example.com", "--workspace", "Acme", "--json"];
    let made: serde_json::Value = serde_json::from_slice(&run(&settings[0], &arguments).stdout).unwrap();
    for server in &servers {
        let api = Api::anonymous(server).await.with_key(made["key"].as_str().unwrap());
        assert_eq!(api.get("/api/v1/workspaces").await.expect(200).json()["meta"]["total"], 1);
        assert_eq!(server.stdout(), "", "no first key is made where replicas share the store");
    }
}
