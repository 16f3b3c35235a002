//! `cargo xtask bench`: how fast it is, as ratios to baselines measured in the same run.
//!
//! Server, database and load generator share the machine, so absolute figures say little; a ratio of two that were
//! measured in turns says what the API adds.

mod entitlements;
mod limiter;
mod lists;
pub(crate) mod load;
mod mcp;
mod outage;
mod pixel;
mod retries;
mod seo;
mod startup;
mod webhooks;

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::servers::{Durability, Postgres, Redis, ensure_installed, free_port, poll_until};

use crate::binary::{build_optimised, optimised, program};
use crate::process::{cargo, output, run as run_program};
use crate::server::{Bootstrapped, Setup, answers_200};
use load::Figures;

/// Measure throughput, latency, start-up and memory; prints JSON.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How long each single measurement takes, in seconds.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How many rows the large list has.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Of how many of the pixel's events the large stats are.
    #[arg(long, default_value_t = 10_000_000)]
    events: u64,
    /// How often baseline and subject are measured in turns; the ratio is the median.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only these measurements, by their names in the output.
    only: Vec<String>,
}

const CONNECTIONS: usize = 64;

/// Prints one JSON object.
#[expect(clippy::print_stdout, reason = "the figures are what this task is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    if cfg!(debug_assertions) {
        // A slow load generator would take the machine from the server and flatter every ratio.
        let mut optimised = cargo(["run", "--release", "--package=xtask", "--quiet", "--", "bench"]);
        optimised.args(std::env::args_os().skip(2));
        return run_program(&mut optimised);
    }
    ensure_installed()?;
    build_optimised()?;
    let (span, rounds) = (Duration::from_secs(args.seconds), args.rounds);
    let folder = TempDir::new().context("cannot make a temporary folder")?;
    let postgres = Postgres::start(Durability::Real)?;
    let redis = Redis::start()?;

    let on_sqlite = Setup::on_sqlite(&program(), folder.path())?;
    let sqlite_caller = on_sqlite.bootstrap()?;
    let sqlite_keys = on_sqlite.keys(CONNECTIONS)?;
    let on_postgres = Setup::on(&program(), folder.path(), postgres.url())?;
    let postgres_caller = on_postgres.bootstrap()?;
    let postgres_keys = on_postgres.keys(CONNECTIONS)?;
    let on_redis = on_sqlite.clone().with("REDIS_URL", &redis.url());

    let measurements: [(&str, &dyn Fn() -> Result<Value>); 16] = [
        ("start_to_first_answer_ms", &|| startup::first_answer(&on_sqlite, 15)),
        ("me", &|| me(&on_sqlite, &sqlite_keys, span, rounds)),
        ("workspace_on_sqlite", &|| workspace(&on_sqlite, &sqlite_caller, &sqlite_keys, span, rounds)),
        ("workspace_on_postgres", &|| workspace(&on_postgres, &postgres_caller, &postgres_keys, span, rounds)),
        ("local_limiter", &|| limiter::run(&on_sqlite, &sqlite_keys, span, rounds)),
        ("redis_limiter", &|| limiter::run(&on_redis, &sqlite_keys, span, rounds)),
        ("redis_outage", &|| outage::run(&on_sqlite, &sqlite_keys, span)),
        ("list_of_keys", &|| lists::run(&on_postgres, &postgres_caller, &postgres, args.rows)),
        ("idempotent_post_on_sqlite", &|| retries::run(&on_sqlite, &sqlite_keys, span, rounds)),
        ("idempotent_post_on_postgres", &|| retries::run(&on_postgres, &postgres_keys, span, rounds)),
        ("webhooks", &|| webhooks::run(&program(), folder.path(), span)),
        ("entitlements", &|| entitlements::run(span, rounds)),
        ("pixel", &|| pixel::run(args.events, span, rounds)),
        ("mcp", &|| mcp::run(span, rounds)),
        ("seo_on_sqlite", &|| seo::run(&on_sqlite)),
        ("seo_on_postgres", &|| seo::run(&on_postgres)),
    ];
    let mut figures = json!({ "connections": CONNECTIONS, "rounds": rounds, "seconds_per_measurement": args.seconds });
    for (name, measure) in measurements {
        if args.only.is_empty() || args.only.iter().any(|only| only == name) {
            figures[name] = measure()?;
        }
    }
    println!("{}", serde_json::to_string_pretty(&figures)?);
    Ok(())
}

