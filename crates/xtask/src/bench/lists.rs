//! What page 1 of a workspace's keys costs, with few rows and with very many.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use testkit::servers::Postgres;

use super::load::{self, Figures};
use crate::process::run as run_program;
use crate::server::{Bootstrapped, Setup};

const SPAN: Duration = Duration::from_secs(2);

/// One connection, so that the latency is the page's own.
pub(crate) fn run(setup: &Setup, caller: &Bootstrapped, postgres: &Postgres, rows: u64) -> Result<Value> {
    let mut figures = Vec::new();
    let mut have = 0;
    for wanted in [100, rows] {
        fill(postgres, caller, have, wanted)?;
        have = wanted;
        figures.push((wanted, pages(setup, caller)?));
    }
    let described: Vec<Value> = figures.iter().map(|(rows, pages)| json!({ "rows": rows, "page_1": pages })).collect();
    let growth: Vec<Value> = SORTS
        .iter()
        .enumerate()
        .map(|(index, sort)| json!({ "sort": sort, "p50_ratio": figures[1].1[index].p50_ms / figures[0].1[index].p50_ms }))
        .collect();
    Ok(json!({ "measured": described, "growth": growth }))
}

const SORTS: [&str; 5] = ["-created_at", "id", "name", "-last_used_at", "expires_at"];

fn pages(setup: &Setup, caller: &Bootstrapped) -> Result<Vec<Figures>> {
    let server = setup.start("warn")?;
    let keys = [caller.key.clone()];
    let measured = SORTS.iter().map(|sort| {
        let path = format!("/api/v1/api-keys?sort={sort}");
        load::run(setup.port, &load::get(&path, &keys), 1, SPAN)
    });
    let measured = measured.collect::<Result<Vec<_>>>()?;
    server.stop()?;
    Ok(measured)
}

/// Adds the keys numbered `from + 1` to `to` to the caller's own workspace.
fn fill(postgres: &Postgres, caller: &Bootstrapped, from: u64, to: u64) -> Result<()> {
    let sql = format!(
        "INSERT INTO api_keys (id, lineage_id, account_id, workspace_id, name, prefix, digest, pepper_version, \
         environment, scopes, search_text, last_used_at, created_at, updated_at) \
         SELECT 1000000 + n, 1000000 + n, {account}, {workspace}, 'Key ' || n, 'sk_live_abc', \
         sha256(n::text::bytea), 1, 'live', 'read', 'key ' || n || E'\\nsk_live_abc', \
         CASE WHEN n % 3 > 0 THEN now() - n * interval '1 second' END, now() - n * interval '1 minute', now() \
         FROM generate_series({first}, {to}) n; \
         UPDATE workspaces SET key_count = key_count + {count} WHERE id = {workspace}; \
         VACUUM ANALYZE api_keys;",
        account = caller.account_id,
        workspace = caller.workspace_id,
        first = from + 1,
        count = to - from,
    );
    let mut psql = Command::new("psql");
    psql.args(["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", &postgres.url()]);
    for statement in sql.split(';').filter(|statement| !statement.trim().is_empty()) {
        psql.args(["--command", statement]);
    }
    run_program(&mut psql)
}
