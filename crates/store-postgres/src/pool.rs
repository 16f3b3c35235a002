use std::sync::Arc;
use std::time::Duration;

use core_domain::StorageError;
use deadpool::Runtime;
use deadpool::Status;
use deadpool::managed::{PoolError, QueueMode, TimeoutType};
use diesel::ConnectionResult;
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::{Object, Pool as DieselPool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use thread_local::ThreadLocal;

use crate::ConnectError;
use crate::connector::Connector;

type Pool = DieselPool<AsyncPgConnection>;
pub(crate) type Pooled = Object<AsyncPgConnection>;

/// How a store uses its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PgOptions {
    /// The most connections open at once; at least one.
    pub max_connections: usize,
    /// How many threads are to have connections of their own, by [`PgStore::dedicate`](crate::PgStore::dedicate).
    pub dedicated_threads: usize,
}

impl Default for PgOptions {
    fn default() -> Self {
        Self { max_connections: 16, dedicated_threads: 0 }
    }
}

const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

/// All connections of a store.
///
/// A statement on a connection that another thread drives costs two wake-ups of a thread. So threads that serve
/// requests have pools of their own; all others share one.
pub(crate) struct Pools {
    connector: Arc<Connector>,
    shared: Pool,
    own: ThreadLocal<Pool>,
    /// Connections of each thread with a pool of its own; 0 where there are too few to be divided.
    share: usize,
}

impl Pools {
    /// For what no thread of its own does: storing events, claims, results, and start-up.
    const BACKGROUND: usize = 4;
    /// With fewer a slow transaction could hold up its whole thread while others idle.
    const SMALLEST_SHARE: usize = 3;

    pub(crate) fn new(connector: Arc<Connector>, options: PgOptions) -> Result<Self, ConnectError> {
        let (share, shared) = Self::divide(options);
        let opener = Arc::clone(&connector);
        let shared = pool(shared, move || Arc::clone(&opener).connect().boxed())?;
        Ok(Self { connector, shared, own: ThreadLocal::new(), share })
    }

    /// The connections of each dedicated thread, and of all others together.
    fn divide(PgOptions { max_connections, dedicated_threads }: PgOptions) -> (usize, usize) {
        let share = max_connections.saturating_sub(Self::BACKGROUND).checked_div(dedicated_threads).unwrap_or(0);
        if share < Self::SMALLEST_SHARE {
            return (0, max_connections.max(1));
        }
        (share, max_connections - share * dedicated_threads)
    }

    pub(crate) fn dedicate(&self) -> Result<(), ConnectError> {
        if self.share > 0 {
            // A thread that takes a dead one's place gets its pool; the connections in it are known as closed.
            self.own.get_or_try(|| {
                let opener = Arc::clone(&self.connector);
                pool(self.share, move || Arc::clone(&opener).connect_here().boxed())
            })?;
        }
        Ok(())
    }

    pub(crate) async fn take(&self, operation: &'static str) -> Result<Pooled, StorageError> {
        let pool = self.own.get().unwrap_or(&self.shared);
        pool.get().await.map_err(|error| match error {
            PoolError::Timeout(TimeoutType::Wait) => StorageError::Contended { operation, source: error.into() },
            _ => StorageError::Unavailable { operation, source: error.into() },
        })
    }

    pub(crate) fn status(&self) -> Status {
        self.shared.status()
    }
}

type Opening = BoxFuture<'static, ConnectionResult<AsyncPgConnection>>;

fn pool(size: usize, open: impl Fn() -> Opening + Send + Sync + 'static) -> Result<Pool, ConnectError> {
    let mut config = ManagerConfig::default();
    // A connection whose driver has ended is known as closed without asking the server.
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |_| open());
    // The connector holds the URL, with its password.
    let manager = AsyncDieselConnectionManager::new_with_config(String::new(), config);
    Pool::builder(manager)
        .max_size(size)
        .wait_timeout(Some(WAIT_TIMEOUT))
        .create_timeout(Some(Connector::TIMEOUT))
        .recycle_timeout(Some(Connector::TIMEOUT))
        // The connection used last has the warmest caches.
        .queue_mode(QueueMode::Lifo)
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| ConnectError::Pool(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_division_opens_more_than_is_allowed() {
        for max_connections in 1..200 {
            for dedicated_threads in 0..80 {
                let (share, shared) = Pools::divide(PgOptions { max_connections, dedicated_threads });
                assert_eq!(share * dedicated_threads + shared, max_connections);
                assert!(shared >= 1 && (share == 0 || share >= Pools::SMALLEST_SHARE));
            }
        }
        assert_eq!(Pools::divide(PgOptions { max_connections: 16, dedicated_threads: 2 }), (6, 4));
    }
}
