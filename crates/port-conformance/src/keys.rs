//! Keys: who reaches them, and how they end.

use std::sync::Arc;

use ::keys::{ApiKey, KeyFilter, KeyName, KeyQuery, KeyReach, KeySort, PepperVersion};
use ::workspaces::Account;
use core_domain::{
    ApiKeyId, Environment, LineageId, McpServers, PageRequest, Scope, ScopeSet, Tier, Timestamp, WorkspaceId,
};
use tokio::sync::Barrier;

use crate::Backend;
use crate::build::{delete, key, moment, stored_account, stored_key, stored_pair, stored_workspace};
use crate::prelude::*;

fn reach(workspace_id: WorkspaceId, account: Option<&Account>) -> KeyReach {
    KeyReach { workspace_id, account_id: account.map(|account| account.id) }
}

/// What both ways to find a key say; they must agree.
async fn found<B: Backend>(backend: &B, reach: KeyReach, id: ApiKeyId) -> Option<ApiKey> {
    let outside = backend.store().find_key(reach, id).await.unwrap();
    let mut tx = backend.begin().await.unwrap();
    assert_eq!(tx.find_key_for_change(reach, id).await.unwrap(), outside);
    tx.rollback().await.unwrap();
    outside
}

/// A workspace's key can't be reached from another workspace, not even its own account's.
pub async fn a_key_is_reached_from_its_workspace_alone<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let other = stored_workspace(&*backend, &owner, "other", |_| ()).await;
    let made = stored_key(&*backend, &owner, Some(home.id), |_| ()).await;
    assert_eq!(found(&*backend, reach(home.id, None), made.id).await, Some(made.clone()));
    assert_eq!(found(&*backend, reach(home.id, Some(&owner)), made.id).await, Some(made.clone()));
    assert_eq!(found(&*backend, reach(other.id, None), made.id).await, None);
    assert_eq!(found(&*backend, reach(other.id, Some(&owner)), made.id).await, None);
    let query =
        KeyQuery { filter: KeyFilter::default(), sort: vec![KeySort::DEFAULT], page: PageRequest::new(1, 25).unwrap() };
    assert_eq!(backend.store().list_keys(home.id, &query, moment(1)).await.unwrap().items, [made]);
    assert_eq!(backend.store().list_keys(other.id, &query, moment(1)).await.unwrap().total, 0);
}

/// An account-level key can't be reached with a credential that is bound, nor by another account; no list shows it.
pub async fn an_account_level_key_is_reached_by_its_account_alone<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let stranger = stored_account(&*backend, "eve@example.com").await;
    let made = stored_key(&*backend, &owner, None, |_| ()).await;
    assert_eq!(found(&*backend, reach(home.id, Some(&owner)), made.id).await, Some(made.clone()));
    assert_eq!(found(&*backend, reach(home.id, None), made.id).await, None);
    assert_eq!(found(&*backend, reach(home.id, Some(&stranger)), made.id).await, None);
    let query =
        KeyQuery { filter: KeyFilter::default(), sort: vec![KeySort::DEFAULT], page: PageRequest::new(1, 25).unwrap() };
    assert_eq!(backend.store().list_keys(home.id, &query, moment(1)).await.unwrap().total, 0);
}

/// Neither found nor listed, for the operator either.
pub async fn keys_of_a_deleted_workspace_are_gone<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let made = stored_key(&*backend, &owner, Some(home.id), |_| ()).await;
    delete(&*backend, &home, moment(1)).await;
    assert_eq!(found(&*backend, reach(home.id, Some(&owner)), made.id).await, None);
    for filter in [KeyFilter::default(), KeyFilter { environment: Some(Environment::Live), ..KeyFilter::default() }] {
        for page in [1, 2] {
            let page = PageRequest::new(page, 1).unwrap();
            let query = KeyQuery { filter: filter.clone(), sort: vec![KeySort::DEFAULT], page };
            let listed = backend.store().list_keys(home.id, &query, moment(2)).await.unwrap();
            assert_eq!((listed.items, listed.total), (vec![], 0));
        }
    }
    assert!(backend.store().list_keys_of_account(owner.id).await.unwrap().is_empty());
}

