//! Accounts, workspaces and memberships.

use std::sync::Arc;

use ::workspaces::{Email, Workspace, WorkspaceFilter, WorkspaceName, WorkspaceQuery, WorkspaceSort};
use core_domain::{PageRequest, Role, Tier};
use serde_json::{Map, Value, json};

use crate::Backend;
use crate::build::{delete, moment, stored_account, stored_pair, stored_workspace};
use crate::prelude::*;

fn first_page() -> WorkspaceQuery {
    let page = PageRequest::new(1, PageRequest::MAX_PER_PAGE).unwrap();
    WorkspaceQuery { filter: WorkspaceFilter::default(), sort: vec![WorkspaceSort::DEFAULT], page }
}

async fn update<B: Backend>(backend: &B, changed: &Workspace) {
    let mut tx = backend.begin().await.unwrap();
    tx.lock_workspace(changed.id).await.unwrap().unwrap();
    tx.update_workspace(changed).await.unwrap();
    tx.commit().await.unwrap();
}

/// An account is found by its email within a transaction and by its id outside.
pub async fn accounts_are_found_by_email_and_id<B: Backend>(backend: Arc<B>) {
    let ada = stored_account(&*backend, "ada@example.com").await;
    let grace = stored_account(&*backend, "grace@example.com").await;
    let mut tx = backend.begin().await.unwrap();
    assert_eq!(tx.find_account_by_email(&ada.email).await.unwrap(), Some(ada.clone()));
    assert_eq!(tx.find_account_by_email(&Email::try_from("x@example.com").unwrap()).await.unwrap(), None);
    tx.rollback().await.unwrap();
    let unknown = (grace.id.get() + 1_000).try_into().unwrap();
    let mut found = backend.store().list_accounts(&[grace.id, unknown, ada.id]).await.unwrap();
    found.sort_by_key(|account| account.id);
    assert_eq!(found, [ada, grace]);
    assert!(backend.store().list_accounts(&[]).await.unwrap().is_empty());
}

/// Another account sees neither the workspace nor a membership of it.
pub async fn a_workspace_is_seen_by_its_members_alone<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let stranger = stored_account(&*backend, "eve@example.com").await;
    let store = backend.store();
    assert_eq!(store.find_workspace_of(owner.id, home.id).await.unwrap(), Some(home.clone()));
    let membership = store.find_membership(owner.id, home.id).await.unwrap().unwrap();
    assert_eq!((membership.account_id, membership.workspace_id), (owner.id, home.id));
    assert_eq!((membership.role, membership.tier), (Role::Owner, home.tier));
    assert_eq!(store.find_workspace_of(stranger.id, home.id).await.unwrap(), None);
    assert_eq!(store.find_membership(stranger.id, home.id).await.unwrap(), None);
    assert_eq!(store.list_workspaces_of(stranger.id, &first_page()).await.unwrap().total, 0);
}

/// A change shows in every read, lists and memberships included, and nowhere else.
pub async fn an_update_shows_everywhere<B: Backend>(backend: Arc<B>) {
    let (owner, mut home) = stored_pair(&*backend).await;
    let other = stored_workspace(&*backend, &owner, "other", |_| ()).await;
    home.name = WorkspaceName::try_from("Zuse").unwrap();
    home.slug = "z3".try_into().unwrap();
    home.tier = Tier::Agency;
    home.settings = home.settings.merged(&Map::from_iter([("theme".to_owned(), json!("dark"))])).unwrap();
    home.updated_at = moment(60);
    update(&*backend, &home).await;
    let store = backend.store();
    assert_eq!(store.find_workspace(home.id).await.unwrap(), Some(home.clone()));
    assert_eq!(store.find_membership(owner.id, home.id).await.unwrap().unwrap().tier, Tier::Agency);
    let found_by = async |filter: WorkspaceFilter| {
        let query = WorkspaceQuery { filter, ..first_page() };
        store.list_workspaces_of(owner.id, &query).await.unwrap().items
    };
    let search = |text: &str| WorkspaceFilter { search: Some(text.to_owned()), ..WorkspaceFilter::default() };
    assert_eq!(found_by(search("zuse")).await, [home.clone()]);
    assert_eq!(found_by(search("engine")).await, []);
    assert_eq!(found_by(WorkspaceFilter { tier: Some(Tier::Agency), ..WorkspaceFilter::default() }).await, [home]);
    assert_eq!(found_by(search("other")).await, [other]);
}

/// Deleting hides a workspace from every read and from other transactions.
pub async fn a_deleted_workspace_looks_as_if_it_never_was<B: Backend>(backend: Arc<B>) {
    let (owner, gone) = stored_pair(&*backend).await;
    let kept = stored_workspace(&*backend, &owner, "kept", |_| ()).await;
    delete(&*backend, &gone, moment(1)).await;
    let store = backend.store();
    assert_eq!(store.find_workspace(gone.id).await.unwrap(), None);
    assert_eq!(store.find_workspace_of(owner.id, gone.id).await.unwrap(), None);
    assert_eq!(store.find_membership(owner.id, gone.id).await.unwrap(), None);
    let memberships = store.list_memberships(owner.id, 2).await.unwrap();
    assert_eq!(memberships.iter().map(|found| found.workspace_id).collect::<Vec<_>>(), [kept.id]);
    assert!(store.list_members(&[gone.id]).await.unwrap().is_empty());
    let page = store.list_workspaces_of(owner.id, &first_page()).await.unwrap();
    assert_eq!((page.items, page.total), (vec![kept], 1));
    let mut tx = backend.begin().await.unwrap();
    assert_eq!(tx.lock_workspace(gone.id).await.unwrap(), None);
    assert!(!tx.delete_workspace(gone.id, moment(2)).await.unwrap(), "it is gone already");
    tx.rollback().await.unwrap();
}

