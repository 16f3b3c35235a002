//! The real server, run for a task in a folder of its own.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use testkit::servers::{free_port, poll_until, signal};

use crate::process::output;

const LIMIT: Duration = Duration::from_secs(30);

/// What `core-api bootstrap --json` prints.
#[derive(Deserialize)]
pub(crate) struct Bootstrapped {
    pub(crate) account_id: i64,
    pub(crate) workspace_id: i64,
    pub(crate) key: String,
}

/// How a server is run: which program, where, on what store.
#[derive(Clone)]
pub(crate) struct Setup {
    program: PathBuf,
    folder: PathBuf,
    database: String,
    settings: Vec<(&'static str, String)>,
    pub(crate) port: u16,
}

impl Setup {
    /// On a SQLite file in `folder`.
    pub(crate) fn on_sqlite(program: &Path, folder: &Path) -> Result<Self> {
        let database = format!("sqlite:{}", folder.join("core-api.db").display());
        Self::on(program, folder, database)
    }

    /// On the store that `database` names.
    pub(crate) fn on(program: &Path, folder: &Path, database: String) -> Result<Self> {
        Ok(Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            database,
            settings: Vec::new(),
            port: free_port()?,
        })
    }

    /// With one more setting.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.settings.push((name, value.to_owned()));
        self
    }

    /// The secret key of every run.
    pub(crate) fn secret_key() -> String {
        STANDARD.encode([7; 32])
    }

    /// So many account-level keys that may do everything.
    pub(crate) fn keys(&self, count: usize) -> Result<Vec<String>> {
        self.make_keys(count, &[])
    }

    /// So many keys that are bound to a workspace.
    pub(crate) fn keys_in(&self, workspace: i64, count: usize) -> Result<Vec<String>> {
        self.make_keys(count, &[&format!("--workspace={workspace}")])
    }

    fn make_keys(&self, count: usize, more: &[&str]) -> Result<Vec<String>> {
        let arguments = ["key", "create", "--account=task@example.com", "--name=Task", "--scopes=*", "--json"];
        let make = |_| {
            let printed: serde_json::Value = serde_json::from_str(&output(self.command().args(arguments).args(more))?)?;
            Ok(printed["key"].as_str().context("`core-api key create` printed no key")?.to_owned())
        };
        (0..count).map(make).collect()
    }

    /// Another program on the same store, such as an example beside the server.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// Makes an account, a workspace of the highest tier and a key.
    pub(crate) fn bootstrap(&self) -> Result<Bootstrapped> {
        let arguments = ["bootstrap", "--email=task@example.com", "--workspace=Task", "--tier=enterprise", "--json"];
        let printed = output(self.command().args(arguments))?;
        serde_json::from_str(&printed).context("`core-api bootstrap` printed something else")
    }

    /// The id of the key that [`bootstrap`](Self::bootstrap) made.
    pub(crate) fn first_key_id(&self) -> Result<i64> {
        let printed = output(self.command().args(["key", "list", "--account=task@example.com", "--json"]))?;
        let keys: serde_json::Value = serde_json::from_str(&printed)?;
        keys[0]["id"].as_i64().context("the account has no key")
    }

    /// The server's command with the settings of the run; of the caller's own settings none is left.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"CORE_API_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(&self.folder)
            .env("DATABASE_URL", &self.database)
            .env("CORE_API_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("CORE_API_METRICS_LISTEN", "off")
            .env("CORE_API_SECRET_KEY", Self::secret_key())
            .envs(self.settings.iter().map(|(name, value)| (*name, value)))
            .env("CORE_API_TRUSTED_PROXIES", "127.0.0.1");
        command
    }

    /// Starts the server and waits until it answers. `log` is its log filter.
    pub(crate) fn start(&self, log: &str) -> Result<Server> {
        let mut command = self.command();
        // In a group of its own it outlives a ctrl-C until it is stopped.
        command.env("CORE_API_LOG", log).process_group(0).stdin(Stdio::null());
        if log != "warn" {
            command.stderr(Stdio::null());
        }
        let child = command.spawn().context("cannot start core-api")?;
        let mut server = Server { child };
        let up =
            poll_until(LIMIT, || server.has_ended() || answers_200(self.port, "/health/live", None).unwrap_or(false));
        ensure!(up && !server.has_ended(), "core-api did not start");
        Ok(server)
    }
}

/// The running server; killed when dropped, unless it was stopped.
pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills the server at once.
    pub(crate) fn kill(&mut self) {
        // Both fail only for a child that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The resident memory, in KiB.
    pub(crate) fn resident_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
    }

    /// Asks the server to end and waits for it to do so with exit code 0.
    pub(crate) fn stop(mut self) -> Result<()> {
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
pub(crate) fn answers_200(port: u16, path: &str, key: Option<&str>) -> io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(LIMIT))?;
    let authorization = key.map_or_else(String::new, |key| format!("Authorization: Bearer {key}\r\n"));
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    Ok(&start == b"HTTP/1.1 200")
}
