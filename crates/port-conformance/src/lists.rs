//! The order and the totals of lists.

use std::sync::Arc;

use ::keys::{ApiKey, KeyFilter, KeyName, KeyQuery, KeySort};
use ::workspaces::{Workspace, WorkspaceFilter, WorkspaceName, WorkspaceQuery, WorkspaceSort};
use core_domain::{Order, PageRequest, Sort, Tier};

use crate::build::{delete, moment, stored_account, stored_key, stored_pair, stored_workspace};
use crate::prelude::*;
use crate::random::Random;
use crate::{Backend, model};

/// Code points that order otherwise under a locale or by UTF-16 unit.
const NAMES: [&str; 8] = ["a", "B", "b", "Z", "\u{e4}", "a b", "\u{ff5e}", "\u{1f980}"];

const PER_PAGE: u32 = 7;

/// The first of them often, so that rows tie in several fields at once.
fn some_name(random: &Random) -> &'static str {
    if random.below(2) == 0 { NAMES[0] } else { NAMES[random.below(NAMES.len())] }
}

/// Every field in both directions, then orders of several fields.
pub(crate) fn sorts<S: Copy + PartialEq>(fields: &[S], random: &Random) -> Vec<Vec<Sort<S>>> {
    let orders = [Order::Ascending, Order::Descending];
    let single = fields.iter().flat_map(|field| orders.map(|order| vec![Sort { field: *field, order }]));
    let several = (0..20).map(|_| {
        let length = 2 + random.below(fields.len() - 1);
        let mut sort: Vec<Sort<S>> = Vec::new();
        while sort.len() < length {
            let field = *random.pick(fields);
            if sort.iter().all(|part| part.field != field) {
                sort.push(Sort { field, order: *random.pick(&orders) });
            }
        }
        sort
    });
    single.chain(several).collect()
}

/// The numbers of all pages of so many items, and of two past the end.
pub(crate) fn pages(items: usize) -> impl Iterator<Item = PageRequest> {
    let last = u32::try_from(items).unwrap() / PER_PAGE + 2;
    (1..=last).map(|number| PageRequest::new(number, PER_PAGE).unwrap())
}

/// In every order, the pages of an account's workspaces are those of the model, and so is each page's total.
pub async fn pages_of_workspaces_partition_them_in_every_order<B: Backend>(backend: Arc<B>) {
    let random = Random::new(1);
    let owner = stored_account(&*backend, "ada@example.com").await;
    let stranger = stored_account(&*backend, "eve@example.com").await;
    let mut all: Vec<Workspace> = Vec::new();
    for number in 0..42 {
        let slug = format!("{}-{number}", random.pick(&["b", "a", "b1"]));
        let whose = if number % 6 == 5 { &stranger } else { &owner };
        let change = |workspace: &mut Workspace| {
            workspace.name = WorkspaceName::try_from(some_name(&random)).unwrap();
            workspace.tier = *random.pick(&Tier::ALL[..2]);
            workspace.created_at = moment(i64::try_from(random.below(2)).unwrap());
            workspace.updated_at = moment(i64::try_from(random.below(2)).unwrap());
        };
        let made = stored_workspace(&*backend, whose, &slug, change).await;
        if whose == &owner {
            all.push(made);
        }
    }
    for sort in sorts(WorkspaceSort::ALL, &random) {
        for page in pages(all.len()) {
            let query = WorkspaceQuery { filter: WorkspaceFilter::default(), sort: sort.clone(), page };
            let listed = backend.store().list_workspaces_of(owner.id, &query).await.unwrap();
            assert_eq!(listed, model::workspaces(&all, &query), "{sort:?} {page:?}");
        }
    }
}

/// In every order, the pages of a workspace's keys are those of the model, and so is each page's total.
pub async fn pages_of_keys_partition_them_in_every_order<B: Backend>(backend: Arc<B>) {
    let random = Random::new(2);
    let (owner, home) = stored_pair(&*backend).await;
    let other = stored_workspace(&*backend, &owner, "other", |_| ()).await;
    let mut all: Vec<ApiKey> = Vec::new();
    for number in 0..42 {
        let whose = [Some(home.id), Some(home.id), Some(home.id), Some(other.id), None][number % 5];
        let change = |key: &mut ApiKey| {
            let some_time = || moment(i64::try_from(random.below(3)).unwrap());
            key.name = KeyName::try_from(some_name(&random)).unwrap();
            key.created_at = some_time();
            key.expires_at = random.sometimes(40, some_time);
            key.last_used_at = random.sometimes(40, some_time);
            key.revoked_at = random.sometimes(20, some_time);
        };
        let made = stored_key(&*backend, &owner, whose, change).await;
        if whose == Some(home.id) {
            all.push(made);
        }
    }
    for sort in sorts(KeySort::ALL, &random) {
        for page in pages(all.len()) {
            let query = KeyQuery { filter: KeyFilter::default(), sort: sort.clone(), page };
            let listed = backend.store().list_keys(home.id, &query, moment(2)).await.unwrap();
            assert_eq!(listed, model::keys(&all, &query, moment(2)), "{sort:?} {page:?}");
        }
    }
}

