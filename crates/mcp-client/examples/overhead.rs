//! What the gateway adds to a call, beside the SDK's own client on the same kind of server:
//! `cargo run --release -p mcp-client --example overhead -- COMMAND ARGS...`
//!
//! The server must have a tool `echo`. Calls of the two take turns, so that a busy machine slows both.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use core_domain::Clock as _;
use futures_util::future::join_all;
use mcp::{Instance, JsonObject, QuarantineAlarm, Quarantined, Registry, ToolServers as _};
use mcp_client::{Gateway, Options};
use rmcp::ServiceExt as _;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::TokioChildProcess;
use serde_json::json;
use system::{OsEntropy, SystemClock};

const CALLS: usize = 5_000;
const AT_ONCE: usize = 2_000;
const TIMEOUT: Duration = Duration::from_secs(30);

struct Silent;

impl QuarantineAlarm for Silent {
    fn raise(&self, _: &Instance, _: &[Quarantined]) {}
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let command = words.next().ok_or("no command")?;
    let args: Vec<String> = words.collect();

    let mut direct_command = tokio::process::Command::new(&command);
    direct_command.args(&args);
    let direct = ().serve(TokioChildProcess::new(direct_command)?).await?;

    let servers = json!({ "mcpServers": { "s": { "command": command, "args": args } } });
    let registry = Registry::parse(&servers.to_string(), &|_| None)?;
    let options = Options { path: std::env::var_os("PATH").ok_or("no PATH")?, ..Options::default() };
    let clock = Arc::new(SystemClock::new());
    let gateway = Gateway::start(registry, options, clock.clone(), Arc::new(OsEntropy::default()), Arc::new(Silent))?;
    let at = Instance { server: "s".try_into()?, tenant: None };
    // Either kind of echo finds its argument.
    let arguments: JsonObject =
        [("message".to_owned(), json!("hello")), ("text".to_owned(), json!("hello"))].into_iter().collect();

    let (mut through, mut beside) = (Vec::with_capacity(CALLS), Vec::with_capacity(CALLS));
    for _ in 0..CALLS {
        let began = clock.monotonic();
        gateway.call(&at, "echo", &arguments, TIMEOUT).await?;
        through.push(clock.monotonic().saturating_sub(began));
        let began = clock.monotonic();
        direct.call_tool(CallToolRequestParams::new("echo").with_arguments(arguments.clone())).await?;
        beside.push(clock.monotonic().saturating_sub(began));
    }
    let (through, beside) = (Percentiles::of(through), Percentiles::of(beside));
    eprintln!("through the gateway: {through:?}");
    eprintln!("the SDK's client:    {beside:?}");
    eprintln!("added at the median: {:?}", through.median.saturating_sub(beside.median));

    let began = clock.monotonic();
    let calls = (0..AT_ONCE).map(|_| gateway.call(&at, "echo", &arguments, TIMEOUT));
    let answered = join_all(calls).await.iter().filter(|answer| answer.is_ok()).count();
    eprintln!("{answered} of {AT_ONCE} calls at once answered in {:?}", clock.monotonic().saturating_sub(began));
    gateway.shutdown().await;
    direct.cancel().await?;
    Ok(())
}

#[derive(Debug)]
#[expect(dead_code, reason = "printed")]
struct Percentiles {
    median: Duration,
    p99: Duration,
}

impl Percentiles {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
        Self { median: at(50), p99: at(99) }
    }
}
