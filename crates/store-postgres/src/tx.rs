use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use core_domain::{StorageError, Transaction};
use diesel::QueryResult;
use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager};

use crate::connector::Connector;
use crate::error::storage;
use crate::pool::Pooled;
use crate::webhooks::Signal;

/// An open transaction.
///
/// Dropped without commit or rollback, it closes its connection: the server then undoes it at once, and no pool ever
/// holds a transaction that is still open.
pub struct PgTx {
    /// `None` once the transaction is over.
    connection: Option<Pooled>,
    state: State,
    connector: Arc<Connector>,
    pub(crate) signal: Arc<Signal>,
    /// Whether it stored deliveries that nobody holds.
    pub(crate) leaves_deliveries: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    /// A statement is on its way. Found so at the next statement, the caller has dropped it without knowing its end.
    Busy,
    /// A statement failed. The server would answer a commit with a rollback, and call it success.
    Failed,
}

impl fmt::Debug for PgTx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgTx").field("state", &self.state).finish_non_exhaustive()
    }
}

impl PgTx {
    pub(crate) async fn begin(
        connection: Pooled,
        connector: Arc<Connector>,
        signal: Arc<Signal>,
    ) -> Result<Self, StorageError> {
        let mut tx =
            Self { connection: Some(connection), state: State::Ready, connector, signal, leaves_deliveries: false };
        let begun = AnsiTransactionManager::begin_transaction(tx.start("begin")?).await;
        tx.finish("begin", begun)?;
        Ok(tx)
    }

    /// The connection, for one statement whose outcome goes to [`finish`](Self::finish).
    pub(crate) fn start(&mut self, operation: &'static str) -> Result<&mut AsyncPgConnection, StorageError> {
        let source = match (&mut self.connection, self.state) {
            (Some(connection), State::Ready) => {
                self.state = State::Busy;
                return Ok(connection);
            }
            (Some(_), State::Busy) => "an earlier operation was abandoned",
            (Some(_), State::Failed) => "an earlier operation failed",
            (None, _) => "the transaction is over",
        };
        Err(StorageError::Unavailable { operation, source: source.into() })
    }

    pub(crate) fn finish<T>(&mut self, operation: &'static str, outcome: QueryResult<T>) -> Result<T, StorageError> {
        self.state = if outcome.is_ok() { State::Ready } else { State::Failed };
        outcome.map_err(storage(operation))
    }

    /// As [`finish`](Self::finish), for what ran under a savepoint: a conflict undid nothing else.
    pub(crate) fn finish_savepoint<T>(
        &mut self,
        operation: &'static str,
        outcome: QueryResult<T>,
    ) -> Result<T, StorageError> {
        let outcome = self.finish(operation, outcome);
        if matches!(outcome, Err(StorageError::Conflict { .. })) {
            self.state = State::Ready;
        }
        outcome
    }
}

#[async_trait]
impl Transaction for PgTx {
    async fn commit(mut self: Box<Self>) -> Result<(), StorageError> {
        let committed = AnsiTransactionManager::commit_transaction(self.start("commit")?).await;
        self.finish("commit", committed)?;
        self.connection = None;
        if self.leaves_deliveries {
            self.signal.raise();
        }
        Ok(())
    }

    async fn rollback(mut self: Box<Self>) -> Result<(), StorageError> {
        match self.state {
            State::Ready | State::Failed => self.state = State::Ready,
            // Closing the connection undoes it without waiting for the statement's end.
            State::Busy => return Ok(()),
        }
        let rolled_back = AnsiTransactionManager::rollback_transaction(self.start("rollback")?).await;
        self.finish("rollback", rolled_back)?;
        self.connection = None;
        Ok(())
    }
}

impl Drop for PgTx {
    fn drop(&mut self) {
        if let Some(pooled) = self.connection.take() {
            let connection = Object::take(pooled);
            if self.state == State::Busy {
                self.connector.cancel(connection.cancel_token());
            }
        }
    }
}
