//! `cargo xtask test`: every test, against real servers.

use std::process::{Command, ExitCode, ExitStatus, Stdio};

use anyhow::Result;
use testkit::servers::{Durability, Postgres, Redis, ensure_installed};

use crate::process::{cargo, status};
use crate::{binary, tools};

/// Run every test, with a PostgreSQL and a Redis made for this run and removed after it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Passed on to the test runner; with any, documentation tests are left out.
    #[arg(last = true)]
    runner: Vec<String>,
}

/// The exit code is the test runner's own.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let status = run_tests(&args.runner)?;
    // Without a code the runner was ended by a signal.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Runs the documentation tests, then all others, whose closing line so comes last.
///
/// The second run is left out when the first fails.
pub(crate) fn run_tests(runner_args: &[String]) -> Result<ExitStatus> {
    ensure_installed()?;
    // The acceptance tests start this file; cargo does not build it for a package of tests.
    binary::build()?;
    if runner_args.is_empty() {
        let doc = status(&mut cargo(["test", "--doc", "--workspace"]))?;
        if !doc.success() {
            return Ok(doc);
        }
    }

    let mcp = tools::mcp_servers()?;
    let postgres = Postgres::start(Durability::Fast)?;
    let redis = Redis::start()?;
    status(
        runner(runner_args)
            .args(runner_args)
            .env("CORE_API_TEST_POSTGRES_URL", postgres.url())
            .env("CORE_API_TEST_REDIS_URL", redis.url())
            .env("CORE_API_TEST_MCP_NODE_MODULES", mcp.node_modules)
            .env("CORE_API_TEST_MCP_PYTHON", mcp.python),
    )
}

/// The runner, for every package unless its arguments name some.
fn runner(args: &[String]) -> Command {
    let names_packages = args.iter().any(|arg| arg.starts_with("-p") || arg.starts_with("--package"));
    let mut runner = bare_runner();
    if !names_packages {
        runner.arg("--workspace");
    }
    runner
}

fn bare_runner() -> Command {
    let has_nextest = cargo(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if has_nextest {
        cargo(["nextest", "run"])
    } else {
        // Everything but the documentation tests, which have run.
        cargo(["test", "--all-targets"])
    }
}
