//! A client that repeats what was not answered finds all of it or none of it, however often the server is killed.

use std::collections::BTreeMap;
use std::time::Duration;

use acceptance::{Answer, Api, Backend, PATIENCE, Server, Stage, eventually, on_both_stores, random_below};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};

on_both_stores!(
    every_idempotency_key_has_one_effect_whatever_is_killed,
    every_idempotency_key_has_one_effect_among_many_writers,
);

/// Of each test, so twice as many on each store.
const KILLS: usize = 100;
/// Of a server that has just started, in microseconds: time for some requests of every writer on a busy machine.
const LONGEST_LIFE: u64 = 200_000;

/// Makes keys and workspaces by turns, each under an idempotency key of its own, and repeats what was not answered.
struct Writer {
    name: usize,
    /// The answers, in the order of the requests. One more request may have been sent.
    answered: Vec<Answer>,
}

impl Writer {
    fn names(&self) -> impl Iterator<Item = String> {
        (0..self.answered.len()).map(|number| self.title(number))
    }

    fn title(&self, number: usize) -> String {
        format!("Made {}-{number}", self.name)
    }

    /// `None` when the server is gone.
    async fn request(&self, owner: &Api, number: usize) -> Option<Answer> {
        let path = if is_workspace(number) { "/api/v1/workspaces" } else { "/api/v1/api-keys" };
        let body = json!({ "name": self.title(number) });
        loop {
            let request = owner.request("POST", path).header("Idempotency-Key", self.title(number).replace(' ', "-"));
            let answer = request.json(&body).try_send().await.ok()?;
            // A connection that died with the server holds its claim until the store notices.
            if answer.status != 409 {
                return Some(answer.expect(201));
            }
        }
    }

    /// Goes on until the server is gone, or `enough` requests are answered.
    async fn write(&mut self, owner: &Api, enough: usize) {
        while self.answered.len() < enough {
            let Some(answer) = self.request(owner, self.answered.len()).await else { return };
            self.answered.push(answer);
            let earlier = usize::try_from(random_below(self.answered.len() as u64)).unwrap();
            let Some(again) = self.request(owner, earlier).await else { return };
            assert_eq!(again.body, self.answered[earlier].body, "a retry was told something else");
            assert_eq!(again.header("idempotency-replayed"), Some("true"));
        }
    }
}

fn is_workspace(number: usize) -> bool {
    number.is_multiple_of(2)
}

async fn kill_at_some_time(server: &mut Server) {
    tokio::time::sleep(Duration::from_micros(random_below(LONGEST_LIFE))).await;
    server.kill();
}

async fn every_idempotency_key_has_one_effect_whatever_is_killed(backend: Backend) {
    kill_and_repeat(backend, 4).await;
}

async fn every_idempotency_key_has_one_effect_among_many_writers(backend: Backend) {
    kill_and_repeat(backend, 12).await;
}

async fn kill_and_repeat(backend: Backend, writers: usize) {
    let mut stage = Stage::set(backend).await;
    let owner = stage.owner.in_workspace(stage.workspace_id);
    let mut writers: Vec<_> = (0..writers).map(|name| Writer { name, answered: Vec::new() }).collect();
    let mut kills = 0;
    // A busy machine makes little between two kills: it is killed until enough was made to tell.
    while kills < KILLS || writers.iter().map(|writer| writer.answered.len()).sum::<usize>() <= KILLS {
        kills += 1;
        let work = join_all(writers.iter_mut().map(|writer| writer.write(&owner, usize::MAX)));
        join(work, kill_at_some_time(&mut stage.server)).await;
        stage.start_again();
    }
    // What was under way at the last kill as well.
    for writer in &mut writers {
        let goal = writer.answered.len() + 2;
        let is_done = eventually(PATIENCE, async || {
            writer.write(&owner, goal).await;
            writer.answered.len() == goal
        });
        assert!(is_done.await);
    }
    everything_is_there_once(&stage, &writers);
}

fn everything_is_there_once(stage: &Stage, writers: &[Writer]) {
    let mut told = [BTreeMap::new(), BTreeMap::new()];
    for writer in writers {
        for (number, (name, answer)) in writer.names().zip(&writer.answered).enumerate() {
            let id = answer.json()["data"]["id"].as_i64().unwrap();
            assert!(told[usize::from(is_workspace(number))].insert(id, name).is_none(), "the id {id} was given twice");
        }
    }
    let [keys, workspaces] = &told;
    assert!(keys.len() + workspaces.len() > KILLS, "too little was made to tell");
    for (table, kind, told) in [("api_keys", "api_key.created", keys), ("workspaces", "workspace.created", workspaces)]
    {
        let rows = stage.database.query(&format!("SELECT id, name FROM {table} WHERE name LIKE 'Made %' ORDER BY id"));
        let expected: Vec<_> = told.iter().map(|(id, name)| format!("{id}|{name}")).collect();
        assert_eq!(rows, expected, "{table}: one each, and the one that was told of");

        let of = |data: &String| serde_json::from_str::<Value>(data).unwrap()["id"].as_i64().unwrap();
        let events = stage.database.query(&format!("SELECT data FROM events WHERE type = '{kind}'"));
        let mut announced: Vec<_> = events.iter().map(of).filter(|id| told.contains_key(id)).collect();
        announced.sort_unstable();
        assert_eq!(announced, told.keys().copied().collect::<Vec<_>>(), "{kind}: one event each");
        // The bootstrap made one of each.
        assert_eq!(events.len(), told.len() + 1, "{kind}: an event of nothing");
    }
}
