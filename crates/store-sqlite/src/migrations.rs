use core_domain::StorageError;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::error::Failure;
use crate::store::SqliteStore;

pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

impl SqliteStore {
    /// Brings the schema up to date. Returns the names of what was applied.
    ///
    /// All of it is one transaction that locks out other writers: of two processes that start at once, the second
    /// waits and finds nothing left to do.
    pub async fn migrate(&self) -> Result<Vec<String>, StorageError> {
        self.write("migrate", |connection| {
            connection.immediate_transaction(|connection| {
                let pending = connection.pending_migrations(MIGRATIONS).map_err(Failure::Other)?;
                connection.run_migrations(&pending).map_err(Failure::Other)?;
                Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
            })
        })
        .await
    }

    /// Whether the schema is up to date.
    pub async fn is_migrated(&self) -> Result<bool, StorageError> {
        self.write("is_migrated", |connection| {
            connection.has_pending_migration(MIGRATIONS).map(|pending| !pending).map_err(Failure::Other)
        })
        .await
    }
}