/// `GET /me` against a bare handler that answers JSON of the same size.
fn me(setup: &Setup, keys: &[String], span: Duration, rounds: usize) -> Result<Value> {
    let server = setup.start("info")?;
    let idle_kib = server.resident_kib()?;
    let bare = Example::start("bare_handler", "/me", &[])?;
    let pairs = in_turns(
        || load::run(bare.port, &load::get("/me", keys), CONNECTIONS, span),
        || load::run(setup.port, &load::get("/api/v1/me", keys), CONNECTIONS, span),
        rounds,
    )?;
    let loaded_kib = server.resident_kib()?;
    server.stop()?;
    let mut value = compared("bare_handler", &pairs);
    value["memory_mib"] = json!({ "idle": mib(idle_kib)?, "under_load": mib(loaded_kib)? });
    Ok(value)
}

/// `GET /workspaces/{id}` against the same query through the same pool without HTTP.
fn workspace(setup: &Setup, caller: &Bootstrapped, keys: &[String], span: Duration, rounds: usize) -> Result<Value> {
    let server = setup.start("info")?;
    let path = format!("/api/v1/workspaces/{}", caller.workspace_id);
    let pairs = in_turns(
        || bare_query(setup, caller, span),
        || load::run(setup.port, &load::get(&path, keys), CONNECTIONS, span),
        rounds,
    )?;
    server.stop()?;
    Ok(compared("bare_query", &pairs))
}

fn bare_query(setup: &Setup, caller: &Bootstrapped, span: Duration) -> Result<Figures> {
    let mut command = Command::new(optimised("examples/bare_query"));
    command
        .arg(setup.database())
        .args([caller.account_id.to_string(), caller.workspace_id.to_string()])
        .args([CONNECTIONS.to_string(), span.as_secs().to_string()]);
    serde_json::from_str(&output(&mut command)?).context("the bare query printed something else")
}

type Pairs = Vec<(Figures, Figures)>;

/// Both measurements in turns, so that a drift of the machine meets both.
fn in_turns(
    baseline: impl Fn() -> Result<Figures>,
    subject: impl Fn() -> Result<Figures>,
    rounds: usize,
) -> Result<Pairs> {
    baseline()?;
    subject()?;
    (0..rounds).map(|_| Ok((baseline()?, subject()?))).collect()
}

fn compared(baseline: &str, pairs: &Pairs) -> Value {
    let mut ratios: Vec<f64> =
        pairs.iter().map(|(baseline, subject)| subject.per_second / baseline.per_second).collect();
    ratios.sort_by(f64::total_cmp);
    let (baselines, subjects): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    json!({ "ratio": ratios[ratios.len() / 2], "ratios": ratios, baseline: baselines, "api": subjects })
}

fn mib(kib: u64) -> Result<f64> {
    Ok((f64::from(u32::try_from(kib)?) / 102.4).round() / 10.0)
}

/// A server that is an example of the server's own package.
struct Example {
    child: std::process::Child,
    port: u16,
}

impl Example {
    /// Starts it with these arguments and its port as the last, and waits until it answers `path`.
    fn start(name: &str, path: &str, arguments: &[&str]) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(optimised("examples").join(name));
        let child = command.args(arguments).arg(port.to_string()).stderr(Stdio::null()).spawn()?;
        let example = Self { child, port };
        let up = poll_until(Duration::from_secs(10), || answers_200(port, path, None).unwrap_or(false));
        ensure!(up, "the example {name} did not start");
        Ok(example)
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // Both fail only for a child that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