/// Without rows every page is empty and the total 0.
pub async fn a_list_of_nothing_is_empty<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let stranger = stored_account(&*backend, "eve@example.com").await;
    for page in pages(0) {
        let (filter, sort) = (KeyFilter::default(), vec![KeySort::DEFAULT]);
        let keys = backend.store().list_keys(home.id, &KeyQuery { filter, sort, page }, moment(0)).await.unwrap();
        assert_eq!((keys.items, keys.total), (vec![], 0));
        let (filter, sort) = (WorkspaceFilter::default(), vec![WorkspaceSort::DEFAULT]);
        let query = WorkspaceQuery { filter, sort, page };
        let workspaces = backend.store().list_workspaces_of(stranger.id, &query).await.unwrap();
        assert_eq!((workspaces.items, workspaces.total), (vec![], 0));
    }
}

/// A full page tells nothing of the total, so this asks for one.
async fn total_of_keys<B: Backend>(backend: &B, home: &Workspace) -> u64 {
    let (filter, sort, page) = (KeyFilter::default(), vec![KeySort::DEFAULT], PageRequest::new(1, 1).unwrap());
    backend.store().list_keys(home.id, &KeyQuery { filter, sort, page }, moment(0)).await.unwrap().total
}

/// Keys made, rotated, expired and revoked, by transactions that commit and by some that don't.
pub async fn totals_follow_every_change_of_keys<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let mut made = Vec::new();
    for _ in 0..4 {
        made.push(stored_key(&*backend, &owner, Some(home.id), |_| ()).await.id);
    }
    stored_key(&*backend, &owner, Some(home.id), |key| key.revoked_at = Some(moment(0))).await;
    let level = stored_key(&*backend, &owner, None, |_| ()).await;
    assert_eq!(total_of_keys(&*backend, &home).await, 4);
    let mut tx = backend.begin().await.unwrap();
    assert!(tx.begin_grace_period(made[0], moment(9), moment(1)).await.unwrap());
    tx.commit().await.unwrap();
    let rotated = stored_key(&*backend, &owner, Some(home.id), |key| key.rotated_from_id = Some(made[0])).await;
    assert_eq!(total_of_keys(&*backend, &home).await, 5);
    for (id, left) in [(made[0], 4), (made[0], 4), (level.id, 4), (rotated.id, 3)] {
        let mut tx = backend.begin().await.unwrap();
        tx.revoke_key(id, moment(2)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(total_of_keys(&*backend, &home).await, left);
    }
    let mut tx = backend.begin().await.unwrap();
    tx.revoke_key(made[1], moment(2)).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(total_of_keys(&*backend, &home).await, 3);
}

async fn total_of_workspaces<B: Backend>(backend: &B, owner: core_domain::AccountId) -> u64 {
    let (filter, sort) = (WorkspaceFilter::default(), vec![WorkspaceSort::DEFAULT]);
    let query = WorkspaceQuery { filter, sort, page: PageRequest::new(1, 1).unwrap() };
    backend.store().list_workspaces_of(owner, &query).await.unwrap().total
}

/// Workspaces made, refused, deleted and purged.
pub async fn totals_follow_every_change_of_workspaces<B: Backend>(backend: Arc<B>) {
    let (owner, first) = stored_pair(&*backend).await;
    let stranger = stored_account(&*backend, "eve@example.com").await;
    stored_workspace(&*backend, &owner, "second", |_| ()).await;
    stored_workspace(&*backend, &owner, "third", |_| ()).await;
    stored_workspace(&*backend, &stranger, "other", |_| ()).await;
    let mut tx = backend.begin().await.unwrap();
    let refused = crate::build::workspace(tx.next_workspace_id().await.unwrap(), "second");
    tx.insert_workspace(&refused, owner.id).await.unwrap_err();
    tx.commit().await.unwrap();
    assert_eq!(total_of_workspaces(&*backend, owner.id).await, 3);
    delete(&*backend, &first, moment(1)).await;
    assert_eq!(total_of_workspaces(&*backend, owner.id).await, 2);
    let mut tx = backend.begin().await.unwrap();
    tx.delete_workspace(first.id, moment(2)).await.unwrap();
    tx.purge_workspaces(moment(9), 10).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(total_of_workspaces(&*backend, owner.id).await, 2);
    assert_eq!(total_of_workspaces(&*backend, stranger.id).await, 1);
}
