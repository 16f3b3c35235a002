//! What was acknowledged is there, however often the server is killed.

use std::collections::BTreeSet;
use std::time::Duration;

use acceptance::{Api, Backend, Server, Stage, on_both_stores, random_below};
use futures_util::future::{join, join_all};
use serde_json::json;

on_both_stores!(no_acknowledged_event_is_lost_whatever_is_killed);

const KILLS: usize = 15;
const PAGES: usize = 8;
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";

/// Tells of events of its own, one after the other, until the server is gone. Returns those that were acknowledged.
async fn tell(api: &Api, page: usize, from: usize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in from.. {
        let name = format!("event-{page}-{number}");
        let body = json!({ "event": name, "url": "https://example.com/", "user_agent": BROWSER });
        let address = format!("203.0.{page}.{}", number / 200 % 250);
        let request = api.request("POST", "/api/v1/pixel/track").header("X-Forwarded-For", address).json(&body);
        let Ok(answer) = request.try_send().await else { break };
        answer.is(200, json!({ "tracked": true }));
        acknowledged.push(name);
    }
    acknowledged
}

async fn kill_at_some_time(server: &mut Server) {
    tokio::time::sleep(Duration::from_micros(20_000 + random_below(150_000))).await;
    server.kill();
}

async fn no_acknowledged_event_is_lost_whatever_is_killed(backend: Backend) {
    let mut stage = Stage::with(backend, &[("CORE_API_TRUSTED_PROXIES", "127.0.0.1")]).await;
    let api = stage.owner.in_workspace(stage.workspace_id);
    api.post("/api/v1/pixel/sites", json!({ "domain": "example.com" })).await.expect(201);
    let anyone = stage.anonymous();
    let mut acknowledged = BTreeSet::new();
    for round in 0..KILLS {
        let work = join_all((0..PAGES).map(|page| tell(&anyone, page, round * 100_000)));
        let (told, ()) = join(work, kill_at_some_time(&mut stage.server)).await;
        acknowledged.extend(told.into_iter().flatten());
        stage.start_again();
    }
    assert!(acknowledged.len() > KILLS, "too little was told to tell");
    let rows = stage.database.query("SELECT name FROM pixel_events");
    let stored: BTreeSet<String> = rows.iter().cloned().collect();
    assert_eq!(stored.len(), rows.len(), "each event is there once");
    assert!(acknowledged.is_subset(&stored), "{:?} are lost", acknowledged.difference(&stored).collect::<Vec<_>>());
    let counted = stage.database.query("SELECT sum(events) FROM pixel_hours");
    assert_eq!(counted, [rows.len().to_string()], "roll-ups and events are committed together");
}
