use std::sync::Arc;

use async_trait::async_trait;
use core_domain::{StorageError, Transaction};
use diesel::SqliteConnection;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use tokio::sync::Notify;

use crate::error::Failure;
use crate::lease::{Lease, ended};
use crate::pool::{self, Connections};

/// An open transaction. It holds the store's only writer: others wait until it ends.
///
/// An error other than a conflict, or dropping the future of an operation, ends it.
pub struct SqliteTx {
    /// `None` while an operation is under way, and after the end.
    lease: Option<Lease>,
    waiting: Arc<Notify>,
    /// Whether it stored deliveries that nobody holds.
    pub(crate) leaves_deliveries: bool,
}

impl std::fmt::Debug for SqliteTx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteTx").field("is_open", &self.lease.is_some()).finish_non_exhaustive()
    }
}

impl SqliteTx {
    pub(crate) async fn begin(writer: &Connections, waiting: Arc<Notify>) -> Result<Self, StorageError> {
        let lease = Lease::from(pool::take(writer, "begin").await?);
        let begin = |connection: &mut SqliteConnection| {
            Ok(AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE")?)
        };
        let (lease, outcome) = lease.run("begin", begin).await;
        outcome.map(|()| Self { lease, waiting, leaves_deliveries: false })
    }

    /// Runs `work` within the transaction.
    pub(crate) async fn run<T: Send + 'static>(
        &mut self,
        operation: &'static str,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StorageError> {
        let lease = self.lease.take().ok_or_else(|| ended(operation))?;
        let (lease, outcome) = lease.run(operation, work).await;
        self.lease = lease;
        outcome
    }
}

#[async_trait]
impl Transaction for SqliteTx {
    async fn commit(mut self: Box<Self>) -> Result<(), StorageError> {
        self.run("commit", |connection| Ok(AnsiTransactionManager::commit_transaction(connection)?)).await?;
        if self.leaves_deliveries {
            self.waiting.notify_one();
        }
        Ok(())
    }

    async fn rollback(mut self: Box<Self>) -> Result<(), StorageError> {
        self.run("rollback", |connection| Ok(AnsiTransactionManager::rollback_transaction(connection)?)).await
    }
}
