use std::sync::Arc;

use core_domain::{BoxError, StorageError};
use diesel::sql_types::BigInt;
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::PgStore;
use crate::error::storage;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
/// Any number will do, as long as it stays the same.
const LOCK: i64 = 7_140_312_259_633_046_091;

impl PgStore {
    /// Brings the schema up to date. Returns the names of what was applied.
    ///
    /// Of replicas that start at once, one does it and the others wait, then find nothing left to do.
    pub async fn migrate(&self) -> Result<Vec<String>, StorageError> {
        const OPERATION: &str = "migrate";
        let mut connection = self.without_limits(OPERATION).await?;
        diesel::sql_query("SELECT pg_advisory_lock($1)")
            .bind::<BigInt, _>(LOCK)
            .execute(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        blocking(OPERATION, move || {
            let mut harness = AsyncMigrationHarness::new(connection);
            let applied = harness.run_pending_migrations(MIGRATIONS)?;
            Ok(applied.iter().map(ToString::to_string).collect())
        })
        .await
    }

    /// Whether the schema is up to date.
    pub async fn is_migrated(&self) -> Result<bool, StorageError> {
        const OPERATION: &str = "is_migrated";
        let connection = self.without_limits(OPERATION).await?;
        blocking(OPERATION, move || Ok(!AsyncMigrationHarness::new(connection).has_pending_migration(MIGRATIONS)?))
            .await
    }

    /// A connection of its own, on which statements may take their time. A lock that it holds ends with it.
    async fn without_limits(&self, operation: &'static str) -> Result<AsyncPgConnection, StorageError> {
        let connecting = Arc::clone(&self.connector).connect().await;
        let mut connection = connecting.map_err(|error| unavailable(operation, error))?;
        let limits = "SET statement_timeout = 0; SET lock_timeout = 0";
        connection.batch_execute(limits).await.map_err(storage(operation))?;
        Ok(connection)
    }
}

/// Migrations run as if they blocked, which no thread that drives others may do.
async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> Result<T, BoxError> + Send + 'static,
) -> Result<T, StorageError> {
    let outcome = tokio::task::spawn_blocking(work).await;
    outcome.map_err(BoxError::from).flatten().map_err(|error| unavailable(operation, error))
}

fn unavailable(operation: &'static str, source: impl Into<BoxError>) -> StorageError {
    StorageError::Unavailable { operation, source: source.into() }
}
