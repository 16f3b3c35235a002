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

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tempfile::TempDir;

const INSTALL: &str = "apt-get install -y --no-install-recommends postgresql redis-server";
const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(20);
const LOG: &str = "server.log";

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

/// What a commit promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A commit is on disk when it is answered, as in production: for fault injection and benches.
    Real,
    /// No fsync, and commits are answered before they are written: for tests, which are quicker so.
    Fast,
}

/// A PostgreSQL cluster of its own, with the superuser `postgres` and no password.
///
/// Dropping it stops the server and removes the cluster.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
}

impl Postgres {
    /// Makes a cluster in a temporary directory and waits until it accepts connections.
    ///
    /// The programs are looked for on `PATH`, then in Debian's versioned directories, newest first.
    /// PostgreSQL refuses to run as root, so root runs it as the account `postgres`, or else
    /// `nobody`.
    pub fn start(durability: Durability) -> Result<Self, ServerError> {
        Self::start_in(&env::temp_dir(), durability)
    }

    /// As [`Postgres::start`], on the disk that holds `parent`: benches care which one that is.
    ///
    /// Every account must be able to enter `parent`.
    pub fn start_in(parent: &Path, durability: Durability) -> Result<Self, ServerError> {
        let initdb = postgres_program("initdb")?;
        let postgres = postgres_program("postgres")?;
        let home = Home::new(parent)?;
        let data = home.path().join("data");
        home.run(
            Command::new(initdb)
                .arg("--pgdata")
                .arg(&data)
                .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
                .args(["--locale=C", "--no-sync", "--no-instructions"]),
            "initdb",
        )?;

        let port = free_port()?;
        let (fsync, synchronous_commit) = match durability {
            Durability::Real => ("on", "on"),
            Durability::Fast => ("off", "off"),
        };
        let settings = [
            format!("port={port}"),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={}", home.path().display()),
            "max_connections=300".to_owned(),
            "shared_buffers=128MB".to_owned(),
            format!("fsync={fsync}"),
            format!("synchronous_commit={synchronous_commit}"),
        ];
        let mut args = vec!["-D".to_owned(), data.display().to_string()];
        for setting in settings {
            args.extend(["-c".to_owned(), setting]);
        }
        let ready = Ready::PidFile(data.join("postmaster.pid"));
        // SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every client to leave.
        let mut server = Server::new("postgres", postgres, args, port, home, ready, "INT");
        server.start()?;
        Ok(Self { server })
    }

    /// `postgres://postgres@127.0.0.1:{port}/postgres`: the superuser in the maintenance database.
    ///
    /// The same after [`Postgres::restart`] and [`Postgres::revive`].
    pub fn url(&self) -> String {
        let port = self.server.port;
        format!("postgres://postgres@127.0.0.1:{port}/postgres")
    }

    /// Stops the server in an orderly way, breaking its connections, and starts it again.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.server.stop();
        self.server.start()
    }

    /// Kills every process of the server at once, with no warning to its clients.
    ///
    /// The port stays closed until [`Postgres::revive`].
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Stops every process of the server in its tracks: connections stay open, and nothing answers.
    ///
    /// It goes on with [`Postgres::thaw`].
    pub fn freeze(&self) {
        self.server.signal_all("STOP");
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.server.signal_all("CONT");
    }

    /// Starts a killed server on the same port and files, and waits for its crash recovery to end.
    pub fn revive(&mut self) -> Result<(), ServerError> {
        self.server.start()
    }
}

/// A Redis server that keeps nothing on disk. Dropping it stops it.
#[derive(Debug)]
pub struct Redis {
    server: Server,
}

impl Redis {
    /// Starts the server and waits until it answers.
    pub fn start() -> Result<Self, ServerError> {
        let program = on_path("redis-server").ok_or(ServerError::Missing { program: "redis-server", how: INSTALL })?;
        let home = Home::new(&env::temp_dir())?;
        let port = free_port()?;
        let args = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
            .into_iter()
            .map(str::to_owned)
            .chain(["--port".to_owned(), port.to_string()])
            .collect();
        let mut server = Server::new("redis-server", program, args, port, home, Ready::Pong, "TERM");
        server.start()?;
        Ok(Self { server })
    }

    /// `redis://127.0.0.1:{port}`; the same after [`Redis::restart`] and [`Redis::revive`].
    pub fn url(&self) -> String {
        let port = self.server.port;
        format!("redis://127.0.0.1:{port}")
    }

    /// Stops the server in an orderly way and starts it again, empty.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.server.stop();
        self.server.start()
    }

    /// Kills the server. The port stays closed until [`Redis::revive`].
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts a killed server on the same port, empty.
    pub fn revive(&mut self) -> Result<(), ServerError> {
        self.server.start()
    }
}