/// A slug can be used again once its workspace is deleted, any number of times.
pub async fn a_deleted_workspace_frees_its_slug<B: Backend>(backend: Arc<B>) {
    let owner = stored_account(&*backend, "ada@example.com").await;
    for second in 0..3 {
        let made = stored_workspace(&*backend, &owner, "phoenix", |_| ()).await;
        assert_eq!(backend.store().find_workspace(made.id).await.unwrap(), Some(made.clone()));
        delete(&*backend, &made, moment(second)).await;
    }
}

/// By workspace id, up to the limit: two tell whether there is exactly one.
pub async fn memberships_come_by_workspace_up_to_a_limit<B: Backend>(backend: Arc<B>) {
    let owner = stored_account(&*backend, "ada@example.com").await;
    let stranger = stored_account(&*backend, "eve@example.com").await;
    let listed = async |limit| {
        let memberships = backend.store().list_memberships(owner.id, limit).await.unwrap();
        assert!(memberships.iter().all(|found| found.account_id == owner.id && found.role == Role::Owner));
        memberships.into_iter().map(|found| (found.workspace_id, found.tier)).collect::<Vec<_>>()
    };
    assert_eq!(listed(2).await, []);
    let mut made = Vec::new();
    for (slug, tier) in [("c", Tier::Pro), ("a", Tier::Agency), ("b", Tier::Free)] {
        stored_workspace(&*backend, &stranger, &format!("{slug}-other"), |_| ()).await;
        made.push(stored_workspace(&*backend, &owner, slug, |workspace| workspace.tier = tier).await);
    }
    let expected: Vec<_> = made.iter().map(|workspace| (workspace.id, workspace.tier)).collect();
    assert_eq!(listed(2).await, expected[..2]);
    assert_eq!(listed(100).await, expected);
    delete(&*backend, &made[0], moment(1)).await;
    assert_eq!(listed(100).await, expected[1..]);
}

/// Page after page by id, whoever owns them, without the deleted.
pub async fn all_workspaces_come_by_id<B: Backend>(backend: Arc<B>) {
    let (ada, first) = stored_pair(&*backend).await;
    let grace = stored_account(&*backend, "grace@example.com").await;
    let mut made = vec![first];
    for (owner, slug) in [(&grace, "b"), (&ada, "gone"), (&grace, "a"), (&ada, "c")] {
        made.push(stored_workspace(&*backend, owner, slug, |_| ()).await);
    }
    delete(&*backend, &made.remove(2), moment(1)).await;
    let listed = async |after, limit| backend.store().list_all_workspaces(after, limit).await.unwrap();
    assert_eq!(listed(None, 100).await, made);
    assert_eq!(listed(None, 2).await, made[..2]);
    assert_eq!(listed(Some(made[1].id), 2).await, made[2..]);
    assert_eq!(listed(Some(made[3].id), 2).await, []);
}

/// The members of several workspaces come together, in order, without those of others.
pub async fn members_come_by_workspace<B: Backend>(backend: Arc<B>) {
    let (ada, first) = stored_pair(&*backend).await;
    let grace = stored_account(&*backend, "grace@example.com").await;
    let second = stored_workspace(&*backend, &grace, "second", |_| ()).await;
    stored_workspace(&*backend, &grace, "third", |_| ()).await;
    let members = backend.store().list_members(&[second.id, first.id]).await.unwrap();
    let shown: Vec<_> = members.iter().map(|member| (member.workspace_id, &member.account, member.role)).collect();
    assert_eq!(shown, [(first.id, &ada, Role::Owner), (second.id, &grace, Role::Owner)]);
    assert!(backend.store().list_members(&[]).await.unwrap().is_empty());
}

/// Read, change and write under [`lock_workspace`](::workspaces::WorkspaceRepository::lock_workspace): every change counts.
pub async fn concurrent_changes_under_a_lock_lose_nothing<B: Backend>(backend: Arc<B>) {
    const WRITERS: u64 = 6;
    const ROUNDS: u64 = 5;
    let (_, home) = stored_pair(&*backend).await;
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        let (backend, id) = (Arc::clone(&backend), home.id);
        writers.spawn(async move {
            for _ in 0..ROUNDS {
                let mut tx = backend.begin().await.unwrap();
                let mut current = tx.lock_workspace(id).await.unwrap().unwrap();
                let count = count(&current) + 1;
                let patch = Map::from_iter([("count".to_owned(), Value::from(count))]);
                current.settings = current.settings.merged(&patch).unwrap();
                tx.update_workspace(&current).await.unwrap();
                tx.commit().await.unwrap();
            }
        });
    }
    writers.join_all().await;
    assert_eq!(count(&backend.store().find_workspace(home.id).await.unwrap().unwrap()), WRITERS * ROUNDS);
}

fn count(workspace: &Workspace) -> u64 {
    workspace.settings.as_object().get("count").and_then(Value::as_u64).unwrap_or(0)
}
