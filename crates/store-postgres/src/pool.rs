use std::sync::Arc;
use std::time::Duration;

use core_domain::StorageError;
use deadpool::Runtime;
use deadpool::managed::{PoolError, QueueMode, TimeoutType};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::{Object, Pool as DieselPool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use futures_util::FutureExt as _;

use crate::ConnectError;
use crate::connector::Connector;

pub(crate) type Pool = DieselPool<AsyncPgConnection>;
pub(crate) type Pooled = Object<AsyncPgConnection>;

/// How a store uses its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PgOptions {
    /// The most connections open at once; at least one.
    pub max_connections: usize,
}

impl Default for PgOptions {
    fn default() -> Self {
        Self { max_connections: 16 }
    }
}

const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn pool(connector: Arc<Connector>, options: PgOptions) -> Result<Pool, ConnectError> {
    let mut config = ManagerConfig::default();
    // A connection whose driver has ended is known as closed without asking the server.
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |_| Arc::clone(&connector).connect().boxed());
    // The connector holds the URL, with its password.
    let manager = AsyncDieselConnectionManager::new_with_config(String::new(), config);
    Pool::builder(manager)
        .max_size(options.max_connections.max(1))
        .wait_timeout(Some(WAIT_TIMEOUT))
        .create_timeout(Some(Connector::TIMEOUT))
        .recycle_timeout(Some(Connector::TIMEOUT))
        // The connection used last has the warmest caches.
        .queue_mode(QueueMode::Lifo)
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| ConnectError::Pool(error.into()))
}

pub(crate) async fn take(pool: &Pool, operation: &'static str) -> Result<Pooled, StorageError> {
    pool.get().await.map_err(|error| match error {
        PoolError::Timeout(TimeoutType::Wait) => StorageError::Contended { operation, source: error.into() },
        _ => StorageError::Unavailable { operation, source: error.into() },
    })
}
