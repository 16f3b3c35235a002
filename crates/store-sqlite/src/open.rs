use std::path::Path;
use std::sync::Arc;

use core_domain::BoxError;
use diesel::connection::SimpleConnection;
use diesel::prelude::{Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection};
use diesel::sql_types::Text;
use tempfile::TempDir;

use crate::error::{Failure, is_busy};

/// Where the data is.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    path: Arc<str>,
    /// What `:memory:` stands for. SQLite's own stores in memory make readers wait for the writer.
    scratch: Option<Arc<TempDir>>,
}

impl Location {
    pub(crate) fn of(path: &Path) -> Result<Self, BoxError> {
        if path == Path::new(":memory:") {
            let scratch = TempDir::with_prefix("core-api-")?;
            let path = as_text(&scratch.path().join("store.db"))?;
            return Ok(Self { path, scratch: Some(Arc::new(scratch)) });
        }
        // Absolute, since SQLite would take a relative `file:x` for a URI.
        Ok(Self { path: as_text(&std::path::absolute(path)?)?, scratch: None })
    }
}

fn as_text(path: &Path) -> Result<Arc<str>, BoxError> {
    path.to_str().map(Arc::from).ok_or_else(|| "the path is not UTF-8".into())
}

/// What a connection is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Access {
    Write,
    Read,
}

/// Opens connections.
#[derive(Debug, Clone)]
pub(crate) struct Opener {
    pub(crate) location: Location,
    pub(crate) access: Access,
}

impl Opener {
    pub(crate) fn open(&self) -> Result<SqliteConnection, Failure> {
        let path = &self.location.path;
        let mut connection = SqliteConnection::establish(path).map_err(|error| Failure::Other(error.into()))?;
        connection.batch_execute(
            "PRAGMA busy_timeout = 5000;
             PRAGMA foreign_keys = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -16384;",
        )?;
        match self.access {
            Access::Write => {
                begin_write_ahead_log(&mut connection)?;
                let synchronous = if self.location.scratch.is_some() { "OFF" } else { "FULL" };
                connection.batch_execute(&format!("PRAGMA synchronous = {synchronous};"))?;
            }
            Access::Read => connection.batch_execute("PRAGMA query_only = ON; PRAGMA mmap_size = 134217728;")?,
        }
        Ok(connection)
    }
}

#[derive(QueryableByName)]
struct JournalMode {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

/// While another process makes the same switch this fails at once instead of waiting, so it is tried again after
/// that one.
fn begin_write_ahead_log(connection: &mut SqliteConnection) -> Result<(), Failure> {
    const ATTEMPTS: u32 = 20;
    for _ in 0..ATTEMPTS {
        match diesel::sql_query("PRAGMA journal_mode = WAL").get_result::<JournalMode>(connection) {
            Ok(mode) if mode.journal_mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(Failure::Other(format!("no write-ahead log here, only {}", mode.journal_mode).into()));
            }
            Err(error) if is_busy(&error) => connection.batch_execute("BEGIN IMMEDIATE; ROLLBACK;")?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::Other("other processes keep the file from its write-ahead log".into()))
}

#[cfg(test)]
mod tests {
    use diesel::sql_types::BigInt;

    use super::*;

    #[derive(QueryableByName)]
    struct Setting {
        #[diesel(sql_type = BigInt)]
        value: i64,
    }

    fn setting(connection: &mut SqliteConnection, table: &str, column: &str) -> i64 {
        let sql = format!("SELECT {column} AS value FROM {table}");
        diesel::sql_query(sql).get_result::<Setting>(connection).unwrap().value
    }

    #[test]
    fn a_writer_waits_for_the_disk_and_a_reader_can_not_write() {
        const FULL: i64 = 2;
        let directory = TempDir::new().unwrap();
        let location = Location::of(&directory.path().join("store.db")).unwrap();
        let mut writer = Opener { location: location.clone(), access: Access::Write }.open().unwrap();
        assert_eq!(setting(&mut writer, "pragma_synchronous", "synchronous"), FULL);
        assert_eq!(setting(&mut writer, "pragma_foreign_keys", "foreign_keys"), 1);
        let mut reader = Opener { location, access: Access::Read }.open().unwrap();
        assert!(reader.batch_execute("CREATE TABLE forbidden (id INTEGER)").is_err());
    }
}
