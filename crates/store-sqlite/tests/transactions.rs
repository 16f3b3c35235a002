//! How this store's transactions end, beyond what every store promises.

#![expect(clippy::unwrap_used, reason = "a test that fails is to say so")]

use core_domain::{AccountId, Tier, Timestamp, Transaction, WorkspaceId};
use store_sqlite::{SqliteOptions, SqliteStore};
use workspaces::{
    Account, AccountRepository, Email, Settings, Workspace, WorkspaceName, WorkspaceReader, WorkspaceRepository,
};

fn account() -> Account {
    let id = AccountId::try_from(1).unwrap();
    Account { id, email: Email::try_from("ada@example.com").unwrap(), created_at: Timestamp::MIN }
}

fn workspace() -> Workspace {
    Workspace {
        id: WorkspaceId::try_from(1).unwrap(),
        name: WorkspaceName::try_from("Engine").unwrap(),
        slug: "engine".try_into().unwrap(),
        tier: Tier::Free,
        settings: Settings::default(),
        created_at: Timestamp::MIN,
        updated_at: Timestamp::MIN,
    }
}

async fn store() -> SqliteStore {
    let store = SqliteStore::open(":memory:", SqliteOptions { readers: 1 }).await.unwrap();
    store.migrate().await.unwrap();
    store
}

/// Some errors make SQLite roll back by itself; what followed would then be committed statement by statement.
#[tokio::test]
async fn an_error_other_than_a_conflict_ends_the_transaction() {
    let store = store().await;
    let mut tx = Box::new(store.begin().await.unwrap());
    tx.insert_account(&account()).await.unwrap();
    let nobody = AccountId::try_from(2).unwrap();
    tx.insert_workspace(&workspace(), nobody).await.unwrap_err();
    tx.insert_workspace(&workspace(), account().id).await.unwrap_err();
    let next = store.begin().await.unwrap();
    assert!(tx.commit().await.is_err());
    drop(next);
    assert!(store.is_empty().await.unwrap());
}

#[tokio::test]
async fn a_transaction_outlives_its_store() {
    let store = store().await;
    let reader = store.clone();
    let mut tx = Box::new(store.begin().await.unwrap());
    drop(store);
    tx.insert_account(&account()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(reader.list_accounts(&[account().id]).await.unwrap(), [account()]);
    let mut tx = Box::new(reader.begin().await.unwrap());
    drop(reader);
    tx.insert_workspace(&workspace(), account().id).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_and_writers_in_great_number_wait_for_their_turn() {
    let store = store().await;
    let mut tx = Box::new(store.begin().await.unwrap());
    tx.insert_account(&account()).await.unwrap();
    tx.commit().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200 {
        let store = store.clone();
        tasks.spawn(async move {
            if number % 4 == 0 {
                let mut tx = Box::new(store.begin().await.unwrap());
                tx.next_account_id().await.unwrap();
                tx.commit().await.unwrap();
            } else {
                assert_eq!(store.list_accounts(&[account().id]).await.unwrap().len(), 1);
            }
        });
    }
    tasks.join_all().await;
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.next_account_id().await.unwrap().get(), 51);
}
