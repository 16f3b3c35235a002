//! The audit log of tool calls.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ::mcp::{Call, CallEnd, CallFilter, CallNote, CallQuery, CallSort, Outcome};
use core_domain::{AccountId, ApiKeyId, Environment, McpCallId, Order, PageRequest, Realm, Sort, TimeRange, Timestamp};

use crate::build::{delete, moment, stored_pair, stored_workspace};
use crate::prelude::*;
use crate::random::Random;
use crate::{Backend, model};

fn realm(workspace_id: core_domain::WorkspaceId, environment: Environment) -> Realm {
    Realm { workspace_id, environment }
}

fn note(realm: Realm, at: i64) -> CallNote {
    CallNote {
        realm,
        account_id: AccountId::try_from(1).unwrap(),
        api_key_id: ApiKeyId::try_from(2).ok(),
        request_id: "req_1".to_owned(),
        server: "files".to_owned(),
        tool: "read_file".to_owned(),
        arguments: "{\"path\":\"a\"}".to_owned(),
        created_at: moment(at),
    }
}

fn end(outcome: Outcome) -> CallEnd {
    CallEnd { outcome, error: None, size: Some(12), duration: Duration::from_millis(34) }
}

async fn insert<B: Backend>(backend: &B, realm: Realm, at: i64, change: impl FnOnce(&mut CallNote)) -> Call {
    let mut tx = backend.begin().await.unwrap();
    let mut note = note(realm, at);
    change(&mut note);
    let id = tx.insert_call(&note).await.unwrap();
    tx.commit().await.unwrap();
    Call { id, note, end: None }
}

fn query(filter: CallFilter, sort: Sort<CallSort>, number: u32, per_page: u32) -> CallQuery {
    CallQuery { filter, sort: vec![sort], page: PageRequest::new(number, per_page).unwrap() }
}

fn all(per_page: u32) -> CallQuery {
    query(CallFilter::default(), Sort { field: CallSort::Id, order: Order::Ascending }, 1, per_page)
}

async fn list<B: Backend>(backend: &B, realm: Realm) -> Vec<Call> {
    backend.store().list_calls(realm, &all(100)).await.unwrap().items
}

/// Extremes too; an end is written once, and never over another.
pub async fn a_call_comes_back_as_it_was_and_ends_once<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let realm = realm(home.id, Environment::Live);
    let plain = insert(&*backend, realm, 0, |_| ()).await;
    let extreme = insert(&*backend, realm, 1, |call| {
        call.account_id = AccountId::try_from(i64::MAX).unwrap();
        call.api_key_id = None;
        call.request_id = "r".repeat(128);
        call.tool = "~".repeat(128);
        call.arguments = format!("{{\"a\":\"{}\\u0000\"}}", "\u{1f980}".repeat(2_000));
        call.created_at = Timestamp::MAX;
    })
    .await;
    assert_eq!(list(&*backend, realm).await, [plain.clone(), extreme.clone()]);
    let longest = CallEnd {
        outcome: Outcome::Gone,
        error: Some("\u{1f980}".repeat(CallEnd::MAX_ERROR_CHARS)),
        size: None,
        duration: Duration::from_millis(2_147_483_647),
    };
    backend.store().finish_call(plain.id, &end(Outcome::Success)).await.unwrap();
    backend.store().finish_call(extreme.id, &longest).await.unwrap();
    for known in [plain.id, extreme.id, McpCallId::try_from(i64::MAX).unwrap()] {
        backend.store().finish_call(known, &end(Outcome::Refused)).await.unwrap();
    }
    let ended = [Call { end: Some(end(Outcome::Success)), ..plain }, Call { end: Some(longest), ..extreme }];
    assert_eq!(list(&*backend, realm).await, ended);
}

/// Neither the call nor its count.
pub async fn a_call_that_is_not_committed_leaves_nothing<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let realm = realm(home.id, Environment::Live);
    let kept = insert(&*backend, realm, 0, |_| ()).await;
    let mut tx = backend.begin().await.unwrap();
    let id = tx.insert_call(&note(realm, 1)).await.unwrap();
    assert!(id > kept.id);
    drop(tx);
    assert_eq!(backend.store().list_calls(realm, &all(1)).await.unwrap().total, 1);
    assert_eq!(list(&*backend, realm).await, [kept]);
}

/// Another workspace, the other world, and a workspace that was deleted show nothing.
pub async fn calls_are_seen_in_their_own_realm_alone<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let other = stored_workspace(&*backend, &owner, "other", |_| ()).await;
    let realms =
        [realm(home.id, Environment::Live), realm(home.id, Environment::Test), realm(other.id, Environment::Live)];
    let mut made = Vec::new();
    for realm in realms {
        made.push(insert(&*backend, realm, 0, |_| ()).await);
    }
    for (realm, call) in realms.into_iter().zip(&made) {
        let page = backend.store().list_calls(realm, &all(1)).await.unwrap();
        assert_eq!((page.total, page.items.as_slice()), (1, std::slice::from_ref(call)));
    }
    delete(&*backend, &home, moment(1)).await;
    for (realm, total) in realms.into_iter().zip([0, 0, 1]) {
        let page = backend.store().list_calls(realm, &all(1)).await.unwrap();
        assert_eq!((page.total, page.items.len()), (total, usize::try_from(total).unwrap()));
    }
    let mut tx = backend.begin().await.unwrap();
    tx.purge_workspaces(moment(9), 10).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(list(&*backend, realms[2]).await, made[2..]);
}

