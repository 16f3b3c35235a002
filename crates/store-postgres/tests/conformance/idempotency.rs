//! Claims of transactions that are open at the same time.

use core_domain::{Timestamp, Transaction as _};
use idempotency::{Claim, Claimed, Fingerprint, IdempotencyRepository as _, RecordId};
use store_postgres::{PgStore, PgTx};
use workspaces::AccountRepository as _;

use crate::support::TestDatabase;

const NOW: Timestamp = Timestamp::MIN;

/// As records have them, ids that differ from their beginning on.
fn claim(number: u8) -> Claim {
    Claim { record: RecordId::from([number; 32]), fingerprint: Fingerprint::from([0; 32]) }
}

/// A transaction that has claimed a record, and what came of it.
async fn claiming(store: &PgStore, number: u8) -> (PgTx, Claimed) {
    let mut tx = store.begin().await.unwrap();
    let claimed = tx.claim_record(&claim(number), NOW).await.unwrap();
    (tx, claimed)
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_of_different_records_are_open_at_the_same_time() {
    let database = TestDatabase::migrated().await;
    let mut open = Vec::new();
    for number in 0..8 {
        let (mut tx, claimed) = claiming(&database.store, number).await;
        assert_eq!(claimed, Claimed::First);
        tx.store_record(&claim(number), None, NOW, Timestamp::MAX).await.unwrap();
        open.push(tx);
    }
    for tx in open {
        Box::new(tx).commit().await.unwrap();
    }
}

/// It waits for nothing, and its transaction goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_twin_is_told_at_once() {
    let database = TestDatabase::migrated().await;
    let (mut first, claimed) = claiming(&database.store, 1).await;
    assert_eq!(claimed, Claimed::First);
    first.store_record(&claim(1), Some(b"answer"), NOW, Timestamp::MAX).await.unwrap();
    let (mut twin, claimed) = claiming(&database.store, 1).await;
    assert_eq!(claimed, Claimed::InProgress);
    twin.next_account_id().await.unwrap();
    Box::new(first).commit().await.unwrap();
    let claimed = twin.claim_record(&claim(1), NOW).await.unwrap();
    assert!(matches!(claimed, Claimed::Before(_)), "{claimed:?}");
    Box::new(twin).commit().await.unwrap();
}

/// While a claim's effects are undone, the claim is still the first's.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_before_a_mark_outlives_its_undoing() {
    let database = TestDatabase::migrated().await;
    let (mut first, _) = claiming(&database.store, 1).await;
    first.mark().await.unwrap();
    first.claim_record(&claim(2), NOW).await.unwrap();
    first.undo_to_mark().await.unwrap();
    assert_eq!(claiming(&database.store, 1).await.1, Claimed::InProgress);
    assert_eq!(claiming(&database.store, 2).await.1, Claimed::First);
    Box::new(first).rollback().await.unwrap();
    assert_eq!(claiming(&database.store, 1).await.1, Claimed::First);
}

/// Of two purges at once, and a claim, each gets its own rows without waiting for the others.
#[tokio::test(flavor = "multi_thread")]
async fn purges_pass_over_what_others_are_at() {
    let database = TestDatabase::migrated().await;
    let expired = Timestamp::from_unix_micros(NOW.as_unix_micros() + 1).unwrap();
    let mut tx = database.store.begin().await.unwrap();
    for number in 0..10 {
        tx.store_record(&claim(number), None, NOW, expired).await.unwrap();
    }
    Box::new(tx).commit().await.unwrap();
    let [mut claimer, mut one, mut two] = [
        database.store.begin().await.unwrap(),
        database.store.begin().await.unwrap(),
        database.store.begin().await.unwrap(),
    ];
    assert_eq!(claimer.claim_record(&claim(0), expired).await.unwrap(), Claimed::First);
    assert_eq!(one.purge_records(expired, 4).await.unwrap(), 4);
    assert_eq!(two.purge_records(expired, 100).await.unwrap(), 5);
    claimer.store_record(&claim(0), None, expired, Timestamp::MAX).await.unwrap();
    for tx in [one, two, claimer] {
        Box::new(tx).commit().await.unwrap();
    }
    let (mut last, told) = claiming(&database.store, 0).await;
    assert!(matches!(told, Claimed::Before(_)), "{told:?}");
    assert_eq!(last.purge_records(expired, 100).await.unwrap(), 0);
}
