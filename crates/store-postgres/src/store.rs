use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use core_domain::StorageError;
use diesel_async::RunQueryDsl;
use tokio::runtime::Handle;

use crate::connector::Connector;
use crate::error::storage;
use crate::pool::{self, Pool, Pooled};
use crate::webhooks::Signal;
use crate::{ConnectError, PgOptions, PgTx};

/// One PostgreSQL database, shared by any number of replicas.
///
/// Cloning it is cheap; all clones share one pool.
#[derive(Clone)]
pub struct PgStore {
    pool: Pool,
    pub(crate) connector: Arc<Connector>,
    pub(crate) signal: Arc<Signal>,
    /// The endpoint at which the last claim ended.
    pub(crate) last_claimed: Arc<AtomicI64>,
}

impl fmt::Debug for PgStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgStore").field("pool", &self.pool.status()).finish_non_exhaustive()
    }
}

impl PgStore {
    /// Opens a pool on the database at `url`, and its first connection.
    ///
    /// `sslmode=require` and `sslmode=verify-full` both mean TLS with a certificate that the system trusts
    /// (`SSL_CERT_FILE` names others); without either, the connection is plain. The runtime of the caller drives all
    /// connections and must live as long as the store.
    pub async fn connect(url: &str, options: PgOptions) -> Result<Self, ConnectError> {
        let connector = Arc::new(Connector::new(url, Handle::current())?);
        let pool = pool::pool(Arc::clone(&connector), options)?;
        let signal = Arc::new(Signal::new());
        let store = Self { pool, connector, signal, last_claimed: Arc::default() };
        store.ping().await?;
        Ok(store)
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
        pool::take(&self.pool, operation).await
    }
}