/// The longest, largest, earliest and latest that the domain allows; empty lists stay apart from missing ones.
pub async fn extreme_keys_come_back_as_they_were<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let id = ApiKeyId::try_from(i64::MAX).unwrap();
    let scopes: ScopeSet = (0..50).map(|n| format!("{}:act-{n:03}", "r".repeat(92)).parse().unwrap()).collect();
    assert!(scopes.iter().all(|scope| scope.as_str().len() == Scope::MAX_LEN));
    let networks: Vec<_> = (0..100).map(|n| format!("2001:db8:ffff:ffff:ffff:ffff:ffff:{n:x}")).collect();
    let largest = ApiKey {
        lineage_id: LineageId::from(id),
        name: KeyName::try_from(&*"\u{1d538}".repeat(KeyName::MAX_CHARS)).unwrap(),
        digest: [0xff; 32].into(),
        pepper_version: PepperVersion(i32::MIN),
        environment: Environment::Test,
        scopes,
        rate_limit_tier: Some(Tier::Enterprise),
        allowed_ips: Some(format!("::/0 10.0.0.0/8 192.0.2.1 {}", networks.join(" ")).parse().unwrap()),
        mcp_servers: Some((0..McpServers::MAX_SERVERS).map(|n| format!("{n:0>64}")).collect()),
        expires_at: Some(Timestamp::MAX),
        grace_period_ends_at: Some(Timestamp::MIN),
        revoked_at: Some(Timestamp::MAX),
        rotated_from_id: Some(ApiKeyId::try_from(i64::MAX - 1).unwrap()),
        last_used_at: Some(Timestamp::MIN),
        created_at: Timestamp::MIN,
        updated_at: Timestamp::MAX,
        ..key(id, owner.id, Some(home.id))
    };
    let smallest = ApiKey {
        digest: [0; 32].into(),
        pepper_version: PepperVersion(i32::MAX),
        scopes: ScopeSet::default(),
        allowed_ips: Some(std::iter::empty().collect()),
        mcp_servers: Some(std::iter::empty().collect()),
        ..key(ApiKeyId::try_from(i64::MAX - 2).unwrap(), owner.id, Some(home.id))
    };
    for made in [largest, smallest] {
        let mut tx = backend.begin().await.unwrap();
        tx.insert_key(&made).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(found(&*backend, reach(home.id, None), made.id).await, Some(made.clone()));
        let credential = backend.store().find_credential(&[made.digest]).await.unwrap();
        assert_eq!(credential.map(|found| found.key), Some(made));
    }
}

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

/// Bound and account-level ones, of this account alone.
pub async fn an_accounts_keys_come_by_id_without_the_revoked<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let stranger = stored_account(&*backend, "eve@example.com").await;
    let bound = stored_key(&*backend, &owner, Some(home.id), |_| ()).await;
    stored_key(&*backend, &owner, Some(home.id), |key| key.revoked_at = Some(moment(1))).await;
    let level = stored_key(&*backend, &owner, None, |key| key.expires_at = Some(moment(1))).await;
    stored_key(&*backend, &stranger, Some(home.id), |_| ()).await;
    stored_key(&*backend, &stranger, None, |_| ()).await;
    assert_eq!(backend.store().list_keys_of_account(owner.id).await.unwrap(), [bound, level]);
}

/// Whatever the number of keys behind a version.
pub async fn every_pepper_version_is_listed_once<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    assert!(backend.store().list_pepper_versions().await.unwrap().is_empty());
    for version in [3, -5, 3, i32::MAX, -5] {
        stored_key(&*backend, &owner, Some(home.id), |key| key.pepper_version = PepperVersion(version)).await;
    }
    let mut versions = backend.store().list_pepper_versions().await.unwrap();
    versions.sort_by_key(|version| version.0);
    assert_eq!(versions, [PepperVersion(-5), PepperVersion(3), PepperVersion(i32::MAX)]);
}
