use std::time::Duration;

use core_domain::StorageError;
use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult};
use diesel::SqliteConnection;
use tokio::task::spawn_blocking;

use crate::error::Failure;
use crate::lease;
use crate::open::Opener;

pub(crate) type Connections = Pool<Opener>;
pub(crate) type Connection = Object<Opener>;

/// How long to wait for a connection: the writer is held for as long as another transaction lasts.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn of(opener: Opener, size: usize) -> Result<Connections, StorageError> {
    let pool = Pool::builder(opener).max_size(size).wait_timeout(Some(PATIENCE)).runtime(Runtime::Tokio1).build();
    pool.map_err(|error| Failure::Other(error.into()).within("open"))
}

impl Manager for Opener {
    type Type = SqliteConnection;
    type Error = StorageError;

    async fn create(&self) -> Result<SqliteConnection, StorageError> {
        let opener = self.clone();
        let connection = spawn_blocking(move || opener.open()).await;
        connection
            .unwrap_or_else(|error| Err(Failure::Other(error.into())))
            .map_err(|failure| failure.within("connect"))
    }

    async fn recycle(&self, connection: &mut SqliteConnection, _: &Metrics) -> RecycleResult<StorageError> {
        if lease::settle(connection) { Ok(()) } else { Err(RecycleError::message("a transaction could not be ended")) }
    }
}

/// A connection of the pool; the wait for it is bounded.
pub(crate) async fn take(pool: &Connections, operation: &'static str) -> Result<Connection, StorageError> {
    pool.get().await.map_err(|error| match error {
        PoolError::Backend(error) => error,
        PoolError::Timeout(_) => StorageError::Contended { operation, source: error.into() },
        _ => StorageError::Unavailable { operation, source: error.into() },
    })
}
