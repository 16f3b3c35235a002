//! `cargo xtask conformance`: the public conformance tests of the Model Context Protocol against `/mcp`.

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::process::{root, run as run_program};
use crate::proxy::Proxy;
use crate::server::Setup;
use crate::{binary, tools};

/// Run the protocol's own conformance tests against the server's endpoint for assistants.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// The revisions that the server speaks and the tests have requirements for.
const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// Fails when a check fails that is not in `conformance/<revision>.yml`, and when one of those passes.
///
/// Why each is there is in `docs/mcp-conformance.md`.
pub(crate) fn run(_: &Args) -> Result<()> {
    let program = binary::build()?;
    let folder = TempDir::new().context("cannot make a temporary folder")?;
    let setup = Setup::on_sqlite(&program, folder.path())?;
    let caller = setup.bootstrap()?;
    let server = setup.start("warn,rmcp=error")?;
    // The tests know nothing of credentials.
    let proxy = Proxy::start(setup.port, &format!("Authorization: Bearer {}", caller.key))?;
    let url = format!("http://{}/mcp", proxy.address());
    let outcome = REVISIONS.iter().try_for_each(|revision| {
        let expected = root().join("crates/xtask/conformance").join(format!("{revision}.yml"));
        let mut tests = tools::mcp_conformance()?;
        tests.args(["server", "--url", &url, "--requirements", revision, "--expected-failures"]).arg(expected);
        run_program(tests.current_dir(folder.path())).with_context(|| format!("revision {revision}"))
    });
    server.stop()?;
    outcome
}
