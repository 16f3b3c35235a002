use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::servers::{Durability, Postgres, poll_until};

use crate::bench::load;
use crate::binary::program;
use crate::receiver::Receiver;
use crate::server::{Server, Setup};

const PUBLISHERS: usize = 8;
/// A lease lasts twice as long and 30 s; then what a killed process held is sent by another.
const TIMEOUT: &str = "2s";
const LIMIT: Duration = Duration::from_mins(2);

/// Publishes events while servers and workers are killed and PostgreSQL is restarted twice; every event that was
/// acknowledged must arrive.
///
/// Two processes on one database: a server that publishes and sends, and one that sends alone.
#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "the figures are what this task is for")]
pub(super) fn run(events: usize, kills: usize) -> Result<()> {
    let folder = TempDir::new().context("cannot make a temporary folder")?;
    let mut postgres = Postgres::start(Durability::Real)?;
    let receiver = Receiver::start()?;
    let program = program();
    let server = setup(&program, folder.path(), &postgres)?;
    let worker = setup(&program, folder.path(), &postgres)?;
    let caller = server.bootstrap()?;
    let mut running = [server.start("error")?, worker.start("error")?];
    let url = format!("http://127.0.0.1:{}/ok/chaos", receiver.port);
    let hook = json!({ "url": url, "events": ["chaos.*"] }).to_string();
    publish(server.port, "/api/v1/webhooks", &caller.key, caller.workspace_id, &hook)?;

    let acknowledged: Mutex<HashSet<String>> = Mutex::default();
    let (turns, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let began = Instant::now();
    std::thread::scope(|scope| -> Result<()> {
        for _ in 0..PUBLISHERS {
            scope.spawn(|| {
                while turns.fetch_add(1, Ordering::Relaxed) < events {
                    let body = json!({ "type": "chaos.event", "data": { "title": "A post" } }).to_string();
                    // An event that is not acknowledged is published again, as a client would.
                    let id = loop {
                        match publish(server.port, "/api/v1/events", &caller.key, caller.workspace_id, &body) {
                            Ok(id) => break id,
                            Err(_) => refused.fetch_add(1, Ordering::Relaxed),
                        };
                        std::thread::sleep(Duration::from_millis(10));
                    };
                    acknowledged.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
                }
            });
        }
        for kill in 0..kills {
            // Spread over the run, at moments that depend on nothing.
            let due = events * kill / kills;
            poll_until(LIMIT, || turns.load(Ordering::Relaxed) >= due);
            std::thread::sleep(Duration::from_millis(random() % 100));
            if kill == kills / 3 || kill == kills * 2 / 3 {
                postgres.restart()?;
            }
            let victim = kill % 2;
            let setup = if victim == 0 { &server } else { &worker };
            replace(&mut running[victim], setup)?;
        }
        Ok(())
    })?;
    let published_in = began.elapsed();
    let acknowledged = acknowledged.into_inner().unwrap_or_else(PoisonError::into_inner);
    // What was stored but not acknowledged arrives as well, so a count would not tell.
    poll_until(LIMIT, || receiver.has_all(&acknowledged));
    let arrived = receiver.take();
    let missing = acknowledged.iter().filter(|id| !arrived.times.contains_key(*id)).count();
    let again: u32 = arrived.times.values().map(|times| times - 1).sum();
    let figures = json!({
        "acknowledged": acknowledged.len(),
        "not_acknowledged_and_published_again": refused.into_inner(),
        "kills": kills,
        "database_restarts": 2,
        "published_in_s": published_in.as_secs_f64(),
        "received": arrived.times.len(),
        "received_more_than_once": again,
        "lost": missing,
    });
    println!("{}", serde_json::to_string_pretty(&figures)?);
    let [server, worker] = running;
    server.stop()?;
    worker.stop()?;
    ensure!(missing == 0, "{missing} acknowledged events were lost");
    Ok(())
}

fn setup(program: &Path, folder: &Path, postgres: &Postgres) -> Result<Setup> {
    Ok(Setup::on(program, folder, postgres.url())?
        .with("CORE_API_WEBHOOK_ALLOW_NETS", "127.0.0.1")
        .with("CORE_API_WEBHOOK_ALLOW_HTTP", "true")
        .with("CORE_API_WEBHOOK_TIMEOUT", TIMEOUT))
}

/// Kills a process and starts another in its place.
fn replace(running: &mut Server, setup: &Setup) -> Result<()> {
    running.kill();
    *running = setup.start("error")?;
    Ok(())
}

/// Posts once and reads the id of what was made.
fn publish(port: u16, path: &str, key: &str, workspace: i64, body: &str) -> Result<String> {
    let answer: Value = serde_json::from_str(&load::once(port, &load::post(path, key, workspace, body))?)?;
    Ok(answer["data"]["id"].to_string().trim_matches('"').to_owned())
}

fn random() -> u64 {
    RandomState::new().hash_one(())
}
