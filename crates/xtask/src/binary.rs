//! Building the server and finding the files that came of it.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::process::{cargo, output, root, run};

/// The line that cargo writes for each artefact, as far as it matters here.
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Builds `core-api` for debugging and returns the executable's path, wherever cargo put it.
pub(crate) fn build() -> Result<PathBuf> {
    let messages = output(&mut cargo(["build", "--package=core-api", "--message-format=json-render-diagnostics"]))?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| matches!(&message.target, Some(target) if target.name == "core-api"))
        .find_map(|message| message.executable)
        .context("cargo built no executable named core-api")
}

/// Builds `core-api` for speed, with what it is measured against. Always as one: what is built apart is built anew.
pub(crate) fn build_optimised() -> Result<()> {
    run(&mut cargo([
        "build",
        "--release",
        "--package=core-api",
        "--package=mcp-client",
        "--package=webhook-sender",
        "--bins",
        "--examples",
    ]))
}

/// A file that [`build_optimised`] makes, in the folder of builds for speed.
pub(crate) fn optimised(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("release").join(name)
}

/// The server that [`build_optimised`] makes.
pub(crate) fn program() -> PathBuf {
    optimised("core-api")
}
