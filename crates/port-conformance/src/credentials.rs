//! What authentication asks of a store.

use std::sync::Arc;

use ::keys::{KeyDigest, KeyReach, StoredCredential};
use core_domain::{ApiKeyId, Tier, Timestamp};

use crate::Backend;
use crate::build::{delete, digest, moment, stored_account, stored_key, stored_pair, stored_workspace};
use crate::prelude::*;

async fn found<B: Backend>(backend: &B, digests: &[KeyDigest]) -> Option<StoredCredential> {
    backend.store().find_credential(digests).await.unwrap()
}

async fn ceiling<B: Backend>(backend: &B, digest: KeyDigest) -> Option<Tier> {
    found(backend, &[digest]).await.map(|found| found.ceiling)
}

/// The place of the right digest among the candidates does not matter.
pub async fn a_key_is_found_by_any_of_several_digests<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    stored_key(&*backend, &owner, Some(home.id), |_| ()).await;
    let made = stored_key(&*backend, &owner, Some(home.id), |_| ()).await;
    let expected = Some(StoredCredential { key: made.clone(), ceiling: home.tier });
    assert_eq!(found(&*backend, &[made.digest]).await, expected);
    assert_eq!(found(&*backend, &[made.digest, digest(-1), digest(-2)]).await, expected);
    assert_eq!(found(&*backend, &[digest(-1), made.digest, digest(-2)]).await, expected);
    assert_eq!(found(&*backend, &[digest(-1), digest(-2), made.digest]).await, expected);
}

/// Neither an unknown digest nor none at all.
pub async fn no_digest_finds_nothing<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    stored_key(&*backend, &owner, Some(home.id), |_| ()).await;
    stored_key(&*backend, &owner, None, |_| ()).await;
    assert_eq!(found(&*backend, &[]).await, None);
    assert_eq!(found(&*backend, &[digest(-1)]).await, None);
    assert_eq!(found(&*backend, &[digest(-1), digest(-2)]).await, None);
}

/// Whether a key still works is the domain's to say.
pub async fn ended_and_revoked_keys_are_found<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let expired = stored_key(&*backend, &owner, Some(home.id), |key| key.expires_at = Some(Timestamp::MIN)).await;
    let revoked = stored_key(&*backend, &owner, None, |key| key.revoked_at = Some(moment(1))).await;
    for made in [expired, revoked] {
        assert_eq!(found(&*backend, &[made.digest]).await.map(|found| found.key), Some(made));
    }
}

/// Whatever other workspaces its account has.
pub async fn a_bound_keys_ceiling_is_its_workspaces_tier<B: Backend>(backend: Arc<B>) {
    let owner = stored_account(&*backend, "ada@example.com").await;
    stored_workspace(&*backend, &owner, "large", |workspace| workspace.tier = Tier::Enterprise).await;
    let mut home = stored_workspace(&*backend, &owner, "small", |workspace| workspace.tier = Tier::Starter).await;
    let made = stored_key(&*backend, &owner, Some(home.id), |key| key.rate_limit_tier = Some(Tier::Pro)).await;
    assert_eq!(ceiling(&*backend, made.digest).await, Some(Tier::Starter));
    home.tier = Tier::Agency;
    let mut tx = backend.begin().await.unwrap();
    tx.lock_workspace(home.id).await.unwrap();
    tx.update_workspace(&home).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ceiling(&*backend, made.digest).await, Some(Tier::Agency));
}

/// `free` without any; workspaces of others, and deleted ones, don't count.
pub async fn an_account_level_keys_ceiling_is_the_highest_of_its_accounts_tiers<B: Backend>(backend: Arc<B>) {
    let owner = stored_account(&*backend, "ada@example.com").await;
    let stranger = stored_account(&*backend, "eve@example.com").await;
    stored_workspace(&*backend, &stranger, "other", |workspace| workspace.tier = Tier::Enterprise).await;
    let made = stored_key(&*backend, &owner, None, |_| ()).await;
    assert_eq!(ceiling(&*backend, made.digest).await, Some(Tier::Free));
    stored_workspace(&*backend, &owner, "small", |workspace| workspace.tier = Tier::Starter).await;
    let large = stored_workspace(&*backend, &owner, "large", |workspace| workspace.tier = Tier::Business).await;
    assert_eq!(ceiling(&*backend, made.digest).await, Some(Tier::Business));
    delete(&*backend, &large, moment(1)).await;
    assert_eq!(ceiling(&*backend, made.digest).await, Some(Tier::Starter));
}

/// Deleting a workspace stops its keys at once, and only its own.
pub async fn a_deleted_workspaces_key_is_not_found<B: Backend>(backend: Arc<B>) {
    let (owner, gone) = stored_pair(&*backend).await;
    let kept = stored_workspace(&*backend, &owner, "kept", |_| ()).await;
    let dead = stored_key(&*backend, &owner, Some(gone.id), |_| ()).await;
    let alive = stored_key(&*backend, &owner, Some(kept.id), |_| ()).await;
    delete(&*backend, &gone, moment(1)).await;
    assert_eq!(found(&*backend, &[dead.digest]).await, None);
    assert_eq!(found(&*backend, &[dead.digest, alive.digest]).await.map(|found| found.key), Some(alive));
}

/// A replica that is late to write does not undo another's note. Being used is no change.
pub async fn a_last_use_never_goes_back<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let first = stored_key(&*backend, &owner, Some(home.id), |_| ()).await;
    let second = stored_key(&*backend, &owner, Some(home.id), |key| key.last_used_at = Some(moment(50))).await;
    let unknown = ApiKeyId::try_from(i64::MAX).unwrap();
    let store = backend.store();
    let last_used = async |id| {
        let reach = KeyReach { workspace_id: home.id, account_id: None };
        let key = store.find_key(reach, id).await.unwrap().unwrap();
        assert_eq!(key.updated_at, moment(0));
        key.last_used_at
    };
    store.record_last_used(&[]).await.unwrap();
    store.record_last_used(&[(first.id, moment(10)), (second.id, moment(10)), (unknown, moment(10))]).await.unwrap();
    assert_eq!((last_used(first.id).await, last_used(second.id).await), (Some(moment(10)), Some(moment(50))));
    store.record_last_used(&[(first.id, moment(9)), (second.id, moment(51))]).await.unwrap();
    assert_eq!((last_used(first.id).await, last_used(second.id).await), (Some(moment(10)), Some(moment(51))));
    let many: Vec<_> = (1..=2_000).map(|id| (ApiKeyId::try_from(id).unwrap(), moment(60))).collect();
    store.record_last_used(&many).await.unwrap();
    assert_eq!((last_used(first.id).await, last_used(second.id).await), (Some(moment(60)), Some(moment(60))));
}
