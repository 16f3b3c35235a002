//! The baseline of `cargo xtask bench`: the query behind `GET /workspaces/{id}`, through the same pool, without HTTP.
//!
//! Arguments: database URL, account id, workspace id, concurrency, seconds. Prints the rate and latencies as JSON.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use core_domain::{AccountId, WorkspaceId};
use serde_json::json;
use store_postgres::{PgOptions, PgStore};
use store_sqlite::{SqliteOptions, SqliteStore};
use workspaces::WorkspaceReader;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are its answer")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, account, workspace, concurrency, seconds] = arguments.as_slice() else {
        anyhow::bail!("five arguments are needed");
    };
    let reader: Arc<dyn WorkspaceReader> = match url.strip_prefix("sqlite:") {
        Some(path) => Arc::new(SqliteStore::open(path, SqliteOptions::default()).await?),
        None => Arc::new(PgStore::connect(url, PgOptions::default()).await?),
    };
    let account = AccountId::try_from(account.parse::<i64>()?)?;
    let workspace = WorkspaceId::try_from(workspace.parse::<i64>()?)?;
    let span = Duration::from_secs(seconds.parse()?);
    let tasks: Vec<_> =
        (0..concurrency.parse()?).map(|_| tokio::spawn(ask(Arc::clone(&reader), account, workspace, span))).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.append(&mut task.await??);
    }
    latencies.sort_unstable();
    let at = |share: usize| latencies[(latencies.len() - 1) * share / 100].as_secs_f64() * 1_000.0;
    let per_second = f64::from(u32::try_from(latencies.len())?) / span.as_secs_f64();
    println!("{}", json!({ "per_second": per_second, "p50_ms": at(50), "p99_ms": at(99) }));
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "measures time")]
async fn ask(
    reader: Arc<dyn WorkspaceReader>,
    account: AccountId,
    workspace: WorkspaceId,
    span: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(100_000);
    let end = Instant::now() + span;
    loop {
        let asked = Instant::now();
        if asked >= end {
            return Ok(latencies);
        }
        reader.find_workspace_of(account, workspace).await?.context("no such workspace")?;
        latencies.push(asked.elapsed());
    }
}