/// Makes sure that both servers can be started, installing them where that is possible.
///
/// Installs only as root and where `apt-get` exists, and starts no system service.
///
/// # Errors
/// [`ServerError::Missing`] with the command to run by hand where it may not install, and
/// [`ServerError::Failed`] where the installation failed.
pub fn ensure_installed() -> Result<(), ServerError> {
    let Err(missing) = find_servers() else {
        return Ok(());
    };
    let Some(apt_get) = on_path("apt-get") else {
        return Err(missing);
    };
    let own = TempDir::new().map_err(io_error("make a temporary directory"))?;
    if !belongs_to_root(own.path()) {
        return Err(missing);
    }
    let _policy = NoServices::declare(Path::new("/usr/sbin/policy-rc.d"))?;
    apt(Command::new(&apt_get).arg("update"))?;
    apt(Command::new(&apt_get).args(INSTALL.split_whitespace().skip(1)))?;
    find_servers()
}

fn find_servers() -> Result<(), ServerError> {
    postgres_program("initdb")?;
    postgres_program("postgres")?;
    on_path("redis-server").map(drop).ok_or(ServerError::Missing { program: "redis-server", how: INSTALL })
}

/// Runs apt-get, its output on standard error.
fn apt(command: &mut Command) -> Result<(), ServerError> {
    let status = command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .status()
        .map_err(io_error("run apt-get"))?;
    if status.success() {
        return Ok(());
    }
    Err(ServerError::Failed { program: "apt-get", what: "failed", log: "its output is above".to_owned() })
}

/// Debian's way to say that packages may not start their services, while this value lives.
///
/// Source: Debian Policy 9.3.3 and invoke-rc.d's `policy-rc.d` interface, where 101 forbids.
struct NoServices<'a> {
    made: Option<&'a Path>,
}

impl<'a> NoServices<'a> {
    /// Leaves a policy that the machine has already as it is.
    fn declare(policy: &'a Path) -> Result<Self, ServerError> {
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(policy)
            .and_then(|mut file| file.write_all(b"#!/bin/sh\nexit 101\n"));
        match made {
            Ok(()) => Ok(Self { made: Some(policy) }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Self { made: None }),
            Err(error) => Err(io_error("forbid packages to start services")(error)),
        }
    }
}

impl Drop for NoServices<'_> {
    fn drop(&mut self) {
        if let Some(policy) = self.made {
            let _ = fs::remove_file(policy);
        }
    }
}

/// How a server says that it takes work.
#[derive(Debug)]
enum Ready {
    /// PostgreSQL's own pid file, which ends with its state: what `pg_ctl --wait` reads. It names
    /// the pid, so a stranger that took the port isn't mistaken for this server.
    PidFile(PathBuf),
    /// Redis answers a ping.
    Pong,
}

impl Ready {
    fn holds(&self, pid: u32, port: u16) -> bool {
        match self {
            Self::PidFile(path) => fs::read_to_string(path).is_ok_and(|text| {
                let mut lines = text.lines().map(str::trim);
                lines.next() == Some(&pid.to_string()) && lines.nth(6) == Some("ready")
            }),
            Self::Pong => answers_ping(port).unwrap_or(false),
        }
    }
}

fn answers_ping(port: u16) -> io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"+PONG")
}

/// One server program, its port and its files; the process comes and goes.
#[derive(Debug)]
struct Server {
    name: &'static str,
    program: PathBuf,
    args: Vec<String>,
    port: u16,
    ready: Ready,
    stop_signal: &'static str,
    child: Option<Child>,
    home: Home,
}

impl Server {
    fn new(
        name: &'static str,
        program: PathBuf,
        args: Vec<String>,
        port: u16,
        home: Home,
        ready: Ready,
        stop_signal: &'static str,
    ) -> Self {
        Self { name, program, args, port, ready, stop_signal, child: None, home }
    }

    fn start(&mut self) -> Result<(), ServerError> {
        if self.child.is_some() {
            return Ok(());
        }
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        // A group of its own keeps a terminal's ctrl-C from reaching the server before the tests
        // that use it have ended.
        command.process_group(0);
        let mut child = self.home.spawn(&mut command, self.name)?;
        let mut exited = false;
        let ready = poll_until(START_LIMIT, || {
            exited = matches!(child.try_wait(), Ok(Some(_)));
            exited || self.ready.holds(child.id(), self.port)
        });
        self.child = Some(child);
        if ready && !exited {
            return Ok(());
        }
        self.kill();
        Err(self.home.failed(self.name, "did not start"))
    }

    fn stop(&mut self) {
        if let Some(child) = &mut self.child {
            signal(child.id(), self.stop_signal);
            poll_until(STOP_LIMIT, || matches!(child.try_wait(), Ok(Some(_))));
        }
        self.kill();
    }

