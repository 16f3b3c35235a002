//! What was acknowledged is there, and nothing is there by half, however often the server is killed.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use acceptance::{Api, Backend, Server, Stage, on_both_stores, random_below};
use futures_util::future::join_all;
use serde_json::{Value, json};

on_both_stores!(acknowledged_creates_outlive_kills);

const CREATES: usize = 2_000;
const KILLS: usize = 20;
const WRITERS: usize = 6;

/// What the server said it made, by id.
#[derive(Default)]
struct Acknowledged {
    workspaces: BTreeMap<i64, Value>,
    keys: BTreeMap<i64, Value>,
}

impl Acknowledged {
    fn count(&self) -> usize {
        self.workspaces.len() + self.keys.len()
    }
}

/// Makes workspaces and keys by turns until `goal` are acknowledged in all. Then kills the server a moment later,
/// while the other writers go on.
struct Round<'a> {
    owner: &'a Api,
    home: i64,
    acknowledged: &'a RefCell<Acknowledged>,
    goal: usize,
    victim: Option<RefCell<&'a mut Server>>,
    is_over: Cell<bool>,
}

impl Round<'_> {
    async fn play(&self) {
        join_all((0..WRITERS).map(|writer| self.write(writer))).await;
    }

    async fn write(&self, writer: usize) {
        for turn in writer.. {
            if self.acknowledged.borrow().count() >= self.goal && !self.is_over.replace(true) {
                let Some(victim) = &self.victim else { return };
                tokio::time::sleep(Duration::from_micros(random_below(4_000))).await;
                victim.borrow_mut().kill();
            }
            if self.is_over.get() && self.victim.is_none() {
                return;
            }
            if !self.create(turn % 2 == 0).await {
                assert!(self.is_over.get(), "the server was not killed, and did not answer");
                return;
            }
        }
    }

    /// False when the server is gone.
    async fn create(&self, is_workspace: bool) -> bool {
        let number = random_below(1_000_000);
        let (path, body) = if is_workspace {
            ("/api/v1/workspaces", json!({ "name": format!("Workspace {number}"), "tier": "pro" }))
        } else {
            ("/api/v1/api-keys", json!({ "name": format!("Key {number}"), "scopes": ["posts:read"] }))
        };
        let caller = self.owner.in_workspace(self.home);
        let Ok(answer) = caller.request("POST", path).json(&body).try_send().await else { return false };
        let data = answer.data(201);
        let id = data["id"].as_i64().unwrap();
        let mut acknowledged = self.acknowledged.borrow_mut();
        let made = if is_workspace { &mut acknowledged.workspaces } else { &mut acknowledged.keys };
        assert!(made.insert(id, data).is_none(), "the id {id} was given twice");
        true
    }
}

/// Everything on all pages of a list, by id.
async fn listed(api: &Api, path: &str) -> BTreeMap<i64, Value> {
    let (mut path, mut all) = (format!("{path}?per_page=100&sort=id"), BTreeMap::new());
    loop {
        let list = api.get(&path).await.expect(200).json();
        for item in list["data"].as_array().unwrap() {
            assert!(all.insert(item["id"].as_i64().unwrap(), item.clone()).is_none());
        }
        let Some(next) = list["links"]["next"].as_str() else {
            assert_eq!(list["meta"]["total"], all.len(), "{path}");
            return all;
        };
        next.strip_prefix(api.base_url()).unwrap().clone_into(&mut path);
    }
}

/// The first column of every row, as a number.
fn numbers(rows: &[String]) -> BTreeSet<i64> {
    let numbers: BTreeSet<i64> = rows.iter().map(|row| row.parse().unwrap()).collect();
    assert_eq!(numbers.len(), rows.len(), "a number comes twice");
    numbers
}

async fn acknowledged_creates_outlive_kills(backend: Backend) {
    let mut stage = Stage::set(backend).await;
    let owner = stage.owner.clone();
    let acknowledged = RefCell::default();
    let mut goals: Vec<_> = (0..KILLS).map(|_| usize::try_from(random_below(CREATES as u64)).unwrap()).collect();
    goals.sort_unstable();
    for goal in goals {
        let victim = Some(RefCell::new(&mut stage.server));
        let is_over = Cell::new(false);
        Round { owner: &owner, home: stage.workspace_id, acknowledged: &acknowledged, goal, victim, is_over }
            .play()
            .await;
        stage.start_again();
    }
    let (goal, is_over) = (CREATES, Cell::new(false));
    Round { owner: &owner, home: stage.workspace_id, acknowledged: &acknowledged, goal, victim: None, is_over }
        .play()
        .await;

    let acknowledged = acknowledged.into_inner();
    assert!(acknowledged.count() >= CREATES);
    everything_is_whole(&stage, &acknowledged).await;
}

async fn everything_is_whole(stage: &Stage, acknowledged: &Acknowledged) {
    let owner = stage.owner.in_workspace(stage.workspace_id);
    let workspaces = listed(&owner, "/api/v1/workspaces").await;
    let keys = listed(&owner, "/api/v1/api-keys").await;
    for (id, made) in &acknowledged.workspaces {
        assert_eq!(&owner.get(&format!("/api/v1/workspaces/{id}")).await.data(200), made);
    }
    for (id, made) in &acknowledged.keys {
        let shown = owner.with_key(made["key"].as_str().unwrap()).get("/api/v1/me").await.data(200);
        assert_eq!((&shown["key"]["id"], &shown["scopes"]), (&json!(id), &made["scopes"]));
        assert!(keys.contains_key(id), "key {id} is not listed");
    }
    for (id, listed) in &workspaces {
        let mut shown = owner.get(&format!("/api/v1/workspaces/{id}")).await.data(200);
        assert!(shown.as_object_mut().unwrap().remove("settings").is_some_and(|settings| settings.is_object()));
        assert_eq!(&shown, listed);
        let fields: Vec<_> = listed.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["id", "name", "slug", "tier", "created_at", "updated_at"]);
    }
    // When they were last used is written down in the background.
    let lasting = |mut key: Value| key.as_object_mut().unwrap().remove("last_used_at").map(|_| key);
    for (id, listed) in &keys {
        let shown = owner.get(&format!("/api/v1/api-keys/{id}")).await.data(200);
        assert_eq!(lasting(shown).unwrap(), lasting(listed.clone()).unwrap());
    }
    let rows = |statement: &str| numbers(&stage.database.query(statement));
    let ids: BTreeSet<i64> = workspaces.keys().copied().collect();
    assert_eq!(rows("SELECT id FROM workspaces"), ids);
    assert_eq!(rows("SELECT workspace_id FROM memberships"), ids);
    assert_eq!(rows("SELECT workspace_id FROM events WHERE type = 'workspace.created'"), ids, "one event each");
    let key_rows = rows("SELECT id FROM api_keys");
    // One more than is listed: the owner's own, which is account-level.
    assert_eq!(key_rows.len(), keys.len() + 1);
    let key_events = stage.database.query("SELECT data FROM events WHERE type = 'api_key.created'");
    let of_key = |data: &String| serde_json::from_str::<Value>(data).unwrap()["id"].as_i64().unwrap();
    let announced: BTreeSet<i64> = key_events.iter().map(of_key).collect();
    assert_eq!((key_events.len(), announced), (key_rows.len(), key_rows), "one event each");
}