/// Each realm once, whatever the number of its calls; not those of a deleted workspace.
pub async fn the_callers_of_a_server_are_found_once<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let other = stored_workspace(&*backend, &owner, "other", |_| ()).await;
    let realms =
        [realm(home.id, Environment::Live), realm(home.id, Environment::Test), realm(other.id, Environment::Live)];
    for realm in [realms[2], realms[0], realms[0], realms[1]] {
        insert(&*backend, realm, 0, |_| ()).await;
    }
    insert(&*backend, realms[2], 0, |call| "time".clone_into(&mut call.server)).await;
    let callers = async |server: &str| backend.store().callers_of(&server.try_into().unwrap()).await.unwrap();
    assert_eq!(callers("files").await, realms);
    assert_eq!((callers("time").await, callers("Files").await), (vec![realms[2]], vec![]));
    delete(&*backend, &home, moment(1)).await;
    assert_eq!(callers("files").await, realms[2..]);
}

/// Over all realms, and their totals follow.
pub async fn a_purge_takes_the_oldest_calls_up_to_its_limit<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let other = stored_workspace(&*backend, &owner, "other", |_| ()).await;
    let realms = [realm(home.id, Environment::Live), realm(other.id, Environment::Test)];
    for at in [3, 1, 4, 2] {
        for realm in realms {
            insert(&*backend, realm, at, |_| ()).await;
        }
    }
    let purge = async |before, limit| {
        backend.store().purge_calls(moment(before), NonZeroU32::new(limit).unwrap()).await.unwrap()
    };
    assert_eq!((purge(1, 10).await, purge(3, 2).await), (0, 2));
    for realm in realms {
        let left: Vec<Timestamp> = list(&*backend, realm).await.iter().map(|call| call.note.created_at).collect();
        assert_eq!(left, [3, 4, 2].map(moment));
        assert_eq!(backend.store().list_calls(realm, &all(1)).await.unwrap().total, 3);
    }
    assert_eq!((purge(9, 10).await, purge(9, 10).await), (6, 0));
    assert_eq!(backend.store().list_calls(realms[0], &all(1)).await.unwrap().total, 0);
}

/// At the same time, in one realm: each has its id, and the total holds all.
pub async fn concurrent_calls_are_all_counted<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let realm = realm(home.id, Environment::Live);
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let backend = Arc::clone(&backend);
        writers.spawn(async move {
            for _ in 0..5 {
                let made = insert(&*backend, realm, writer, |_| ()).await;
                backend.store().finish_call(made.id, &end(Outcome::Success)).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    assert_eq!(backend.store().list_calls(realm, &all(1)).await.unwrap().total, 40);
    assert!(list(&*backend, realm).await.iter().all(|call| call.outcome() == Outcome::Success));
}

/// In every order and under every filter.
pub async fn lists_of_calls_equal_the_model<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let realm = realm(home.id, Environment::Live);
    let random = Random::new(50);
    for round in 0..40 {
        let made = insert(&*backend, realm, round / 3, |call| {
            call.server = String::from(*random.pick(&["files", "Files", "time"]));
            call.tool = String::from(*random.pick(&["read_file", "READ%", "now"]));
            call.api_key_id = *random.pick(&[ApiKeyId::try_from(2).ok(), ApiKeyId::try_from(3).ok(), None]);
        })
        .await;
        if random.below(4) > 0 {
            let outcome = *random.pick(&[Outcome::Success, Outcome::ToolError, Outcome::TimedOut]);
            backend.store().finish_call(made.id, &end(outcome)).await.unwrap();
        }
    }
    let stored = list(&*backend, realm).await;
    let none = CallFilter::default;
    let filters = [
        none(),
        CallFilter { server: Some("files".to_owned()), ..none() },
        CallFilter { server: Some("f\0".to_owned()), ..none() },
        CallFilter { tool: Some("READ%".to_owned()), ..none() },
        CallFilter { outcome: Some(Outcome::TimedOut), ..none() },
        CallFilter { outcome: Some(Outcome::Unknown), ..none() },
        CallFilter { api_key_id: ApiKeyId::try_from(3).ok(), ..none() },
        CallFilter { created: TimeRange { from: Some(moment(3)), to: Some(moment(8)) }, ..none() },
        CallFilter { search: Some("read%".to_owned()), ..none() },
        CallFilter { search: Some("les\nread_".to_owned()), outcome: Some(Outcome::Success), ..none() },
    ];
    for filter in &filters {
        for field in CallSort::ALL {
            for order in [Order::Ascending, Order::Descending] {
                for number in 1..=6 {
                    let query = query(filter.clone(), Sort { field: *field, order }, number, 7);
                    let listed = backend.store().list_calls(realm, &query).await.unwrap();
                    assert_eq!(listed, model::calls(&stored, &query), "{query:?}");
                }
            }
        }
    }
}
