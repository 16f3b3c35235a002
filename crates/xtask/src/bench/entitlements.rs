//! Checks, usage on one hot counter, and summaries, on PostgreSQL.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::servers::{Durability, Postgres};

use super::load::{self, Figures};
use super::{CONNECTIONS, Example, compared, in_turns};
use crate::binary::program;
use crate::process::output;
use crate::server::Setup;

const FEATURES: usize = 50;

pub(crate) fn run(span: Duration, rounds: usize) -> Result<Value> {
    let folder = TempDir::new().context("cannot make a temporary folder")?;
    let postgres = Postgres::start(Durability::Real)?;
    let setup = Setup::on(&program(), folder.path(), postgres.url())?;
    let caller = setup.bootstrap()?;
    let keys = setup.keys_in(caller.workspace_id, CONNECTIONS)?;
    let usage = Usage {
        setup: &setup,
        keys: &keys,
        folder: folder.path(),
        workspace: caller.workspace_id,
        span,
        header: "Idempotency-Key: bench-{number}\r\n",
    };
    Ok(json!({
        "check": check(&setup, &keys, span, rounds)?,
        "usage_on_one_counter": Usage { header: "", ..usage }.run(rounds)?,
        "usage_under_idempotency_keys": usage.run(rounds)?,
        "summary_of_50_features": summary(&setup, &keys, folder.path(), span)?,
    }))
}

/// `GET /entitlements/check` against a bare handler that answers the same.
fn check(setup: &Setup, keys: &[String], span: Duration, rounds: usize) -> Result<Value> {
    let server = setup.start("info")?;
    let bare = Example::start("bare_handler", "/me", &[])?;
    let pairs = in_turns(
        || load::run(bare.port, &load::get("/check", keys), CONNECTIONS, span),
        || load::run(setup.port, &load::get("/api/v1/entitlements/check?feature=posts", keys), CONNECTIONS, span),
        rounds,
    )?;
    server.stop()?;
    Ok(compared("bare_handler", &pairs))
}

/// `POST /entitlements/usage` on one counter against what the database alone reaches with as many clients, each of
/// which updates the row and inserts a record.
struct Usage<'a> {
    setup: &'a Setup,
    keys: &'a [String],
    folder: &'a Path,
    workspace: i64,
    span: Duration,
    /// One more header, with `{number}` for the request's number.
    header: &'a str,
}

impl Usage<'_> {
    fn run(&self, rounds: usize) -> Result<Value> {
        let Self { setup, keys, folder, workspace, span, header } = *self;
        let server = setup.start("info")?;
        let script = folder.join("usage.sql");
        fs::write(&script, row_by_row(workspace)).context("the script can't be written")?;
        let made = AtomicUsize::new(0);
        let post = |connection: usize, _| {
            let key = &keys[connection % keys.len()];
            let body = r#"{"feature":"api_calls","quantity":1}"#;
            let number = made.fetch_add(1, Ordering::Relaxed).to_string();
            format!(
                "POST /api/v1/entitlements/usage HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n{}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                header.replace("{number}", &number),
                body.len()
            )
        };
        let pairs = in_turns(
            || pgbench(setup.database(), &script, span),
            || load::run(setup.port, &post, CONNECTIONS, span),
            rounds,
        )?;
        server.stop()?;
        Ok(compared("row_by_row", &pairs))
    }
}

/// The same tables and indexes, on a counter of its own.
fn row_by_row(workspace: i64) -> String {
    let counter = format!(
        "workspace_id = {workspace} AND environment = 'live' AND feature = 'bench' AND period_start = '0001-01-01'"
    );
    format!(
        "BEGIN;\n\
         UPDATE entitlement_counters SET used = used + 1, records = records + 1 WHERE {counter} AND used < 1000000000 \
         RETURNING used;\n\
         INSERT INTO entitlement_usage (workspace_id, environment, feature, quantity, balance, created_at) \
         VALUES ({workspace}, 'live', 'bench', 1, 1, now());\n\
         END;\n"
    )
}

fn pgbench(url: &str, script: &Path, span: Duration) -> Result<Figures> {
    let clients = CONNECTIONS.to_string();
    let insert = "INSERT INTO entitlement_counters VALUES \
        ((SELECT min(id) FROM workspaces), 'live', 'bench', '0001-01-01', 0, 0, 0) ON CONFLICT DO NOTHING";
    output(Command::new("psql").args(["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", url, "--command", insert]))?;
    let mut command = Command::new("pgbench");
    command
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2", "--client", &clients])
        .arg(format!("--time={}", span.as_secs().max(1)))
        .arg("--file")
        .args([script.as_os_str(), url.as_ref()]);
    let printed = output(&mut command)?;
    let figure = |name: &str| {
        let line = printed.lines().find_map(|line| line.trim().strip_prefix(name));
        let number = line.and_then(|rest| rest.trim_start_matches([' ', '=']).split(' ').next()?.parse::<f64>().ok());
        number.with_context(|| format!("pgbench printed no {name}:\n{printed}"))
    };
    let average = figure("latency average")?;
    Ok(Figures { per_second: figure("tps")?, p50_ms: average, p99_ms: average })
}

/// `GET /entitlements/summary` of many features: one query each, as a property of the stores says.
fn summary(setup: &Setup, keys: &[String], folder: &Path, span: Duration) -> Result<Value> {
    let catalogue = folder.join("catalogue.toml");
    fs::write(&catalogue, catalogue_of(FEATURES)?).context("the catalogue can't be written")?;
    let setup = setup.clone().with("CORE_API_CATALOG", &catalogue.display().to_string());
    let requests = load::get("/api/v1/entitlements/summary", keys);
    let server = setup.start("info")?;
    let figures = load::run(setup.port, &requests, CONNECTIONS, span)?;
    let alone = load::run(setup.port, &requests, 1, span)?;
    server.stop()?;
    Ok(json!({ "features": FEATURES, "api": figures, "one_connection": alone }))
}

fn catalogue_of(features: usize) -> Result<String> {
    let mut text = "[tiers]\n".to_owned();
    for tier in ["free", "starter", "pro", "business", "agency", "enterprise"] {
        writeln!(text, "{tier} = {{ rate_limit = 1000000 }}")?;
    }
    for number in 0..features {
        write!(
            text,
            "[[features]]\nkey = \"feature_{number}\"\nlabel = \"Feature\"\nkind = \"metered\"\nreset = \"monthly\"\n\
             limits = {{ free = 1, starter = 1, pro = 1, business = 1, agency = 1, enterprise = 1000 }}\n"
        )?;
    }
    Ok(text)
}
