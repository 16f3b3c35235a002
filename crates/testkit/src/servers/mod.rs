//! Throwaway PostgreSQL and Redis servers for tests, benches and fault injection.
//!
//! Each server listens on a free loopback port, keeps its files in a directory of its own, and is
//! stopped and removed with the value that owns it. Nothing is shared with a server the machine
//! already runs. All calls block; there is no runtime to enter.
//!
//! ```no_run
//! use testkit::servers::{Durability, Postgres, Redis};
//!
//! let postgres = Postgres::start(Durability::Fast)?;
//! let redis = Redis::start()?;
//! println!("{} {}", postgres.url(), redis.url());
//! # Ok::<(), testkit::servers::ServerError>(())
//! ```

mod home;
mod install;
mod postgres;
mod process;
mod redis;

use std::io;
use std::marker::PhantomData;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

pub use install::ensure_installed;
pub use postgres::{Durability, Postgres};
pub use redis::Redis;

use process::Process;

/// Why a throwaway server is not there.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The program is on no path this crate looks at; `how` is the command that brings it.
    #[error("{program} is not installed; install it with `{how}`")]
    Missing { program: &'static str, how: &'static str },
    /// The program ran and gave up, or was not ready in time; `log` ends with its last words.
    #[error("{program} {what}: {log}")]
    Failed { program: &'static str, what: &'static str, log: String },
    #[error("could not {action}")]
    Io {
        action: String,
        #[source]
        source: io::Error,
    },
}

/// A server of one kind, on an address that stays the same however often it is killed and started again.
///
/// Dropping it stops it and removes its files.
#[derive(Debug)]
pub struct Server<Kind> {
    process: Process,
    url: String,
    kind: PhantomData<Kind>,
}

impl<Kind> Server<Kind> {
    fn launch(mut process: Process, url: String) -> Result<Self, ServerError> {
        process.start()?;
        Ok(Self { process, url, kind: PhantomData })
    }

    /// Where it is reached; the same after [`restart`](Self::restart) and [`revive`](Self::revive).
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The ids of its processes.
    pub fn processes(&self) -> Vec<u32> {
        self.process.ids()
    }

    /// Stops the server in an orderly way, breaking its connections, and starts it again.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.process.stop();
        self.process.start()
    }

    /// Kills every process of the server at once, with no warning to its clients.
    ///
    /// The port stays closed until [`revive`](Self::revive).
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts a killed server on the same port and files, and waits until it takes work.
    pub fn revive(&mut self) -> Result<(), ServerError> {
        self.process.start()
    }

    /// Stops every process of the server in its tracks: connections stay open, and nothing answers.
    ///
    /// It goes on with [`thaw`](Self::thaw).
    pub fn freeze(&self) {
        self.process.signal_all("STOP");
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.process.signal_all("CONT");
    }
}

/// A loopback port nobody listens on, for a server about to be started.
///
/// Taken from below the range in which systems number outgoing connections: a port out of that
/// range could be lost to a client while its server is down. Processes and threads start their
/// search at different places, so that they rarely meet.
pub fn free_port() -> Result<u16, ServerError> {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 10_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id().wrapping_mul(101) % u32::from(COUNT)).unwrap_or(0);
    (0..COUNT)
        .map(|_| FIRST + own.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| io_error("find a free port")(io::ErrorKind::AddrInUse.into()))
}

/// Sends a signal by its name (`TERM`, `KILL`); a process that is gone already is no error.
///
/// By way of the shell, whose built-in `kill` is everywhere: the system call would need unsafe code.
pub fn signal(pid: u32, name: &str) {
    let _ =
        Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid.to_string()]).stderr(Stdio::null()).status();
}

/// Asks every 20 ms until `done` says so; false when `limit` passes first.
///
/// For other programs only: within a process, wait for the event itself.
#[expect(
    clippy::disallowed_methods,
    reason = "another program's start and end give nothing to wait on; the wait is bounded"
)]
pub fn poll_until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    const PAUSE: Duration = Duration::from_millis(20);
    for _ in 0..limit.as_millis() / PAUSE.as_millis() {
        if done() {
            return true;
        }
        std::thread::sleep(PAUSE);
    }
    done()
}

fn io_error(action: impl Into<String>) -> impl FnOnce(io::Error) -> ServerError {
    let action = action.into();
    move |source| ServerError::Io { action, source }
}
