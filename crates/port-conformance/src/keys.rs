//! Keys: who reaches them, and how they end.

use std::sync::Arc;

use ::keys::{KeyFilter, KeyQuery, KeySort, PepperVersion};
use core_domain::{Environment, PageRequest};

use crate::Backend;
use crate::build::{delete, moment, stored_account, stored_key, stored_pair, stored_workspace};
use crate::prelude::*;
use crate::reach::{found, reach};

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
