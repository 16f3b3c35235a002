//! What a transaction leaves, and what it does not.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::Backend;
use crate::build::{account, event, key, moment, stored_account, stored_pair, stored_workspace, workspace};
use crate::prelude::*;

/// A workspace and the event that tells of it are there together.
pub async fn a_change_and_its_event_commit_together<B: Backend>(backend: Arc<B>) {
    let owner = stored_account(&*backend, "ada@example.com").await;
    let mut tx = backend.begin().await.unwrap();
    let made = workspace(tx.next_workspace_id().await.unwrap(), "engine");
    tx.insert_workspace(&made, owner.id).await.unwrap();
    tx.append(&event(made.id, 1)).await.unwrap();
    assert!(backend.events_of(made.id).await.unwrap().is_empty(), "nothing shows before the commit");
    tx.commit().await.unwrap();
    assert_eq!(backend.store().find_workspace(made.id).await.unwrap(), Some(made.clone()));
    assert_eq!(backend.events_of(made.id).await.unwrap(), [event(made.id, 1)]);
}

/// Dropped without commit, a transaction leaves no trace, and the next one can write the same.
pub async fn a_dropped_transaction_leaves_nothing_and_holds_no_lock<B: Backend>(backend: Arc<B>) {
    let (owner, kept) = stored_pair(&*backend).await;
    for _ in 0..3 {
        let mut tx = backend.begin().await.unwrap();
        tx.lock_workspace(kept.id).await.unwrap();
        let made = workspace(tx.next_workspace_id().await.unwrap(), "dropped");
        tx.insert_workspace(&made, owner.id).await.unwrap();
        tx.append(&event(kept.id, 2)).await.unwrap();
        tx.delete_workspace(kept.id, moment(1)).await.unwrap();
        drop(tx);
        assert_eq!(backend.store().find_workspace(made.id).await.unwrap(), None);
        assert_eq!(backend.store().find_workspace(kept.id).await.unwrap(), Some(kept.clone()));
        assert!(backend.events_of(kept.id).await.unwrap().is_empty());
    }
}

/// A future that is dropped while the store works on it ends its transaction too.
pub async fn a_transaction_dropped_within_an_operation_holds_no_lock<B: Backend>(backend: Arc<B>) {
    let (owner, kept) = stored_pair(&*backend).await;
    for micros in [0, 1, 10, 50, 100, 500, 1_000, 5_000] {
        let abandoned = async {
            let mut tx = backend.begin().await.unwrap();
            tx.lock_workspace(kept.id).await.unwrap();
            for _ in 0..1_000 {
                let made = key(tx.next_key_id().await.unwrap(), owner.id, Some(kept.id));
                tx.insert_key(&made).await.unwrap();
            }
        };
        // Whether it ends in time does not matter: nothing is committed.
        let _ = tokio::time::timeout(Duration::from_micros(micros), abandoned).await;
        let mut tx = backend.begin().await.unwrap();
        assert_eq!(tx.lock_workspace(kept.id).await.unwrap(), Some(kept.clone()));
        tx.rollback().await.unwrap();
    }
    assert!(backend.store().list_keys_of_account(owner.id).await.unwrap().is_empty());
}

/// An explicit rollback leaves no trace.
pub async fn a_rollback_leaves_nothing<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let mut tx = backend.begin().await.unwrap();
    let made = key(tx.next_key_id().await.unwrap(), owner.id, Some(home.id));
    tx.insert_key(&made).await.unwrap();
    tx.append(&event(home.id, 3)).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(backend.store().list_keys_of_account(owner.id).await.unwrap().is_empty());
    assert!(backend.events_of(home.id).await.unwrap().is_empty());
}

/// Readers neither wait for an open transaction nor see into it.
pub async fn readers_see_only_what_is_committed<B: Backend>(backend: Arc<B>) {
    let (_, before) = stored_pair(&*backend).await;
    let mut after = before.clone();
    after.slug = "analytical".try_into().unwrap();
    let mut tx = backend.begin().await.unwrap();
    tx.lock_workspace(before.id).await.unwrap();
    tx.update_workspace(&after).await.unwrap();
    assert_eq!(backend.store().find_workspace(before.id).await.unwrap(), Some(before.clone()));
    tx.commit().await.unwrap();
    assert_eq!(backend.store().find_workspace(before.id).await.unwrap(), Some(after));
}

/// Events come back whole, in the order of their appending and apart by workspace.
pub async fn events_keep_their_order_and_content<B: Backend>(backend: Arc<B>) {
    let (owner, first) = stored_pair(&*backend).await;
    let second = stored_workspace(&*backend, &owner, "second", |_| ()).await;
    let mut own = event(first.id, 10);
    own.event_type = String::from("post.created");
    own.environment = core_domain::Environment::Test;
    own.data = json!({ "text": "\u{0}\u{1f980}\"\\", "number": 1.5, "nested": { "b": [null, true], "a": i64::MAX } });
    own.created_at = core_domain::Timestamp::MAX;
    let mut tx = backend.begin().await.unwrap();
    for appended in [&event(first.id, 30), &own, &event(second.id, 20), &event(first.id, 11)] {
        tx.append(appended).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(backend.events_of(first.id).await.unwrap(), [event(first.id, 30), own, event(first.id, 11)]);
    assert_eq!(backend.events_of(second.id).await.unwrap(), [event(second.id, 20)]);
}

/// Ids grow within each transaction, and transactions at once never draw the same.
pub async fn ids_grow_and_no_two_are_the_same<B: Backend>(backend: Arc<B>) {
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..6 {
        let backend = Arc::clone(&backend);
        writers.spawn(async move {
            let mut drawn = Vec::new();
            for round in 0..5 {
                let mut tx = backend.begin().await.unwrap();
                let account = account(tx.next_account_id().await.unwrap(), &format!("a{writer}-{round}@example.com"));
                tx.insert_account(&account).await.unwrap();
                let home = workspace(tx.next_workspace_id().await.unwrap(), &format!("w{writer}-{round}"));
                tx.insert_workspace(&home, account.id).await.unwrap();
                let made = key(tx.next_key_id().await.unwrap(), account.id, Some(home.id));
                tx.insert_key(&made).await.unwrap();
                tx.commit().await.unwrap();
                drawn.push([account.id.get(), home.id.get(), made.id.get()]);
            }
            assert!(drawn.is_sorted_by(|earlier, later| earlier.iter().zip(later).all(|(a, b)| a < b)), "{drawn:?}");
            drawn
        });
    }
    let drawn: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    for kind in 0..3 {
        let mut ids: Vec<i64> = drawn.iter().map(|ids| ids[kind]).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), drawn.len());
    }
}