    /// Ends every process of the server, at once for those still running.
    fn signal_all(&self, name: &str) {
        for pid in self.home.processes() {
            signal(pid, name);
        }
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Both fail only for a child that has already been waited for.
            let _ = child.kill();
            let _ = child.wait();
        }
        // PostgreSQL's workers outlive their parent for a moment, in sessions of their own. Until
        // they are gone the cluster can neither be started again nor removed.
        poll_until(STOP_LIMIT, || {
            let orphans = self.home.processes();
            for pid in &orphans {
                signal(*pid, "KILL");
            }
            orphans.is_empty()
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A directory for one server, and the account that the server runs as.
#[derive(Debug)]
struct Home {
    dir: TempDir,
    account: Option<(u32, u32)>,
}

impl Home {
    fn new(parent: &Path) -> Result<Self, ServerError> {
        // Without symbolic links, as the system will name it in `/proc`.
        let dir = fs::canonicalize(parent)
            .and_then(|parent| tempfile::Builder::new().prefix("testkit-").tempdir_in(parent))
            .map_err(io_error("make a temporary directory"))?;
        let mut home = Self { dir, account: None };
        if belongs_to_root(home.path()) {
            let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
            home.account = unprivileged(&accounts);
        }
        if let Some((uid, gid)) = home.account {
            chown(home.path(), Some(uid), Some(gid)).map_err(io_error("hand the directory to the server's account"))?;
        }
        Ok(home)
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn spawn(&self, command: &mut Command, name: &'static str) -> Result<Child, ServerError> {
        let log = File::create(self.path().join(LOG)).map_err(io_error("make the server's log"))?;
        let also_log = log.try_clone().map_err(io_error("share the server's log"))?;
        if let Some((uid, gid)) = self.account {
            command.uid(uid).gid(gid);
        }
        command
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(also_log)
            .spawn()
            .map_err(io_error(name))
    }

    fn run(&self, command: &mut Command, name: &'static str) -> Result<(), ServerError> {
        let status = self.spawn(command, name)?.wait().map_err(io_error(name))?;
        if status.success() {
            return Ok(());
        }
        Err(self.failed(name, "failed"))
    }

    fn failed(&self, program: &'static str, what: &'static str) -> ServerError {
        let log = fs::read_to_string(self.path().join(LOG)).unwrap_or_default();
        let skipped = log.lines().count().saturating_sub(20);
        let log = log.lines().skip(skipped).collect::<Vec<_>>().join("\n");
        ServerError::Failed { program, what, log }
    }

    /// The processes that work in this directory. Empty where the system has no `/proc`.
    fn processes(&self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid: &u32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(self.path())))
            .collect()
    }
}

/// Whether root made this directory: asked of one just made, whether this process is root.
fn belongs_to_root(dir: &Path) -> bool {
    fs::metadata(dir).is_ok_and(|metadata| metadata.uid() == 0)
}

/// The user and group ids of `postgres`, else of `nobody`, in the text of `/etc/passwd`.
fn unprivileged(passwd: &str) -> Option<(u32, u32)> {
    ["postgres", "nobody"].into_iter().find_map(|name| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(str::parse);
        Some((ids.next()?.ok()?, ids.next()?.ok()?))
    })
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// Debian keeps PostgreSQL's server programs off `PATH`, in one directory for each major version.
fn postgres_program(program: &'static str) -> Result<PathBuf, ServerError> {
    let versioned = || {
        let mut versions: Vec<u32> = fs::read_dir("/usr/lib/postgresql")
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        versions.sort_unstable();
        versions
            .into_iter()
            .rev()
            .map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin/{program}")))
            .find(|file| file.is_file())
    };
    on_path(program).or_else(versioned).ok_or(ServerError::Missing { program, how: INSTALL })
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
    let own = u16::try_from(process::id().wrapping_mul(101) % u32::from(COUNT)).unwrap_or(0);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs one statement with the client that came with the server; `None` when that fails.
    fn sql(postgres: &Postgres, statement: &str) -> Option<String> {
        let output = Command::new(postgres_program("psql").unwrap())
            .args(["--no-psqlrc", "-qtA", "-d", &postgres.url(), "-c", statement])
            .output()
            .unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    fn set(redis: &Redis) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, redis.server.port)).unwrap();
        stream.write_all(b"SET k v\r\n").unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"+OK\r\n");
    }

    fn pid(server: &Server) -> u32 {
        server.child.as_ref().unwrap().id()
    }

    fn is_open(port: u16) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    }

    #[test]
    fn dropped_postgres_leaves_no_process_and_no_file() {
        let postgres = Postgres::start(Durability::Fast).unwrap();
        let (pid, port) = (pid(&postgres.server), postgres.server.port);
        let home = postgres.server.home.path().to_owned();
        assert_eq!(sql(&postgres, "SHOW fsync").as_deref(), Some("off"));
        assert_eq!(sql(&postgres, "SHOW listen_addresses").as_deref(), Some("127.0.0.1"));
        drop(postgres);
        assert!(!is_open(port));
        assert!(!home.exists());
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn real_durability_keeps_a_commit_through_a_kill() {
        let mut postgres = Postgres::start(Durability::Real).unwrap();
        let (port, url) = (postgres.server.port, postgres.url());
        sql(&postgres, "CREATE TABLE kept (n int)").unwrap();
        sql(&postgres, "INSERT INTO kept VALUES (7)").unwrap();
        postgres.kill();
        assert!(!is_open(port));
        assert_eq!(postgres.server.home.processes(), Vec::<u32>::new());
        postgres.revive().unwrap();
        assert_eq!(postgres.url(), url);
        assert_eq!(sql(&postgres, "SELECT n FROM kept").as_deref(), Some("7"));
    }

    #[test]
    fn kill_ends_a_statement_that_is_still_running() {
        let mut postgres = Postgres::start(Durability::Fast).unwrap();
        let mut client = Command::new(postgres_program("psql").unwrap())
            .args(["-qd", &postgres.url(), "-c", "SELECT pg_sleep(600)"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let running = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        assert!(poll_until(START_LIMIT, || sql(&postgres, running).as_deref() == Some("1")));
        postgres.kill();
        assert!(!client.wait().unwrap().success());
        postgres.revive().unwrap();
        assert_eq!(sql(&postgres, running).as_deref(), Some("0"));
    }

    #[test]
    fn restarted_postgres_keeps_its_address_and_rows() {
        let mut postgres = Postgres::start(Durability::Fast).unwrap();
        let (before, url) = (pid(&postgres.server), postgres.url());
        sql(&postgres, "CREATE TABLE kept (n int)").unwrap();
        postgres.restart().unwrap();
        assert_ne!(pid(&postgres.server), before);
        assert_eq!(postgres.url(), url);
        assert_eq!(sql(&postgres, "SELECT count(*) FROM kept").as_deref(), Some("0"));
    }

    #[test]
    fn redis_comes_back_empty_on_its_port_and_leaves_nothing() {
        let mut redis = Redis::start().unwrap();
        let (port, url) = (redis.server.port, redis.url());
        let home = redis.server.home.path().to_owned();
        set(&redis);
        redis.kill();
        assert!(!is_open(port));
        redis.revive().unwrap();
        set(&redis);
        redis.restart().unwrap();
        assert_eq!(redis.url(), url);
        drop(redis);
        assert!(!is_open(port));
        assert!(!home.exists());
    }

    #[test]
    fn two_servers_share_neither_port_nor_files() {
        let (one, two) = (Redis::start().unwrap(), Redis::start().unwrap());
        assert_ne!(one.url(), two.url());
        assert_ne!(one.server.home.path(), two.server.home.path());
    }

    #[test]
    fn server_that_gives_up_tells_its_last_words() {
        let home = Home::new(&env::temp_dir()).unwrap();
        let program = on_path("redis-server").unwrap();
        let args = vec!["--no-such-setting".to_owned(), "1".to_owned()];
        let mut server = Server::new("redis-server", program, args, 1, home, Ready::Pong, "TERM");
        let error = server.start().unwrap_err().to_string();
        assert!(error.contains("did not start") && error.contains("no-such-setting"), "{error}");
    }

    #[test]
    fn missing_program_says_how_to_install_it() {
        let error = postgres_program("no-such-program").unwrap_err();
        assert_eq!(
            error.to_string(),
            "no-such-program is not installed; install it with `apt-get install -y \
             --no-install-recommends postgresql redis-server`"
        );
    }

    #[test]
    fn services_are_forbidden_only_meanwhile_and_a_policy_of_the_machine_stays() {
        let dir = TempDir::new().unwrap();
        let policy = dir.path().join("policy-rc.d");
        let ours = NoServices::declare(&policy).unwrap();
        assert_eq!(Command::new(&policy).status().unwrap().code(), Some(101));
        drop(NoServices::declare(&policy).unwrap());
        assert!(policy.exists());
        drop(ours);
        assert!(!policy.exists());
    }

    #[test]
    fn root_gives_way_to_postgres_before_nobody() {
        let nobody = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533::/:/bin/false\n";
        let both = format!("{nobody}postgres:x:101:104::/var/lib/postgresql:/bin/bash\n");
        assert_eq!(unprivileged(nobody), Some((65534, 65533)));
        assert_eq!(unprivileged(&both), Some((101, 104)));
        assert_eq!(unprivileged("root:x:0:0:root:/root:/bin/bash\n"), None);
    }
}
