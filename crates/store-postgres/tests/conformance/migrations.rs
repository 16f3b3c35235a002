//! Bringing the schema up to date.

use crate::support::TestDatabase;

#[tokio::test(flavor = "multi_thread")]
async fn of_replicas_that_start_at_once_one_migrates() {
    let database = TestDatabase::blank().await;
    assert!(!database.store.is_migrated().await.unwrap());
    let (one, two) = tokio::join!(database.store.migrate(), database.store.migrate());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one.is_empty() != two.is_empty(), "{one:?} {two:?}");
    assert!(database.store.is_migrated().await.unwrap());
    assert!(database.store.is_empty().await.unwrap());
    assert!(database.store.migrate().await.unwrap().is_empty());
}

/// Migrating needs no runtime with several threads.
#[tokio::test]
async fn one_thread_is_enough() {
    let database = TestDatabase::blank().await;
    assert!(!database.store.migrate().await.unwrap().is_empty());
}
