use std::env;
use std::path::Path;
use std::process::Command;

use super::home::Home;
use super::install::postgres_program;
use super::process::{Process, Ready};
use super::{Server, ServerError, free_port};

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
/// Its URL names the maintenance database. Of a killed one [`revive`](Server::revive) waits for crash recovery to end.
pub type Postgres = Server<Cluster>;

/// The kind of [`Postgres`].
#[derive(Debug)]
pub enum Cluster {}

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
        let (name, program, stop_signal) = ("postgres", postgres, "INT");
        let process = Process { name, program, args, port, ready, stop_signal, child: None, home };
        Self::launch(process, format!("postgres://postgres@127.0.0.1:{port}/postgres"))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};
    use std::process::Stdio;

    use super::*;
    use crate::servers::poll_until;
    use crate::servers::process::START_LIMIT;

    /// Runs one statement with the client that came with the server; `None` when that fails.
    fn sql(postgres: &Postgres, statement: &str) -> Option<String> {
        let output = Command::new(postgres_program("psql").unwrap())
            .args(["--no-psqlrc", "-qtA", "-d", &postgres.url(), "-c", statement])
            .output()
            .unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    fn pid(server: &Process) -> u32 {
        server.child.as_ref().unwrap().id()
    }

    fn is_open(port: u16) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    }

    #[test]
    fn dropped_postgres_leaves_no_process_and_no_file() {
        let postgres = Postgres::start(Durability::Fast).unwrap();
        let (pid, port) = (pid(&postgres.process), postgres.process.port);
        let home = postgres.process.home.path().to_owned();
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
        let (port, url) = (postgres.process.port, postgres.url());
        sql(&postgres, "CREATE TABLE kept (n int)").unwrap();
        sql(&postgres, "INSERT INTO kept VALUES (7)").unwrap();
        postgres.kill();
        assert!(!is_open(port));
        assert_eq!(postgres.process.home.processes(), Vec::<u32>::new());
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
        let (before, url) = (pid(&postgres.process), postgres.url());
        sql(&postgres, "CREATE TABLE kept (n int)").unwrap();
        postgres.restart().unwrap();
        assert_ne!(pid(&postgres.process), before);
        assert_eq!(postgres.url(), url);
        assert_eq!(sql(&postgres, "SELECT count(*) FROM kept").as_deref(), Some("0"));
    }
}
