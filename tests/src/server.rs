use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tempfile::TempDir;
use testkit::servers::{free_port, poll_until, signal};

use crate::Database;

/// How long anything may take that is to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The whole environment of the program: nothing is inherited.
#[derive(Debug, Clone)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// For this database, on a free port.
    pub fn on(database: &Database) -> Self {
        Self(BTreeMap::new())
            .with("DATABASE_URL", database.url())
            .with("CORE_API_LISTEN", &free_address().to_string())
            .with("CORE_API_METRICS_LISTEN", "off")
            .with("CORE_API_SECRET_KEY", &BASE64_STANDARD.encode([7; 32]))
            .with("CORE_API_LOG", "warn")
    }

    /// With one more setting, or another value of it.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Without a setting.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// The same, on another free port.
    #[must_use]
    pub fn elsewhere(self) -> Self {
        self.with("CORE_API_LISTEN", &free_address().to_string())
    }

    fn listen(&self) -> SocketAddr {
        self.0["CORE_API_LISTEN"].parse().unwrap()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.env_clear().envs(&self.0).stdin(Stdio::null());
        command
    }
}

/// A loopback address nobody listens on.
pub(crate) fn free_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port().unwrap()).into()
}

/// The program, which cargo puts beside the folder of the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("core-api");
    assert!(
        program.is_file(),
        "{} is not built: run `cargo xtask test`, or `cargo build -p core-api` before the tests",
        program.display()
    );
    program
}

/// Runs one command of the program to its end.
pub fn run(settings: &Settings, arguments: &[&str]) -> Output {
    settings.command().args(arguments).output().unwrap()
}

/// A running server, killed with the value.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    child: Child,
    logs: TempDir,
}

impl Server {
    /// Starts the server and waits until it is ready.
    pub fn start(settings: &Settings) -> Self {
        let mut server = Self::launch(settings);
        server.wait_until_ready();
        server
    }

    /// Starts the server and waits for nothing.
    pub fn launch(settings: &Settings) -> Self {
        let logs = TempDir::new().unwrap();
        let child = spawn(settings, &logs);
        Self { settings: settings.clone(), child, logs }
    }

    /// Waits until the server says that it is ready.
    pub fn wait_until_ready(&mut self) {
        let address = self.address();
        let mut exited = false;
        let ready = poll_until(PATIENCE, || {
            exited = matches!(self.child.try_wait(), Ok(Some(_)));
            exited || is_ready(address)
        });
        assert!(ready && !exited, "the server did not start: {}", self.stderr());
    }

    pub fn address(&self) -> SocketAddr {
        self.settings.listen()
    }

    /// Without a slash at its end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address())
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What it printed for the person at the terminal.
    pub fn stdout(&self) -> String {
        fs::read_to_string(self.logs.path().join("stdout")).unwrap()
    }

    /// What it logged.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.logs.path().join("stderr")).unwrap()
    }

    /// Whether new connections are taken.
    pub fn is_listening(&self) -> bool {
        TcpStream::connect(self.address()).is_ok()
    }

    /// Sends SIGTERM.
    pub fn tell_to_stop(&self) {
        signal(self.child.id(), "TERM");
    }

    /// Sends SIGHUP.
    pub fn hang_up(&self) {
        signal(self.child.id(), "HUP");
    }

    /// The code it ended with, if it has.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.child.try_wait().unwrap()?.code()
    }

    /// Waits for the process's end.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        poll_until(PATIENCE, || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap_or_else(|| panic!("the server did not stop: {}", self.stderr()))
    }

    /// Stops the server in an orderly way and starts it again at the same address.
    pub fn restart(&mut self) {
        self.tell_to_stop();
        assert!(self.wait().success(), "{}", self.stderr());
        self.start_again();
    }

    /// Kills the process: `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts a server that has ended again, at the same address.
    pub fn start_again(&mut self) {
        self.child = spawn(&self.settings, &self.logs);
        self.wait_until_ready();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only for a process that has already been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.logs.path().join("stderr")).unwrap_or_default();
            eprintln!("the server's log:\n{log}");
        }
    }
}

fn spawn(settings: &Settings, logs: &TempDir) -> Child {
    let file = |name| {
        let path = logs.path().join(name);
        Stdio::from(File::options().create(true).append(true).open(path).unwrap())
    };
    settings.command().stdout(file("stdout")).stderr(file("stderr")).spawn().unwrap()
}

fn is_ready(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok::<_, std::io::Error>(answer.starts_with("HTTP/1.1 200 "))
    };
    ask().unwrap_or(false)
}
