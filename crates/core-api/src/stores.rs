use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use core_domain::{BoxError, StorageError};
use entitlements::EntitlementReader;
use http_api::{ApiTx, HealthCheck, UnitOfWork};
use keys::{CredentialStore, KeyReader};
use mcp::CallLog;
use seo::SeoReader;
use store_postgres::{PgOptions, PgStore};
use store_sqlite::{SqliteOptions, SqliteStore};
use tokens::AccountDirectory;
use webhooks::{DeliveryQueue, WebhookReader};
use workspaces::WorkspaceReader;

use crate::config::{Config, Database};

/// The store behind the ports, whichever it is.
pub(crate) struct Store {
    pub(crate) backend: Backend,
    pub(crate) unit_of_work: Arc<dyn UnitOfWork>,
    pub(crate) workspaces: Arc<dyn WorkspaceReader>,
    pub(crate) keys: Arc<dyn KeyReader>,
    pub(crate) webhooks: Arc<dyn WebhookReader>,
    pub(crate) deliveries: Arc<dyn DeliveryQueue>,
    pub(crate) seo: Arc<dyn SeoReader>,
    pub(crate) credentials: Arc<dyn CredentialStore>,
    pub(crate) accounts: Arc<dyn AccountDirectory>,
    pub(crate) entitlements: Arc<dyn EntitlementReader>,
    pub(crate) calls: Arc<dyn CallLog>,
    pub(crate) health: Arc<dyn HealthCheck>,
}

#[derive(Clone)]
pub(crate) enum Backend {
    Sqlite(SqliteStore),
    Postgres(PgStore),
}

/// An adapter, seen through the API's own ports.
struct Adapted<S>(S);

macro_rules! adapt {
    ($store:ty) => {
        #[async_trait]
        impl UnitOfWork for Adapted<$store> {
            async fn begin(&self) -> Result<Box<dyn ApiTx>, StorageError> {
                Ok(Box::new(self.0.begin().await?))
            }
        }

        #[async_trait]
        impl HealthCheck for Adapted<$store> {
            fn name(&self) -> &'static str {
                "database"
            }

            async fn check(&self) -> Result<(), BoxError> {
                Ok(self.0.ping().await?)
            }
        }

        impl From<$store> for Store {
            fn from(store: $store) -> Self {
                let adapted = Arc::new(Adapted(store.clone()));
                let shared = Arc::new(store.clone());
                Self {
                    backend: store.into(),
                    unit_of_work: adapted.clone(),
                    workspaces: shared.clone(),
                    keys: shared.clone(),
                    webhooks: shared.clone(),
                    deliveries: shared.clone(),
                    seo: shared.clone(),
                    credentials: shared.clone(),
                    accounts: shared.clone(),
                    entitlements: shared.clone(),
                    calls: shared,
                    health: adapted,
                }
            }
        }
    };
}

adapt!(SqliteStore);
adapt!(PgStore);

impl From<SqliteStore> for Backend {
    fn from(store: SqliteStore) -> Self {
        Self::Sqlite(store)
    }
}

impl From<PgStore> for Backend {
    fn from(store: PgStore) -> Self {
        Self::Postgres(store)
    }
}

impl Backend {
    /// To be called by every thread that serves requests.
    pub(crate) fn serve_this_thread(&self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(store) => Ok(store.dedicate()?),
        }
    }
}

/// How many threads serve requests.
pub(crate) fn serving_threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

impl Store {
    /// Opens the configured store. Nothing is migrated yet.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        match &config.database {
            Database::Sqlite(path) => {
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))?;
                }
                let store = SqliteStore::open(path, SqliteOptions::default()).await;
                Ok(store.with_context(|| format!("DATABASE_URL: {} can't be opened", path.display()))?.into())
            }
            Database::Postgres(url) => {
                let options = PgOptions { max_connections: config.database_pool, dedicated_threads: serving_threads() };
                let store = PgStore::connect(url, options).await;
                Ok(store.context("DATABASE_URL: PostgreSQL can't be connected to")?.into())
            }
        }
    }

    /// Brings the store up to date; returns the migrations that were missing.
    pub(crate) async fn migrate(&self) -> anyhow::Result<Vec<String>> {
        let applied = match &self.backend {
            Backend::Sqlite(store) => store.migrate().await,
            Backend::Postgres(store) => store.migrate().await,
        };
        applied.context("the database could not be migrated")
    }

    /// Whether no account was ever made.
    pub(crate) async fn is_empty(&self) -> Result<bool, StorageError> {
        match &self.backend {
            Backend::Sqlite(store) => store.is_empty().await,
            Backend::Postgres(store) => store.is_empty().await,
        }
    }
}
