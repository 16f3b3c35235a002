//! Several stores on one file, as several processes would have it.

#![expect(clippy::unwrap_used, reason = "a test that fails is to say so")]

use std::sync::Arc;

use core_domain::{AccountId, StorageError, Tier, Timestamp, Transaction, WorkspaceId};
use store_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;
use tokio::task::JoinSet;
use workspaces::{
    Account, AccountRepository, Email, Settings, Workspace, WorkspaceName, WorkspaceReader, WorkspaceRepository,
};

async fn open(directory: &TempDir) -> SqliteStore {
    SqliteStore::open(directory.path().join("store.db"), SqliteOptions::default()).await.unwrap()
}

async fn make_account(store: &SqliteStore, email: &str) -> Result<AccountId, StorageError> {
    let mut tx = Box::new(store.begin().await?);
    let id = tx.next_account_id().await?;
    let email = Email::try_from(email).unwrap();
    tx.insert_account(&Account { id, email, created_at: Timestamp::MIN }).await?;
    tx.commit().await?;
    Ok(id)
}

async fn make_workspace(store: &SqliteStore, owner: AccountId, slug: &str) -> Result<WorkspaceId, StorageError> {
    let mut tx = Box::new(store.begin().await?);
    let workspace = Workspace {
        id: tx.next_workspace_id().await?,
        name: WorkspaceName::try_from(slug).unwrap(),
        slug: slug.try_into().unwrap(),
        tier: Tier::Free,
        settings: Settings::default(),
        created_at: Timestamp::MIN,
        updated_at: Timestamp::MIN,
    };
    tx.insert_workspace(&workspace, owner).await?;
    tx.commit().await?;
    Ok(workspace.id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_that_start_at_once_apply_each_migration_once() {
    for _ in 0..5 {
        let directory = Arc::new(TempDir::new().unwrap());
        let mut starts = JoinSet::new();
        for _ in 0..4 {
            let directory = Arc::clone(&directory);
            starts.spawn(async move {
                let store = open(&directory).await;
                let applied = store.migrate().await.unwrap();
                assert!(store.is_migrated().await.unwrap());
                applied
            });
        }
        let applied: Vec<String> = starts.join_all().await.into_iter().flatten().collect();
        let all = [
            "2026-01-15-000000_accounts_workspaces_keys_events",
            "2026-01-20-000000_idempotency",
            "2026-01-25-000000_webhooks",
            "2026-02-05-000000_seo",
            "2026-02-10-000000_entitlements",
            "2026-04-10-000000_pixel",
            "2026-05-01-000000_mcp",
        ];
        assert_eq!(applied, all);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_on_one_file_interleave_without_errors() {
    const ROUNDS: usize = 25;
    let directory = TempDir::new().unwrap();
    let stores = [open(&directory).await, open(&directory).await];
    stores[0].migrate().await.unwrap();
    let owner = make_account(&stores[0], "ada@example.com").await.unwrap();
    let mut writers = JoinSet::new();
    for (number, store) in stores.iter().enumerate() {
        for task in 0..2 {
            let store = store.clone();
            writers.spawn(async move {
                let mut made = Vec::new();
                for round in 0..ROUNDS {
                    let id = make_workspace(&store, owner, &format!("w-{number}-{task}-{round}")).await.unwrap();
                    assert!(store.find_workspace(id).await.unwrap().is_some(), "a store sees its own commits at once");
                    made.push(id);
                }
                made
            });
        }
    }
    let made = writers.join_all().await.concat();
    for store in &stores {
        let all = store.list_all_workspaces(None, 1_000).await.unwrap();
        assert_eq!(all.len(), made.len());
        assert!(made.iter().all(|id| all.iter().any(|workspace| workspace.id == *id)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_is_kept_waiting_is_told_that_it_may_try_again() {
    let directory = TempDir::new().unwrap();
    let (first, second) = (open(&directory).await, open(&directory).await);
    first.migrate().await.unwrap();
    let held = first.begin().await.unwrap();
    let (same, other) = tokio::join!(first.begin(), second.begin());
    assert!(same.unwrap_err().is_retryable());
    assert!(other.unwrap_err().is_retryable());
    drop(held);
    make_account(&first, "ada@example.com").await.unwrap();
    make_account(&second, "grace@example.com").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_committed_is_there_after_the_store_is_opened_again() {
    let directory = TempDir::new().unwrap();
    let store = open(&directory).await;
    assert!(!store.is_migrated().await.unwrap());
    store.migrate().await.unwrap();
    assert!(store.is_empty().await.unwrap());
    let id = make_account(&store, "ada@example.com").await.unwrap();
    drop(store);
    let store = open(&directory).await;
    store.ping().await.unwrap();
    assert!(store.migrate().await.unwrap().is_empty());
    assert!(!store.is_empty().await.unwrap());
    assert_eq!(store.list_accounts(&[id]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_path_that_can_not_be_opened_is_an_error() {
    let directory = TempDir::new().unwrap();
    let missing = directory.path().join("missing").join("store.db");
    assert!(SqliteStore::open(missing, SqliteOptions::default()).await.is_err());
}
