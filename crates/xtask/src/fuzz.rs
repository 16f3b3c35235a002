//! `cargo xtask fuzz`: property-based requests against the running server, made from its own
//! OpenAPI document.

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::process::{root, run as run_program};
use crate::server::{Setup, answers_200};
use crate::{binary, tools};

/// Fuzz the server over HTTP with schemathesis.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Fails on a finding, and when the server does not end well.
///
/// Runs on a fresh SQLite file, in a folder of its own that is removed afterwards. How hard it
/// tries, and what it checks, is in `fuzz/schemathesis.toml`.
pub(crate) fn run(_: &Args) -> Result<()> {
    let mut schemathesis = tools::schemathesis()?;
    let program = binary::build()?;
    let folder = TempDir::new().context("cannot make a temporary folder")?;
    let setup = Setup::on_sqlite(&program, folder.path())?;
    let port = setup.port;

    let caller = setup.bootstrap()?;
    let server = setup.start("warn")?;
    let address = format!("http://127.0.0.1:{port}");
    let here = root().join("crates/xtask/fuzz");
    let found = run_program(
        schemathesis
            // It keeps caches where it runs.
            .current_dir(folder.path())
            .arg("--config-file")
            .arg(here.join("schemathesis.toml"))
            .arg("run")
            .arg(format!("{address}/openapi.json"))
            .args(["--origin", &address])
            .arg(format!("--header=Authorization: Bearer {}", caller.key))
            .env("SCHEMATHESIS_HOOKS", here.join("hooks.py"))
            .env("FUZZ_WORKSPACE", caller.workspace_id.to_string())
            .env("FUZZ_KEY_ID", setup.first_key_id()?.to_string()),
    );
    let key_works = answers_200(port, "/api/v1/me", Some(&caller.key));
    server.stop()?;
    found?;
    ensure!(
        key_works.context("the server no longer answers")?,
        "the run destroyed its own key, so its later requests tested nothing"
    );
    Ok(())
}
