use core_domain::StorageError;
use deadpool::managed::Object;
use diesel::SqliteConnection;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use tokio::task::spawn_blocking;

use crate::error::Failure;
use crate::pool::Connection;

/// A connection on loan from its pool.
///
/// It travels into a blocking thread and back with each operation. Wherever it is dropped, be it in that thread
/// because nobody waits for the operation any more, an open transaction is rolled back before the pool has it again.
pub(crate) struct Lease(Option<Connection>);

impl From<Connection> for Lease {
    fn from(connection: Connection) -> Self {
        Self(Some(connection))
    }
}

impl Lease {
    /// Runs `work` in a blocking thread.
    ///
    /// The lease comes back only if its transaction can go on: after success, and after a conflict, which undoes
    /// no more than the statement at fault. Other errors may have made SQLite roll back by itself; statements to
    /// follow would each commit alone.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        operation: &'static str,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure> + Send + 'static,
    ) -> (Option<Self>, Result<T, StorageError>) {
        let worked = spawn_blocking(move || {
            let mut lease = self;
            let Some(connection) = &mut lease.0 else {
                return (None, Err(ended(operation)));
            };
            let outcome = work(connection).map_err(|failure| failure.within(operation));
            let goes_on = matches!(outcome, Ok(_) | Err(StorageError::Conflict { .. }));
            (goes_on.then_some(lease), outcome)
        });
        worked.await.unwrap_or_else(|error| (None, Err(Failure::Other(error.into()).within(operation))))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(mut connection) = self.0.take()
            && !settle(&mut connection)
        {
            // Closing it ends whatever it was in.
            drop(Object::take(connection));
        }
    }
}

/// Rolls back what is open. Says whether the connection can be used again.
pub(crate) fn settle(connection: &mut SqliteConnection) -> bool {
    let status = AnsiTransactionManager::transaction_manager_status_mut(connection);
    match status.transaction_depth() {
        Ok(None) => true,
        Ok(Some(_)) => AnsiTransactionManager::rollback_transaction(connection).is_ok(),
        Err(_) => false,
    }
}

/// What every operation says after the transaction's end.
pub(crate) fn ended(operation: &'static str) -> StorageError {
    StorageError::Unavailable { operation, source: "an earlier failure ended the transaction".into() }
}
