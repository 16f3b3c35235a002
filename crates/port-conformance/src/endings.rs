//! How keys end: rotation and revocation.

use std::sync::Arc;

use ::keys::ApiKey;
use core_domain::ApiKeyId;
use tokio::sync::Barrier;

use crate::Backend;
use crate::build::{moment, stored_key, stored_pair};
use crate::prelude::*;
use crate::reach::{found, reach};

/// Runs one operation of the key repository in many transactions at the same time; says how many it succeeded in.
async fn winners<B: Backend>(backend: &Arc<B>, id: ApiKeyId, rotate: bool) -> usize {
    const RIVALS: usize = 6;
    let start = Arc::new(Barrier::new(RIVALS));
    let mut rivals = tokio::task::JoinSet::new();
    for _ in 0..RIVALS {
        let (backend, start) = (Arc::clone(backend), Arc::clone(&start));
        rivals.spawn(async move {
            start.wait().await;
            let mut tx = backend.begin().await.unwrap();
            let won = if rotate {
                tx.begin_grace_period(id, moment(3_600), moment(60)).await.unwrap()
            } else {
                tx.revoke_key(id, moment(60)).await.unwrap()
            };
            tx.commit().await.unwrap();
            won
        });
    }
    rivals.join_all().await.into_iter().filter(|won| *won).count()
}

/// However many rotate a key at once, one gets to.
pub async fn of_concurrent_rotations_one_wins<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let made = stored_key(&*backend, &owner, Some(home.id), |_| ()).await;
    assert_eq!(winners(&backend, made.id, true).await, 1);
    let rotated = ApiKey { grace_period_ends_at: Some(moment(3_600)), updated_at: moment(60), ..made };
    assert_eq!(found(&*backend, reach(home.id, None), rotated.id).await, Some(rotated.clone()));
}

/// However many revoke a key at once, one gets to.
pub async fn of_concurrent_revocations_one_wins<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let made = stored_key(&*backend, &owner, Some(home.id), |_| ()).await;
    assert_eq!(winners(&backend, made.id, false).await, 1);
    let revoked = ApiKey { revoked_at: Some(moment(60)), updated_at: moment(60), ..made };
    assert_eq!(found(&*backend, reach(home.id, None), revoked.id).await, Some(revoked.clone()));
}

/// A key that is rotated, revoked or expired can't be rotated; it is expired at the very moment of its expiry.
pub async fn only_an_active_key_gets_a_grace_period<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let now = moment(100);
    let mut outcomes = Vec::new();
    for number in 0..6 {
        let made = stored_key(&*backend, &owner, Some(home.id), |key| match number {
            0 => {}
            1 => key.expires_at = Some(moment(101)),
            2 => key.expires_at = Some(now),
            3 => key.grace_period_ends_at = Some(moment(200)),
            4 => key.grace_period_ends_at = Some(moment(50)),
            _ => key.revoked_at = Some(moment(50)),
        });
        let made = made.await;
        let mut tx = backend.begin().await.unwrap();
        let began = tx.begin_grace_period(made.id, moment(150), now).await.unwrap();
        tx.commit().await.unwrap();
        let after = found(&*backend, reach(home.id, None), made.id).await.unwrap();
        let expected =
            if began { ApiKey { grace_period_ends_at: Some(moment(150)), updated_at: now, ..made } } else { made };
        assert_eq!(after, expected);
        outcomes.push(began);
    }
    assert_eq!(outcomes, [true, true, false, false, false, false]);
    let mut tx = backend.begin().await.unwrap();
    let unknown = ApiKeyId::try_from(i64::MAX).unwrap();
    assert!(!tx.begin_grace_period(unknown, moment(150), now).await.unwrap());
    assert!(!tx.revoke_key(unknown, now).await.unwrap());
}

/// Revoking hides a key from no one who can reach it; an account-level key can be revoked as well.
pub async fn a_revoked_key_stays_readable<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    for workspace in [Some(home.id), None] {
        let made = stored_key(&*backend, &owner, workspace, |_| ()).await;
        let mut tx = backend.begin().await.unwrap();
        assert!(tx.revoke_key(made.id, moment(5)).await.unwrap());
        assert!(!tx.revoke_key(made.id, moment(6)).await.unwrap());
        tx.commit().await.unwrap();
        let revoked = ApiKey { revoked_at: Some(moment(5)), updated_at: moment(5), ..made };
        assert_eq!(found(&*backend, reach(home.id, Some(&owner)), revoked.id).await, Some(revoked.clone()));
    }
}
