//! `cargo xtask fuzz`: property-based requests against the running server, made from its own
//! OpenAPI document.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tempfile::TempDir;
use testkit::servers::{free_port, poll_until, signal};

use crate::process::{output, root, run as run_program};
use crate::{binary, tools};

const LIMIT: Duration = Duration::from_secs(30);

/// Fuzz the server over HTTP with schemathesis.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// What `core-api bootstrap --json` prints.
#[derive(Deserialize)]
struct Bootstrapped {
    workspace_id: i64,
    key: String,
    /// The key's own id, so that the run does not revoke it.
    key_id: Option<i64>,
}

/// Fails on a finding, and when the server does not end well.
///
/// Runs on a fresh SQLite file, in a folder of its own that is removed afterwards. How hard it
/// tries, and what it checks, is in `fuzz/schemathesis.toml`.
pub(crate) fn run(_: &Args) -> Result<()> {
    let mut schemathesis = tools::schemathesis()?;
    let program = binary::build()?;
    let folder = TempDir::new().context("cannot make a temporary folder")?;
    let port = free_port()?;

    let caller = bootstrap(&program, folder.path(), port)?;
    let server = Server::start(&program, folder.path(), port)?;
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
            .envs(caller.key_id.map(|id| ("FUZZ_KEY_ID", id.to_string()))),
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

fn bootstrap(program: &Path, folder: &Path, port: u16) -> Result<Bootstrapped> {
    let printed = output(core_api(program, folder, port).args([
        "bootstrap",
        "--email=fuzz@example.com",
        "--workspace=Fuzz",
        "--tier=enterprise",
        "--json",
    ]))?;
    serde_json::from_str(&printed).context("`core-api bootstrap` printed something else")
}

/// The server's command with the settings of the run; of the caller's own settings none is left.
fn core_api(program: &Path, folder: &Path, port: u16) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"CORE_API_") {
            command.env_remove(name);
        }
    }
    let database = format!("sqlite:{}", folder.join("core-api.db").display());
    command
        .current_dir(folder)
        .env("DATABASE_URL", database)
        .env("CORE_API_LISTEN", format!("127.0.0.1:{port}"))
        .env("CORE_API_METRICS_LISTEN", "off")
        .env("CORE_API_SECRET_KEY", STANDARD.encode([7; 32]))
        .env("CORE_API_TRUSTED_PROXIES", "127.0.0.1")
        .env("CORE_API_LOG", "warn");
    command
}

/// The running server; killed when dropped, unless it was stopped.
struct Server {
    child: Child,
}

impl Server {
    fn start(program: &Path, folder: &Path, port: u16) -> Result<Self> {
        let mut command = core_api(program, folder, port);
        // In a group of its own it outlives a ctrl-C until it is stopped.
        command.process_group(0).stdin(Stdio::null());
        let child = command.spawn().context("cannot start core-api")?;
        let mut server = Self { child };
        let up = poll_until(LIMIT, || server.has_ended() || answers_200(port, "/health/live", None).unwrap_or(false));
        ensure!(up && !server.has_ended(), "core-api did not start");
        Ok(server)
    }

    /// Asks the server to end and waits for it to do so with exit code 0.
    fn stop(mut self) -> Result<()> {
        ensure!(!self.has_ended(), "core-api ended by itself: {}", self.child.wait()?);
        signal(self.child.id(), "TERM");
        if !poll_until(LIMIT, || self.has_ended()) {
            bail!("core-api did not end within {} s of SIGTERM", LIMIT.as_secs());
        }
        let status = self.child.wait()?;
        ensure!(status.success(), "core-api did not end well: {status}");
        Ok(())
    }

    fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.has_ended() {
            // Both fail only for a child that has ended.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Whether `GET {path}` is answered with 200.
fn answers_200(port: u16, path: &str, key: Option<&str>) -> io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(LIMIT))?;
    let authorization = key.map_or_else(String::new, |key| format!("Authorization: Bearer {key}\r\n"));
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    Ok(&start == b"HTTP/1.1 200")
}
