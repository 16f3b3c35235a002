//! Values that are taken. A conflict names its rule, and the transaction goes on.

use std::sync::Arc;

use core_domain::{Constraint, StorageError};

use crate::Backend;
use crate::build::{
    account, delete, digest, key, moment, stored_account, stored_key, stored_pair, stored_workspace, workspace,
};
use crate::prelude::*;

fn assert_conflict(outcome: Result<(), StorageError>, constraint: Constraint) {
    let error = outcome.unwrap_err();
    assert!(error.is_conflict_on(constraint), "{error:?}");
}

/// Two accounts can't share an email.
pub async fn a_taken_email_is_named_and_the_transaction_goes_on<B: Backend>(backend: Arc<B>) {
    stored_account(&*backend, "ada@example.com").await;
    let mut tx = backend.begin().await.unwrap();
    let id = tx.next_account_id().await.unwrap();
    assert_conflict(tx.insert_account(&account(id, "ada@example.com")).await, Constraint::AccountEmail);
    let other = account(id, "grace@example.com");
    tx.insert_account(&other).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(backend.store().list_accounts(&[id]).await.unwrap(), [other]);
}

/// Two live workspaces can't share a slug. A refused one leaves no membership.
pub async fn a_taken_slug_is_named_and_the_transaction_goes_on<B: Backend>(backend: Arc<B>) {
    let (owner, taken) = stored_pair(&*backend).await;
    let mut tx = backend.begin().await.unwrap();
    let id = tx.next_workspace_id().await.unwrap();
    let mut made = workspace(id, taken.slug.as_str());
    assert_conflict(tx.insert_workspace(&made, owner.id).await, Constraint::WorkspaceSlug);
    assert_conflict(tx.insert_workspace(&made, owner.id).await, Constraint::WorkspaceSlug);
    made.slug = "engine-2".try_into().unwrap();
    tx.insert_workspace(&made, owner.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(backend.store().find_workspace_of(owner.id, id).await.unwrap(), Some(made.clone()));
    assert_eq!(backend.store().list_members(&[id]).await.unwrap().len(), 1);
}

/// Nor can a workspace take another's slug later.
pub async fn a_slug_taken_by_an_update_is_named_and_the_transaction_goes_on<B: Backend>(backend: Arc<B>) {
    let (owner, taken) = stored_pair(&*backend).await;
    let mut moved = stored_workspace(&*backend, &owner, "second", |_| ()).await;
    let mut tx = backend.begin().await.unwrap();
    tx.lock_workspace(moved.id).await.unwrap();
    moved.slug = taken.slug.clone();
    assert_conflict(tx.update_workspace(&moved).await, Constraint::WorkspaceSlug);
    moved.slug = "third".try_into().unwrap();
    tx.update_workspace(&moved).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(backend.store().find_workspace(moved.id).await.unwrap(), Some(moved));
    assert_eq!(backend.store().find_workspace(taken.id).await.unwrap(), Some(taken));
}

/// Two keys can't share a digest, wherever they are.
pub async fn a_taken_digest_is_named_and_the_transaction_goes_on<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let gone = stored_workspace(&*backend, &owner, "gone", |_| ()).await;
    let taken = stored_key(&*backend, &owner, Some(gone.id), |_| ()).await;
    delete(&*backend, &gone, moment(1)).await;
    let mut tx = backend.begin().await.unwrap();
    let mut made = key(tx.next_key_id().await.unwrap(), owner.id, Some(home.id));
    made.digest = taken.digest;
    assert_conflict(tx.insert_key(&made).await, Constraint::ApiKeyDigest);
    made.digest = digest(made.id.get());
    tx.insert_key(&made).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(backend.store().list_keys_of_account(owner.id).await.unwrap(), [made]);
}
