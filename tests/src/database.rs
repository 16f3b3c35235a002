use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// Which store a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// An empty database, removed with the value.
#[derive(Debug)]
pub struct Database {
    url: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File(TempDir),
    Server { maintenance_url: String, name: String },
}

const POSTGRES_URL: &str = "CORE_API_TEST_POSTGRES_URL";

impl Database {
    /// A SQLite file, or a database on the PostgreSQL server that the environment names.
    pub fn create(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => {
                let folder = TempDir::new().unwrap();
                Self { url: format!("sqlite:{}", file_in(&folder).display()), place: Place::File(folder) }
            }
            Backend::Postgres => {
                let server = std::env::var(POSTGRES_URL).unwrap_or_else(|_| {
                    panic!("{POSTGRES_URL} names no PostgreSQL server: run `cargo xtask test`, which starts one")
                });
                Self::create_on(&server)
            }
        }
    }

    /// A database on this PostgreSQL server.
    pub fn create_on(maintenance_url: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("acceptance_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        psql(maintenance_url, &[&drop_statement(&name), &format!("CREATE DATABASE {name} TEMPLATE template0")]);
        let (server, _) = maintenance_url.rsplit_once('/').unwrap();
        Self {
            url: format!("{server}/{name}"),
            place: Place::Server { maintenance_url: maintenance_url.to_owned(), name },
        }
    }

    /// What `DATABASE_URL` is set to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The SQLite file.
    pub fn file(&self) -> PathBuf {
        match &self.place {
            Place::File(folder) => file_in(folder),
            Place::Server { .. } => panic!("a PostgreSQL database is no file"),
        }
    }

    /// The rows of a query, each its columns joined by `|`.
    pub fn query(&self, statement: &str) -> Vec<String> {
        let text = match &self.place {
            Place::File(folder) => sqlite(&file_in(folder), statement),
            Place::Server { .. } => psql(&self.url, &[statement]),
        };
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Place::Server { maintenance_url, name } = &self.place {
            // The server may be gone by now, and the database with it.
            let _ = psql_command(maintenance_url, &[&drop_statement(name)]).stderr(Stdio::null()).status();
        }
    }
}

fn drop_statement(name: &str) -> String {
    format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")
}

fn file_in(folder: &TempDir) -> PathBuf {
    folder.path().join("core-api.db")
}

fn psql(url: &str, statements: &[&str]) -> String {
    stdout_of(psql_command(url, statements))
}

fn psql_command(url: &str, statements: &[&str]) -> Command {
    let mut command = Command::new(psql_program());
    command.args(["--no-psqlrc", "-qtA", "-v", "ON_ERROR_STOP=1", "-d", url]);
    for statement in statements {
        command.args(["-c", statement]);
    }
    // Of a database that is not there to be dropped, nothing need be said.
    command.env("PGOPTIONS", "-c client_min_messages=warning");
    command
}

/// Debian's `psql` on `PATH` is a script that takes its time to find the real one.
fn psql_program() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<PathBuf> =
        versions.map(|version| version.path().join("bin/psql")).filter(|file| file.is_file()).collect();
    installed.sort();
    installed.pop().unwrap_or_else(|| "psql".into())
}

/// By the `sqlite3` program, or else by the module of that name that comes with Python.
fn sqlite(file: &Path, statement: &str) -> String {
    const SCRIPT: &str = "import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]):
    print('|'.join(str(column) for column in row))";
    let mut command = Command::new("sqlite3");
    match command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            command = Command::new("python3");
            command.args(["-c", SCRIPT]).arg(file).arg(statement);
        }
        _ => {
            command = Command::new("sqlite3");
            command.args(["-batch", "-noheader"]).arg(file).arg(statement);
        }
    }
    stdout_of(command)
}

fn stdout_of(mut command: Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().unwrap_or_else(|error| panic!("{program} can't be run: {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    // Encrypted bytes are printed as they are.
    String::from_utf8_lossy(&output.stdout).into_owned()
}
