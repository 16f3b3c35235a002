//! One charge for each idempotency key, however often the server is killed between any two steps.

use std::collections::BTreeSet;
use std::time::Duration;

use acceptance::{Api, Backend, PATIENCE, Server, Stage, eventually, on_both_stores, random_below};
use futures_util::future::{join, join_all};
use serde_json::json;

on_both_stores!(every_idempotency_key_is_charged_once_whatever_is_killed);

const KILLS: usize = 30;
const CALLERS: usize = 8;

/// Records under a key of its own each time, and repeats what was not answered.
struct Caller {
    name: usize,
    /// The answers, in the order of the requests. One more request may have been sent.
    answered: Vec<u64>,
}

impl Caller {
    /// `None` when the server is gone.
    async fn request(&self, api: &Api, number: usize) -> Option<u64> {
        let body = json!({ "feature": "posts", "metadata": { "name": self.title(number) } });
        loop {
            let request = api.request("POST", "/api/v1/entitlements/usage");
            let answer = request.header("Idempotency-Key", self.title(number)).json(&body).try_send().await.ok()?;
            // A connection that died with the server holds its claim until the store notices.
            if answer.status != 409 {
                return answer.expect(200).json()["current_usage"].as_u64();
            }
        }
    }

    fn title(&self, number: usize) -> String {
        format!("charge-{}-{number}", self.name)
    }

    /// Goes on until the server is gone, or `enough` requests are answered.
    async fn record(&mut self, api: &Api, enough: usize) {
        while self.answered.len() < enough {
            let Some(used) = self.request(api, self.answered.len()).await else { return };
            self.answered.push(used);
            let earlier = usize::try_from(random_below(self.answered.len() as u64)).unwrap();
            let Some(again) = self.request(api, earlier).await else { return };
            assert_eq!(again, self.answered[earlier], "a retry was told something else");
        }
    }
}

async fn kill_at_some_time(server: &mut Server) {
    tokio::time::sleep(Duration::from_micros(random_below(150_000))).await;
    server.kill();
}

async fn every_idempotency_key_is_charged_once_whatever_is_killed(backend: Backend) {
    let mut stage = Stage::set(backend).await;
    let api = stage.owner.in_workspace(stage.workspace_id);
    let mut callers: Vec<_> = (0..CALLERS).map(|name| Caller { name, answered: Vec::new() }).collect();
    for _ in 0..KILLS {
        let work = join_all(callers.iter_mut().map(|caller| caller.record(&api, usize::MAX)));
        join(work, kill_at_some_time(&mut stage.server)).await;
        stage.start_again();
    }
    // What was under way at the last kill as well.
    for caller in &mut callers {
        let goal = caller.answered.len() + 2;
        let is_done = eventually(PATIENCE, async || {
            caller.record(&api, goal).await;
            caller.answered.len() == goal
        });
        assert!(is_done.await);
    }
    let made: usize = callers.iter().map(|caller| caller.answered.len()).sum();
    assert!(made > KILLS, "too little was recorded to tell");
    let told: BTreeSet<u64> = callers.iter().flat_map(|caller| caller.answered.iter().copied()).collect();
    assert_eq!(told, (1..=made as u64).collect(), "each charge is one place in one order");
    let rows = stage.database.query("SELECT metadata FROM entitlement_usage WHERE feature = 'posts'");
    assert_eq!((rows.len(), rows.iter().collect::<BTreeSet<_>>().len()), (made, made), "one row for each key");
    let counted = stage.database.query("SELECT used FROM entitlement_counters WHERE feature = 'posts'");
    assert_eq!(counted, [made.to_string()]);
}
