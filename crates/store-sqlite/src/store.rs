use std::path::Path;
use std::sync::Arc;

use core_domain::StorageError;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use tokio::sync::Notify;

use crate::error::Failure;
use crate::lease::Lease;
use crate::open::{Access, Location, Opener};
use crate::pool::{self, Connections};
use crate::tx::SqliteTx;

/// How a store is opened.
#[derive(Debug, Clone, Copy)]
pub struct SqliteOptions {
    /// How many connections read at the same time.
    pub readers: usize,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { readers: 4 }
    }
}

/// The store. Clones share its connections.
#[derive(Clone)]
pub struct SqliteStore {
    writer: Connections,
    readers: Connections,
    /// Told of deliveries that nobody holds.
    pub(crate) waiting: Arc<Notify>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("location", &self.writer.manager().location).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the file, made when it is missing. `:memory:` is an empty store that is gone with its last clone.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the file can't be opened, or can't have a write-ahead log.
    pub async fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StorageError> {
        let location = Location::of(path.as_ref()).map_err(|source| Failure::Other(source).within("open"))?;
        let store = Self {
            writer: pool::of(Opener { location: location.clone(), access: Access::Write }, 1)?,
            readers: pool::of(Opener { location, access: Access::Read }, options.readers.max(1))?,
            waiting: Arc::default(),
        };
        // The writer comes first: it makes the file and its log, which readers may not.
        drop(pool::take(&store.writer, "open").await?);
        Ok(store)
    }

    /// Opens a transaction.
    ///
    /// # Errors
    /// [`StorageError::Contended`] after 5 seconds of waiting for another transaction.
    pub async fn begin(&self) -> Result<SqliteTx, StorageError> {
        SqliteTx::begin(&self.writer, Arc::clone(&self.waiting)).await
    }

    /// Whether the store answers.
    pub async fn ping(&self) -> Result<(), StorageError> {
        self.read("ping", |connection| Ok(diesel::sql_query("SELECT 1").execute(connection).map(drop)?)).await
    }

    /// Runs `work` on a reader.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StorageError> {
        let lease = Lease::from(pool::take(&self.readers, operation).await?);
        lease.run(operation, work).await.1
    }

    /// Runs `work` on the writer, which sees to its own transactions.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StorageError> {
        let lease = Lease::from(pool::take(&self.writer, operation).await?);
        lease.run(operation, work).await.1
    }

    /// As [`write`](Self::write), for what a crash of the machine may take: its commits go to disk with the next one that
    /// is waited for.
    pub(crate) async fn write_without_flush<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.write(operation, move |connection| {
            let usual = synchronous(connection)?;
            connection.batch_execute("PRAGMA synchronous = NORMAL")?;
            let outcome = work(connection);
            connection.batch_execute(&format!("PRAGMA synchronous = {usual}"))?;
            outcome
        })
        .await
    }
}

#[derive(QueryableByName)]
struct Synchronous {
    #[diesel(sql_type = BigInt)]
    synchronous: i64,
}

fn synchronous(connection: &mut SqliteConnection) -> QueryResult<i64> {
    let row: Synchronous = diesel::sql_query("SELECT synchronous FROM pragma_synchronous").get_result(connection)?;
    Ok(row.synchronous)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn commits_are_waited_for_again_after_those_that_are_not() {
        const FULL: i64 = 2;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let store = SqliteStore::open(path.to_str().unwrap(), SqliteOptions::default()).await.unwrap();
        let now = async || store.write("look", |connection| Ok(synchronous(connection)?)).await.unwrap();
        let during = store.write_without_flush("look", |connection| Ok(synchronous(connection)?)).await.unwrap();
        assert_eq!((during, now().await), (1, FULL));
        let failed = store.write_without_flush("fail", |connection| Ok(connection.batch_execute("nonsense")?)).await;
        assert!(failed.is_err());
        assert_eq!(now().await, FULL);
    }
}
