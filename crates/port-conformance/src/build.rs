//! Accounts, workspaces, keys and events with something in every field, and short ways to store them.

use ::keys::{ApiKey, KeyDigest, KeyName, PepperVersion};
use ::workspaces::{Account, Email, Settings, Slug, Workspace, WorkspaceName};
use core_domain::{AccountId, ApiKeyId, DomainEvent, Environment, EventKind, LineageId, Tier, Timestamp, WorkspaceId};
use serde_json::json;
use testkit::SeededEntropy;

use crate::Backend;
use crate::prelude::*;

/// So many seconds after (or before) 2026-01-15T10:30:00Z.
pub(crate) fn moment(seconds: i64) -> Timestamp {
    let start = Timestamp::parse("2026-01-15T10:30:00Z").unwrap();
    Timestamp::from_unix_micros(start.as_unix_micros() + seconds * 1_000_000).unwrap()
}

pub(crate) fn account(id: AccountId, email: &str) -> Account {
    Account { id, email: Email::try_from(email).unwrap(), created_at: moment(0) }
}

pub(crate) fn workspace(id: WorkspaceId, slug: &str) -> Workspace {
    Workspace {
        id,
        name: WorkspaceName::try_from(slug).unwrap(),
        slug: Slug::try_from(slug).unwrap(),
        tier: Tier::Pro,
        settings: Settings::default(),
        created_at: moment(0),
        updated_at: moment(0),
    }
}

/// A digest that no other number has.
pub(crate) fn digest(number: i64) -> KeyDigest {
    let mut bytes = [0xd5; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    KeyDigest::from(bytes)
}

/// A live, active key whose digest is that of its id.
pub(crate) fn key(id: ApiKeyId, account_id: AccountId, workspace_id: Option<WorkspaceId>) -> ApiKey {
    ApiKey {
        id,
        lineage_id: LineageId::from(id),
        account_id,
        workspace_id,
        name: KeyName::try_from("Deploy").unwrap(),
        prefix: "sk_live_abc".to_owned(),
        digest: digest(id.get()),
        pepper_version: PepperVersion(7),
        environment: Environment::Live,
        scopes: "read posts:write".parse().unwrap(),
        rate_limit_tier: None,
        allowed_ips: None,
        mcp_servers: None,
        expires_at: None,
        grace_period_ends_at: None,
        revoked_at: None,
        rotated_from_id: None,
        last_used_at: None,
        created_at: moment(0),
        updated_at: moment(0),
    }
}

/// An event whose id comes from `seed`.
pub(crate) fn event(workspace: WorkspaceId, seed: u64) -> DomainEvent {
    let data = json!({ "seed": seed });
    let entropy = SeededEntropy::new(seed);
    DomainEvent::own(EventKind::WorkspaceUpdated, workspace, Environment::Live, data, moment(0), &entropy)
}

pub(crate) async fn stored_account<B: Backend>(backend: &B, email: &str) -> Account {
    let mut tx = backend.begin().await.unwrap();
    let account = account(tx.next_account_id().await.unwrap(), email);
    tx.insert_account(&account).await.unwrap();
    tx.commit().await.unwrap();
    account
}

/// A workspace of the account, changed by `change` before it is stored.
pub(crate) async fn stored_workspace<B: Backend>(
    backend: &B,
    owner: &Account,
    slug: &str,
    change: impl FnOnce(&mut Workspace) + Send,
) -> Workspace {
    let mut tx = backend.begin().await.unwrap();
    let mut workspace = workspace(tx.next_workspace_id().await.unwrap(), slug);
    change(&mut workspace);
    tx.insert_workspace(&workspace, owner.id).await.unwrap();
    tx.commit().await.unwrap();
    workspace
}

/// A key of the account, changed by `change` before it is stored.
pub(crate) async fn stored_key<B: Backend>(
    backend: &B,
    account: &Account,
    workspace: Option<WorkspaceId>,
    change: impl FnOnce(&mut ApiKey) + Send,
) -> ApiKey {
    let mut tx = backend.begin().await.unwrap();
    let mut key = key(tx.next_key_id().await.unwrap(), account.id, workspace);
    change(&mut key);
    tx.insert_key(&key).await.unwrap();
    tx.commit().await.unwrap();
    key
}

/// An account with one workspace.
pub(crate) async fn stored_pair<B: Backend>(backend: &B) -> (Account, Workspace) {
    let account = stored_account(backend, "ada@example.com").await;
    let workspace = stored_workspace(backend, &account, "engine", |_| ()).await;
    (account, workspace)
}

pub(crate) async fn delete<B: Backend>(backend: &B, workspace: &Workspace, at: Timestamp) {
    let mut tx = backend.begin().await.unwrap();
    assert!(tx.delete_workspace(workspace.id, at).await.unwrap());
    tx.commit().await.unwrap();
}
