//! Tool calls through the gateway: what it adds to one, many at once, and a healthy server beside a hostile one.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::servers::{Durability, Postgres, poll_until};
use tokio::net::TcpStream;

use super::load::{self, Figures};
use super::outage::beside;
use super::{CONNECTIONS, in_turns};
use crate::binary::{optimised, program};
use crate::process::{output, root};
use crate::server::{Setup, answers_200};
use crate::tools;

const AT_ONCE: usize = 2_000;
const LIMIT: Duration = Duration::from_mins(1);
/// What the hostile server is asked for, one after another: none of it ends well.
const HOSTILITIES: [(&str, &str); 8] = [
    ("hang", "{}"),
    ("big", r#"{"bytes":100000000}"#),
    ("flood", "{}"),
    ("noise", r#"{"lines":100000}"#),
    ("garbage", "{}"),
    ("exit", "{}"),
    ("fork", "{}"),
    ("deep", "{}"),
];

pub(crate) fn run(span: Duration, rounds: usize) -> Result<Value> {
    let folder = TempDir::new().context("cannot make a temporary folder")?;
    let postgres = Postgres::start(Durability::Real)?;
    let modules = tools::mcp_servers()?.node_modules;
    let everything = modules.join("@modelcontextprotocol/server-everything/dist/index.js");
    let hostile = root().join("crates/mcp-client/tests/hostile.py");
    let config = folder.path().join("mcp.json");
    let servers = json!({ "mcpServers": {
        "everything": { "command": "node", "args": [everything] },
        "hostile": { "command": "python3", "args": [hostile], "timeout_seconds": 1 },
    } });
    fs::write(&config, servers.to_string()).context("the servers' file can't be written")?;
    let config = config.display().to_string();
    let direct = || direct(&everything.display().to_string(), span);
    let on = |setup: Setup| -> Result<Value> {
        let setup = setup.with("CORE_API_MCP_CONFIG", &config);
        let caller = setup.bootstrap()?;
        let keys = setup.keys_in(caller.workspace_id, CONNECTIONS)?;
        let server = setup.start("error")?;
        let path = "/api/v1/mcp/servers/everything/tools";
        let is_ready = || answers_200(setup.port, path, Some(&keys[0])).unwrap_or(false);
        ensure!(poll_until(LIMIT, is_ready), "the MCP server did not start");
        let calls = Calls { port: setup.port, keys: &keys, workspace: caller.workspace_id, made: Cell::new(0) };
        let figures = calls.measured(&direct, span, rounds)?;
        server.stop()?;
        Ok(figures)
    };
    Ok(json!({
        "on_sqlite": on(Setup::on_sqlite(&program(), folder.path())?)?,
        "on_postgres": on(Setup::on(&program(), folder.path(), postgres.url())?)?,
    }))
}

/// The SDK's own client on the same server, without the gateway.
fn direct(server: &str, span: Duration) -> Result<Figures> {
    let mut command = Command::new(optimised("examples/bare_mcp_client"));
    command.arg(span.as_secs().to_string()).args(["node", server]);
    serde_json::from_str(&output(&mut command)?).context("the bare client printed something else")
}

struct Calls<'a> {
    port: u16,
    keys: &'a [String],
    workspace: i64,
    made: Cell<usize>,
}

impl Calls<'_> {
    fn measured(&self, direct: &dyn Fn() -> Result<Figures>, span: Duration, rounds: usize) -> Result<Value> {
        let pairs = in_turns(direct, || self.echoes(1, span), rounds)?;
        let mut added: Vec<f64> = pairs.iter().map(|(direct, through)| through.p50_ms - direct.p50_ms).collect();
        added.sort_by(f64::total_cmp);
        let (baselines, subjects): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        // Each connection waits for its answer, and every answer must be a success.
        let at_once = self.echoes(AT_ONCE, span)?;
        let alone = self.echoes(1, span)?;
        let (beside_it, answers) = self.beside_the_hostile(span)?;
        Ok(json!({
            "p50_added_ms": added[added.len() / 2],
            "bare_client": baselines,
            "gateway": subjects,
            format!("{AT_ONCE}_at_once"): at_once,
            "isolation": {
                "alone": alone,
                "beside_a_hostile_server": beside_it,
                "p99_ratio": beside_it.p99_ms / alone.p99_ms,
                "the_hostile_one's_answers": answers,
            },
        }))
    }

    fn echoes(&self, connections: usize, span: Duration) -> Result<Figures> {
        let request =
            |_, _| self.request(self.made.replace(self.made.get() + 1), "everything", "echo", r#"{"message":"hello"}"#);
        load::run(self.port, &request, connections, span)
    }

    /// Echoes of the healthy server while the hostile one is called all the time, and the latter's answers by status.
    fn beside_the_hostile(&self, span: Duration) -> Result<(Figures, BTreeMap<String, usize>)> {
        let (port, keys, workspace) = (self.port, self.keys, self.workspace);
        let healthy = || Calls { port, keys, workspace, made: Cell::new(0) }.echoes(1, span);
        let (figures, answers) = beside(healthy, || self.provoke(span))?;
        Ok((figures, answers?))
    }

    #[expect(clippy::disallowed_methods, reason = "measures time")]
    fn provoke(&self, span: Duration) -> Result<BTreeMap<String, usize>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let end = Instant::now() + span;
            let mut answers = BTreeMap::new();
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            let mut buffer = vec![0; 64 * 1024];
            for (number, (tool, arguments)) in HOSTILITIES.iter().cycle().enumerate() {
                if Instant::now() >= end {
                    break;
                }
                let request = self.request(number, "hostile", tool, arguments);
                let answer = load::exchange(&mut stream, &request, &mut buffer).await?;
                *answers.entry(format!("{tool} {}", answer.status())).or_default() += 1;
            }
            Ok(answers)
        })
    }

    fn request(&self, number: usize, server: &str, tool: &str, arguments: &str) -> String {
        let key = &self.keys[number % self.keys.len()];
        let body = format!(r#"{{"server":"{server}","tool":"{tool}","arguments":{arguments}}}"#);
        load::post("/api/v1/mcp/tools/call", key, self.workspace, &body)
    }
}
