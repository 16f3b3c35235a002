//! A database of its own for each test, made from a migrated template and dropped at the test's end.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::{env, fs, thread};

use async_trait::async_trait;
use core_domain::{DomainEvent, StorageError, WorkspaceId, random_base62};
use port_conformance::Backend;
use store_postgres::{PgOptions, PgStore, PgTx};
use system::OsEntropy;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

const TEMPLATE: &str = "core_api_template";

pub(crate) struct TestDatabase {
    pub(crate) store: PgStore,
    pub(crate) url: String,
    name: String,
}

impl TestDatabase {
    /// A migrated one, without a row.
    pub(crate) async fn migrated() -> Self {
        let admin = client(&admin_url()).await;
        make_template(&admin).await;
        Self::create(&admin, &format!("TEMPLATE {TEMPLATE}")).await
    }

    /// One without a table.
    pub(crate) async fn blank() -> Self {
        Self::create(&client(&admin_url()).await, "").await
    }

    async fn create(admin: &Client, from: &str) -> Self {
        let name = format!("t_{}", random_base62(&OsEntropy::default(), 20).to_lowercase());
        admin.batch_execute(&format!("CREATE DATABASE {name} {from}")).await.unwrap();
        let url = url_of(&name);
        Self { store: PgStore::connect(&url, PgOptions::default()).await.unwrap(), url, name }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // No runtime may be entered from within another one's thread.
        let dropping = thread::spawn(move || {
            Runtime::new().unwrap().block_on(async { client(&admin_url()).await.batch_execute(&sql).await })
        });
        let _ = dropping.join();
    }
}

#[async_trait]
impl Backend for TestDatabase {
    type Store = PgStore;
    type Tx = PgTx;

    fn store(&self) -> &PgStore {
        &self.store
    }

    async fn begin(&self) -> Result<Box<PgTx>, StorageError> {
        self.store.begin().await.map(Box::new)
    }

    async fn events_of(&self, workspace: WorkspaceId) -> Result<Vec<DomainEvent>, StorageError> {
        self.store.list_events_of(workspace, 1_000).await
    }
}

/// A plain connection.
pub(crate) async fn client(url: &str) -> Client {
    let (client, driver) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(driver);
    client
}

/// Makes the template anew when the migrations are not those that it was made from. Of tests that start at once, in
/// whatever process, one does it.
async fn make_template(admin: &Client) {
    admin.batch_execute("SELECT pg_advisory_lock(1)").await.unwrap();
    let made_from =
        format!("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{TEMPLATE}'");
    let made_from = admin.query_opt(&made_from, &[]).await.unwrap().and_then(|row| row.get::<_, Option<String>>(0));
    let migrations = fingerprint();
    if made_from.as_ref() != Some(&migrations) {
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")).await.unwrap();
        admin.batch_execute(&format!("CREATE DATABASE {TEMPLATE}")).await.unwrap();
        let store = PgStore::connect(&url_of(TEMPLATE), PgOptions::default()).await.unwrap();
        store.migrate().await.unwrap();
        admin.batch_execute(&format!("COMMENT ON DATABASE {TEMPLATE} IS '{migrations}'")).await.unwrap();
    }
    admin.batch_execute("SELECT pg_advisory_unlock(1)").await.unwrap();
}

fn fingerprint() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/postgres");
    let mut migrations: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    migrations.sort();
    let mut hasher = DefaultHasher::new();
    for migration in migrations {
        (migration.file_name(), fs::read(migration.join("up.sql")).unwrap()).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

fn admin_url() -> String {
    env::var("CORE_API_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!(
            "these tests need a PostgreSQL server: run `cargo xtask test`, which starts one, or name one's superuser \
                in CORE_API_TEST_POSTGRES_URL (postgres://postgres@127.0.0.1:5432/postgres)"
        )
    })
}

fn url_of(database: &str) -> String {
    let admin = admin_url();
    let (address, parameters) = admin.split_once('?').unwrap_or((&admin, ""));
    let (server, _) = address.rsplit_once('/').unwrap();
    format!("{server}/{database}?{parameters}")
}
