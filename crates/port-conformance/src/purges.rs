//! What purging takes, and what it leaves.

use std::sync::Arc;

use ::keys::{ApiKey, PepperVersion};
use core_domain::Timestamp;

use crate::Backend;
use crate::build::{delete, event, moment, stored_account, stored_key, stored_pair, stored_workspace};
use crate::prelude::*;

/// What was deleted at the bound or later stays, as does all that lives; what was deleted before goes, events too.
pub async fn a_purge_takes_only_what_was_deleted_before<B: Backend>(backend: Arc<B>) {
    let (owner, living) = stored_pair(&*backend).await;
    let mut made = vec![living];
    for slug in ["older", "newer"] {
        made.push(stored_workspace(&*backend, &owner, slug, |_| ()).await);
    }
    for (seed, workspace) in (1..).zip(&made) {
        // A pepper version each: it tells, through a port, whether the key is still stored.
        for (pepper, revoked_at) in [(PepperVersion(seed), None), (PepperVersion(-seed), Some(moment(1)))] {
            let change = |key: &mut ApiKey| (key.pepper_version, key.revoked_at) = (pepper, revoked_at);
            stored_key(&*backend, &owner, Some(workspace.id), change).await;
        }
        let mut tx = backend.begin().await.unwrap();
        tx.append(&event(workspace.id, seed.unsigned_abs().into())).await.unwrap();
        tx.commit().await.unwrap();
    }
    let account_key = stored_key(&*backend, &owner, None, |_| ()).await;
    delete(&*backend, &made[1], moment(100)).await;
    delete(&*backend, &made[2], moment(200)).await;
    assert_eq!(purge(&*backend, moment(200), 10).await, 1);
    assert_eq!(purge(&*backend, moment(200), 10).await, 0);
    assert_eq!(backend.events_of(made[0].id).await.unwrap().len(), 1);
    assert_eq!(backend.events_of(made[1].id).await.unwrap().len(), 0, "its events go with it");
    assert_eq!(backend.events_of(made[2].id).await.unwrap().len(), 1);
    let mut peppers = backend.store().list_pepper_versions().await.unwrap();
    peppers.sort_by_key(|version| version.0);
    assert_eq!(peppers, [-3, -1, 1, 3, 7].map(PepperVersion), "its keys go with it, the revoked too");
    let left = backend.store().list_keys_of_account(owner.id).await.unwrap();
    assert!(left.contains(&account_key) && left.iter().any(|key| key.workspace_id == Some(made[0].id)));
    assert_eq!(backend.store().find_workspace(made[0].id).await.unwrap(), Some(made[0].clone()));
}

/// The limit counts workspaces, and the oldest deletion goes first.
pub async fn a_purge_takes_the_oldest_first_up_to_its_limit<B: Backend>(backend: Arc<B>) {
    let owner = stored_account(&*backend, "ada@example.com").await;
    let mut made = Vec::new();
    for (seed, slug) in (1..).zip(["a", "b", "c", "d", "e"]) {
        let workspace = stored_workspace(&*backend, &owner, slug, |_| ()).await;
        let mut tx = backend.begin().await.unwrap();
        tx.append(&event(workspace.id, seed)).await.unwrap();
        tx.commit().await.unwrap();
        delete(&*backend, &workspace, moment(-i64::try_from(seed).unwrap())).await;
        made.push(workspace);
    }
    assert_eq!(purge(&*backend, moment(0), 2).await, 2);
    let mut left = Vec::new();
    for workspace in &made {
        left.push(backend.events_of(workspace.id).await.unwrap().len());
    }
    assert_eq!(left, [1, 1, 1, 0, 0]);
    assert_eq!(purge(&*backend, moment(0), 2).await, 2);
    assert_eq!(purge(&*backend, moment(0), 2).await, 1);
    assert_eq!(purge(&*backend, moment(0), 2).await, 0);
}

async fn purge<B: Backend>(backend: &B, before: Timestamp, limit: u32) -> u64 {
    let mut tx = backend.begin().await.unwrap();
    let purged = tx.purge_workspaces(before, limit).await.unwrap();
    tx.commit().await.unwrap();
    purged
}
