//! The storage suite on a file and in memory.

#![expect(clippy::unwrap_used, reason = "a test that fails is to say so")]

use async_trait::async_trait;
use core_domain::{DomainEvent, StorageError, WorkspaceId};
use port_conformance::{Backend, storage_conformance};
use store_sqlite::{SqliteOptions, SqliteStore, SqliteTx};
use tempfile::TempDir;

struct Sqlite {
    store: SqliteStore,
    _directory: Option<TempDir>,
}

impl Sqlite {
    async fn on_a_file() -> Self {
        let directory = TempDir::new().unwrap();
        let store = SqliteStore::open(directory.path().join("store.db"), SqliteOptions::default()).await.unwrap();
        store.migrate().await.unwrap();
        Self { store, _directory: Some(directory) }
    }

    async fn in_memory() -> Self {
        let store = SqliteStore::open(":memory:", SqliteOptions::default()).await.unwrap();
        store.migrate().await.unwrap();
        Self { store, _directory: None }
    }
}

#[async_trait]
impl Backend for Sqlite {
    type Store = SqliteStore;
    type Tx = SqliteTx;

    fn store(&self) -> &SqliteStore {
        &self.store
    }

    async fn begin(&self) -> Result<Box<SqliteTx>, StorageError> {
        self.store.begin().await.map(Box::new)
    }

    async fn events_of(&self, workspace: WorkspaceId) -> Result<Vec<DomainEvent>, StorageError> {
        self.store.list_events_of(workspace, 1_000).await
    }
}

mod on_a_file {
    use super::*;

    storage_conformance!(Sqlite::on_a_file().await);
}

mod in_memory {
    use super::*;

    storage_conformance!(Sqlite::in_memory().await);
}
