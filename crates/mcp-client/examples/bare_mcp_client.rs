//! The baseline of `cargo xtask bench mcp`: the SDK's own client calls a server's tool `echo`, one call after another.
//!
//! Arguments: seconds, then the server's command. Prints the rate and latencies as JSON.

use std::error::Error;
use std::time::{Duration, Instant};

use rmcp::ServiceExt as _;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::TokioChildProcess;
use serde_json::json;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are its answer")]
#[expect(clippy::disallowed_methods, reason = "measures time")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let span = Duration::from_secs(words.next().ok_or("no seconds")?.parse()?);
    let mut command = tokio::process::Command::new(words.next().ok_or("no command")?);
    command.args(words);
    let client = ().serve(TokioChildProcess::new(command)?).await?;
    let arguments = json!({ "message": "hello" }).as_object().cloned().unwrap_or_default();
    let mut latencies = Vec::with_capacity(100_000);
    let end = Instant::now() + span;
    loop {
        let asked = Instant::now();
        if asked >= end {
            break;
        }
        client.call_tool(CallToolRequestParams::new("echo").with_arguments(arguments.clone())).await?;
        latencies.push(asked.elapsed());
    }
    client.cancel().await?;
    latencies.sort_unstable();
    let at = |share: usize| latencies[(latencies.len() - 1) * share / 100].as_secs_f64() * 1_000.0;
    let per_second = f64::from(u32::try_from(latencies.len())?) / span.as_secs_f64();
    println!("{}", json!({ "per_second": per_second, "p50_ms": at(50), "p99_ms": at(99) }));
    Ok(())
}
