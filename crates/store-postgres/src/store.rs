use std::fmt;
use std::sync::Arc;

use core_domain::StorageError;
use diesel_async::RunQueryDsl;
use tokio::runtime::Handle;

use crate::connector::Connector;
use crate::error::storage;
use crate::pool::{Pooled, Pools};
use crate::webhooks::{EndpointCache, Signal};
use crate::{ConnectError, PgOptions, PgTx};

/// One PostgreSQL database, shared by any number of replicas.
///
/// Cloning it is cheap; all clones share their connections.
#[derive(Clone)]
pub struct PgStore {
    pools: Arc<Pools>,
    pub(crate) connector: Arc<Connector>,
    pub(crate) signal: Arc<Signal>,
    pub(crate) endpoints: Arc<EndpointCache>,
}

impl fmt::Debug for PgStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgStore").field("pool", &self.pools.status()).finish_non_exhaustive()
    }
}

impl PgStore {
    /// Opens a pool on the database at `url`, and its first connection.
    ///
    /// `sslmode=require` and `sslmode=verify-full` both mean TLS with a certificate that the system trusts
    /// (`SSL_CERT_FILE` names others); without either, the connection is plain. The runtime of the caller drives all
    /// connections but those of [dedicated](Self::dedicate) threads, and must live as long as the store.
    pub async fn connect(url: &str, options: PgOptions) -> Result<Self, ConnectError> {
        let connector = Arc::new(Connector::new(url, Handle::current())?);
        let pools = Arc::new(Pools::new(Arc::clone(&connector), options)?);
        let store = Self { pools, connector, signal: Arc::new(Signal::new()), endpoints: Arc::default() };
        store.ping().await?;
        Ok(store)
    }

    /// Gives the calling thread connections of its own, which the runtime on it drives.
    ///
    /// For a thread that has one runtime to itself, and of such as many as [`PgOptions::dedicated_threads`] says.
    /// Nothing changes where the connections are too few to be divided.
    pub fn dedicate(&self) -> Result<(), ConnectError> {
        self.pools.dedicate()
    }

    /// Opens a transaction. Its statements each see what was committed before them (READ COMMITTED).
    pub async fn begin(&self) -> Result<PgTx, StorageError> {
        PgTx::begin(self.connection("begin").await?, Arc::clone(&self.connector), Arc::clone(&self.signal)).await
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<(), StorageError> {
        let mut connection = self.connection("ping").await?;
        diesel::sql_query("SELECT 1").execute(&mut connection).await.map(drop).map_err(storage("ping"))
    }

    pub(crate) async fn connection(&self, operation: &'static str) -> Result<Pooled, StorageError> {
        self.pools.take(operation).await
    }
}
