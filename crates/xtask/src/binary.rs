//! Building the server and finding the file that came of it.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::process::{cargo, output};

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
