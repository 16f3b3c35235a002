//! What only a store with many connections can get wrong.

use std::time::Duration;

use crate::support::TestDatabase;
use core_domain::{AccountId, StorageError, Tier, Timestamp, Transaction as _, WorkspaceId};
use store_postgres::{PgOptions, PgStore, PgTx};
use tokio::time::timeout;
use workspaces::{
    Account, AccountRepository as _, Email, Settings, Slug, Workspace, WorkspaceName, WorkspaceReader as _,
    WorkspaceRepository as _,
};

/// Well below every timeout of a session.
const AT_ONCE: Duration = Duration::from_secs(2);

fn workspace(id: WorkspaceId, slug: &str) -> Workspace {
    Workspace {
        id,
        name: WorkspaceName::try_from(slug).unwrap(),
        slug: Slug::try_from(slug).unwrap(),
        tier: Tier::Pro,
        settings: Settings::default(),
        created_at: Timestamp::MIN,
        updated_at: Timestamp::MIN,
    }
}

async fn two_workspaces(store: &PgStore) -> [WorkspaceId; 2] {
    let mut tx = store.begin().await.unwrap();
    let owner = tx.next_account_id().await.unwrap();
    let email = Email::try_from("ada@example.com").unwrap();
    tx.insert_account(&Account { id: owner, email, created_at: Timestamp::MIN }).await.unwrap();
    let mut ids = [WorkspaceId::try_from(1).unwrap(); 2];
    for (id, slug) in ids.iter_mut().zip(["one", "two"]) {
        *id = tx.next_workspace_id().await.unwrap();
        tx.insert_workspace(&workspace(*id, slug), owner).await.unwrap();
    }
    Box::new(tx).commit().await.unwrap();
    ids
}

async fn locking(store: &PgStore, id: WorkspaceId) -> PgTx {
    let mut tx = store.begin().await.unwrap();
    tx.lock_workspace(id).await.unwrap().unwrap();
    tx
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_frees_its_lock_at_once() {
    let database = TestDatabase::migrated().await;
    let [id, _] = two_workspaces(&database.store).await;
    drop(locking(&database.store, id).await);
    timeout(AT_ONCE, locking(&database.store, id)).await.unwrap();
}

/// The server would not notice a closed connection while it waits for a lock.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_dropped_while_it_waits_frees_its_transactions_locks_at_once() {
    let database = TestDatabase::migrated().await;
    let [held, wanted] = two_workspaces(&database.store).await;
    let _holder = locking(&database.store, wanted).await;
    let waiting = async {
        let mut tx = locking(&database.store, held).await;
        tx.lock_workspace(wanted).await
    };
    timeout(Duration::from_millis(300), waiting).await.unwrap_err();
    timeout(AT_ONCE, locking(&database.store, held)).await.unwrap();
}

/// PostgreSQL answers such a commit with a rollback, and calls it success.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_in_which_something_failed_does_not_commit() {
    let database = TestDatabase::migrated().await;
    let mut tx = database.store.begin().await.unwrap();
    let id = tx.next_workspace_id().await.unwrap();
    let nobody = AccountId::try_from(i64::MAX).unwrap();
    let failed = tx.insert_workspace(&workspace(id, "one"), nobody).await;
    assert!(matches!(failed, Err(StorageError::Unavailable { .. })), "{failed:?}");
    assert!(matches!(tx.lock_workspace(id).await, Err(StorageError::Unavailable { .. })));
    assert!(matches!(Box::new(tx).commit().await, Err(StorageError::Unavailable { .. })));
    assert_eq!(database.store.find_workspace(id).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_dropped_halfway_ends_its_transaction() {
    let database = TestDatabase::migrated().await;
    let [id, wanted] = two_workspaces(&database.store).await;
    let _holder = locking(&database.store, wanted).await;
    let mut tx = locking(&database.store, id).await;
    timeout(Duration::from_millis(100), tx.lock_workspace(wanted)).await.unwrap_err();
    assert!(matches!(Box::new(tx).commit().await, Err(StorageError::Unavailable { .. })));

    let mut tx = timeout(AT_ONCE, locking(&database.store, id)).await.unwrap();
    timeout(Duration::from_millis(100), tx.lock_workspace(wanted)).await.unwrap_err();
    Box::new(tx).rollback().await.unwrap();
    timeout(AT_ONCE, locking(&database.store, id)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_may_be_retried() {
    let database = TestDatabase::migrated().await;
    let [one, two] = two_workspaces(&database.store).await;
    let (mut first, mut second) = (locking(&database.store, one).await, locking(&database.store, two).await);
    let outcomes = tokio::join!(
        async {
            let outcome = first.lock_workspace(two).await;
            Box::new(first).rollback().await.unwrap();
            outcome
        },
        async {
            let outcome = second.lock_workspace(one).await;
            Box::new(second).rollback().await.unwrap();
            outcome
        }
    );
    let refused = [outcomes.0, outcomes.1].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert!(matches!(&refused[..], [error] if error.is_retryable()), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_granted_in_time_may_be_retried() {
    let database = TestDatabase::migrated().await;
    let [id, _] = two_workspaces(&database.store).await;
    let _holder = locking(&database.store, id).await;
    let mut tx = database.store.begin().await.unwrap();
    let error = tx.lock_workspace(id).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    Box::new(tx).rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_without_a_free_connection_may_be_retried() {
    let database = TestDatabase::migrated().await;
    let small =
        PgStore::connect(&database.url, PgOptions { max_connections: 1, ..PgOptions::default() }).await.unwrap();
    let _only = small.begin().await.unwrap();
    let error = small.begin().await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_server_closed_are_replaced() {
    const CONNECTIONS: usize = 3;
    let database = TestDatabase::migrated().await;
    let store = PgStore::connect(&database.url, PgOptions { max_connections: CONNECTIONS, ..PgOptions::default() })
        .await
        .unwrap();
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        open.push(store.begin().await.unwrap());
    }
    for tx in open {
        Box::new(tx).rollback().await.unwrap();
    }
    let others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    crate::support::client(&database.url).await.batch_execute(others).await.unwrap();
    // At worst each is tried once before its end is known.
    let mut failures = 0;
    while store.ping().await.is_err() {
        failures += 1;
        assert!(failures <= CONNECTIONS);
    }
    Box::new(store.begin().await.unwrap()).commit().await.unwrap();
}
