use async_trait::async_trait;

use crate::{DomainEvent, StorageError};

/// An open unit of work on a store.
///
/// One concrete type per store implements this and every repository, so that whatever a request
/// changes, the events it causes and the answer it gives exist together or not at all.
///
/// Dropped without [`commit`](Self::commit), it MUST leave nothing behind and MUST NOT keep locks.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Transaction: Send {
    /// Makes everything written through this transaction durable.
    ///
    /// When this returns `Ok`, a crash of the process loses nothing of it.
    async fn commit(self: Box<Self>) -> Result<(), StorageError>;

    /// Undoes everything written through this transaction.
    async fn rollback(self: Box<Self>) -> Result<(), StorageError>;
}

/// Where events wait for their delivery.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Outbox: Send {
    /// Stores an event. It MUST commit or vanish with the transaction that it was appended through.
    async fn append(&mut self, event: &DomainEvent) -> Result<(), StorageError>;
}
