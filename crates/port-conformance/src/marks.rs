//! Points within a transaction to go back to.

use std::sync::Arc;

use ::idempotency::Claimed;
use ::keys::{KeyFilter, KeyQuery, KeySort};
use ::workspaces::{Account, Workspace, WorkspaceFilter, WorkspaceQuery, WorkspaceSort};
use core_domain::{Constraint, PageRequest};

use crate::Backend;
use crate::build::{event, key, moment, stored_pair, workspace};
use crate::prelude::*;
use crate::records::{before, claim, expiry, told};

/// Another workspace, a key and an event; a refused workspace in between.
async fn change<B: Backend>(tx: &mut B::Tx, owner: &Account, home: &Workspace) {
    let made = workspace(tx.next_workspace_id().await.unwrap(), "second");
    tx.insert_workspace(&made, owner.id).await.unwrap();
    let refused = workspace(tx.next_workspace_id().await.unwrap(), home.slug.as_str());
    let error = tx.insert_workspace(&refused, owner.id).await.unwrap_err();
    assert!(error.is_conflict_on(Constraint::WorkspaceSlug), "{error:?}");
    let mut moved = tx.lock_workspace(made.id).await.unwrap().unwrap();
    moved.slug = home.slug.clone();
    let error = tx.update_workspace(&moved).await.unwrap_err();
    assert!(error.is_conflict_on(Constraint::WorkspaceSlug), "{error:?}");
    let made = key(tx.next_key_id().await.unwrap(), owner.id, Some(home.id));
    tx.insert_key(&made).await.unwrap();
    tx.append(&event(home.id, 1)).await.unwrap();
}

/// The totals of workspaces and of keys, and the number of events.
async fn counts<B: Backend>(backend: &B, owner: &Account, home: &Workspace) -> (u64, u64, usize) {
    let page = PageRequest::new(1, 1).unwrap();
    let (filter, sort) = (WorkspaceFilter::default(), vec![WorkspaceSort::DEFAULT]);
    let query = WorkspaceQuery { filter, sort, page };
    let workspaces = backend.store().list_workspaces_of(owner.id, &query).await.unwrap().total;
    let (filter, sort) = (KeyFilter::default(), vec![KeySort::DEFAULT]);
    let keys = backend.store().list_keys(home.id, &KeyQuery { filter, sort, page }, moment(0)).await.unwrap().total;
    (workspaces, keys, backend.events_of(home.id).await.unwrap().len())
}

/// Rows, totals and events alike; the transaction goes on, and can be marked and undone again.
pub async fn undoing_keeps_what_was_before_the_mark_and_nothing_after_it<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let mut tx = backend.begin().await.unwrap();
    assert_eq!(tx.claim_record(&claim(1), moment(0)).await.unwrap(), Claimed::First);
    tx.store_record(&claim(1), None, moment(0), expiry()).await.unwrap();
    tx.append(&event(home.id, 7)).await.unwrap();
    for _ in 0..3 {
        tx.mark().await.unwrap();
        change::<B>(&mut tx, &owner, &home).await;
        tx.store_record(&claim(1), Some(b"made"), moment(0), expiry()).await.unwrap();
        tx.store_record(&claim(2), Some(b"made"), moment(0), expiry()).await.unwrap();
        tx.undo_to_mark().await.unwrap();
    }
    tx.append(&event(home.id, 8)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(told(&*backend, &claim(1), moment(0)).await, before(&claim(1), None));
    assert_eq!(told(&*backend, &claim(2), moment(0)).await, Claimed::First);
    assert_eq!(counts(&*backend, &owner, &home).await, (1, 0, 2));
    assert_eq!(backend.events_of(home.id).await.unwrap(), [event(home.id, 7), event(home.id, 8)]);
}

/// What was written before the mark, since, and after its release.
pub async fn releasing_keeps_everything<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let mut tx = backend.begin().await.unwrap();
    tx.append(&event(home.id, 7)).await.unwrap();
    tx.mark().await.unwrap();
    change::<B>(&mut tx, &owner, &home).await;
    tx.store_record(&claim(1), Some(b"made"), moment(0), expiry()).await.unwrap();
    tx.release_mark().await.unwrap();
    tx.append(&event(home.id, 8)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(told(&*backend, &claim(1), moment(0)).await, before(&claim(1), Some(b"made")));
    assert_eq!(counts(&*backend, &owner, &home).await, (2, 1, 3));
}

/// Of several marks the latest is gone back to, or forgotten, and then the one before it is the latest.
pub async fn the_latest_mark_counts<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let mut tx = backend.begin().await.unwrap();
    for seed in 0..4 {
        tx.append(&event(home.id, seed)).await.unwrap();
        tx.mark().await.unwrap();
    }
    tx.append(&event(home.id, 4)).await.unwrap();
    tx.undo_to_mark().await.unwrap();
    tx.append(&event(home.id, 5)).await.unwrap();
    tx.release_mark().await.unwrap();
    tx.undo_to_mark().await.unwrap();
    tx.append(&event(home.id, 6)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(backend.events_of(home.id).await.unwrap(), [0, 1, 6].map(|seed| event(home.id, seed)));
}

/// A commit covers what came after a mark; a rollback or a drop what came before it. No lock outlives either.
pub async fn a_transaction_ends_whole_whatever_is_marked<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    for (number, marks) in (1..).zip([1, 2, 3]) {
        for rolled_back in [true, false] {
            let mut tx = backend.begin().await.unwrap();
            tx.lock_workspace(home.id).await.unwrap();
            tx.store_record(&claim(number), Some(b"gone"), moment(0), expiry()).await.unwrap();
            for seed in 0..marks {
                tx.mark().await.unwrap();
                tx.append(&event(home.id, 100 + seed)).await.unwrap();
            }
            change::<B>(&mut tx, &owner, &home).await;
            if rolled_back {
                tx.rollback().await.unwrap();
            } else {
                drop(tx);
            }
            assert_eq!(told(&*backend, &claim(number), moment(0)).await, Claimed::First);
            assert_eq!(counts(&*backend, &owner, &home).await, (1, 0, usize::from(number) - 1));
        }
        let mut tx = backend.begin().await.unwrap();
        tx.lock_workspace(home.id).await.unwrap();
        for _ in 0..marks {
            tx.mark().await.unwrap();
        }
        tx.append(&event(home.id, 10 + u64::from(number))).await.unwrap();
        tx.store_record(&claim(number), Some(b"kept"), moment(0), expiry()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(told(&*backend, &claim(number), moment(0)).await, before(&claim(number), Some(b"kept")));
        assert_eq!(counts(&*backend, &owner, &home).await, (1, 0, usize::from(number)));
    }
}
