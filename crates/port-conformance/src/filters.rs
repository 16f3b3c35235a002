//! Filters of lists, beside the model.

use std::sync::Arc;

use ::keys::{ApiKey, KeyFilter, KeyName, KeyQuery, KeySort, KeyStatus, TierFilter};
use ::workspaces::{Workspace, WorkspaceFilter, WorkspaceName, WorkspaceQuery, WorkspaceSort};
use core_domain::{Environment, Order, PageRequest, Sort, Tier, TimeRange, Timestamp};

use crate::build::{moment, stored_account, stored_key, stored_pair, stored_workspace};
use crate::prelude::*;
use crate::random::Random;
use crate::{Backend, model};

const ROUNDS: usize = 200;

/// What SQL, `LIKE` and letter case could take for something else.
const NAMES: [&str; 10] = [
    "100% sure",
    "100 sure",
    "snake_case",
    "snakeXcase",
    r"back\slash",
    r"back\\slash",
    "\u{c4}RGER \u{130}",
    "\u{3a3}igma",
    "it's; -- \"x\"",
    "[a-z]*?",
];

const SEARCHES: [&str; 16] = [
    "%",
    "_",
    r"\",
    r"\\",
    r"\%",
    "0%",
    "e_c",
    "\u{e4}rger",
    "\u{3c3}",
    "i\u{307}",
    "'",
    "[a-z]",
    "*",
    "",
    "s",
    "sk_live_",
];

fn some_time(random: &Random) -> Timestamp {
    moment(i64::try_from(random.below(6)).unwrap())
}

fn some_range(random: &Random) -> TimeRange {
    TimeRange { from: random.sometimes(25, || some_time(random)), to: random.sometimes(25, || some_time(random)) }
}

fn some_page(random: &Random) -> PageRequest {
    PageRequest::new(1 + u32::try_from(random.below(3)).unwrap(), *random.pick(&[1, 5, 100])).unwrap()
}

fn some_sort<S: Copy>(random: &Random, fields: &[S]) -> Vec<Sort<S>> {
    vec![Sort { field: *random.pick(fields), order: *random.pick(&[Order::Ascending, Order::Descending]) }]
}

/// Any combination of filters, in any order, on any page.
pub async fn filters_of_workspaces_equal_the_model<B: Backend>(backend: Arc<B>) {
    let random = Random::new(3);
    let owner = stored_account(&*backend, "ada@example.com").await;
    let mut all = Vec::new();
    for number in 0..40 {
        let change = |workspace: &mut Workspace| {
            workspace.name = WorkspaceName::try_from(*random.pick(&NAMES)).unwrap();
            workspace.tier = *random.pick(&Tier::ALL[..3]);
            workspace.created_at = some_time(&random);
            workspace.updated_at = some_time(&random);
        };
        all.push(stored_workspace(&*backend, &owner, &format!("slug-{number}"), change).await);
    }
    for _ in 0..ROUNDS {
        let filter = WorkspaceFilter {
            tier: random.sometimes(25, || *random.pick(&Tier::ALL[..4])),
            created: some_range(&random),
            updated: some_range(&random),
            search: random.sometimes(40, || (*random.pick(&SEARCHES)).to_owned()),
        };
        let query = WorkspaceQuery { filter, sort: some_sort(&random, WorkspaceSort::ALL), page: some_page(&random) };
        let listed = backend.store().list_workspaces_of(owner.id, &query).await.unwrap();
        assert_eq!(listed, model::workspaces(&all, &query), "{query:?}");
    }
}

fn some_tiers(random: &Random) -> TierFilter {
    let some = |_| random.sometimes(50, || *random.pick(Tier::ALL));
    TierFilter { unset: random.below(2) == 0, stored: (0..3).filter_map(some).collect() }
}

/// Any combination of filters, in any order, on any page, at any time.
pub async fn filters_of_keys_equal_the_model<B: Backend>(backend: Arc<B>) {
    let random = Random::new(4);
    let (owner, home) = stored_pair(&*backend).await;
    let mut all = Vec::new();
    for _ in 0..50 {
        let change = |key: &mut ApiKey| {
            key.name = KeyName::try_from(*random.pick(&NAMES)).unwrap();
            key.environment = *random.pick(Environment::ALL);
            key.rate_limit_tier = random.sometimes(50, || *random.pick(Tier::ALL));
            key.expires_at = random.sometimes(50, || some_time(&random));
            key.grace_period_ends_at = random.sometimes(40, || some_time(&random));
            key.revoked_at = random.sometimes(25, || some_time(&random));
            key.created_at = some_time(&random);
            key.updated_at = some_time(&random);
        };
        all.push(stored_key(&*backend, &owner, Some(home.id), change).await);
    }
    for _ in 0..ROUNDS {
        let filter = KeyFilter {
            status: random.sometimes(50, || *random.pick(KeyStatus::ALL)),
            environment: random.sometimes(25, || *random.pick(Environment::ALL)),
            rate_limit_tier: random.sometimes(30, || some_tiers(&random)),
            created: some_range(&random),
            updated: some_range(&random),
            search: random.sometimes(30, || (*random.pick(&SEARCHES)).to_owned()),
        };
        let query = KeyQuery { filter, sort: some_sort(&random, KeySort::ALL), page: some_page(&random) };
        let now = some_time(&random);
        let listed = backend.store().list_keys(home.id, &query, now).await.unwrap();
        assert_eq!(listed, model::keys(&all, &query, now), "{query:?} at {now:?}");
    }
}

/// A key is expired at the very microsecond of its end, and not one earlier.
pub async fn key_statuses_change_at_their_very_moment<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let end = moment(100);
    let mut all = Vec::new();
    for (expires_at, grace_period_ends_at) in [
        (None, None),
        (Some(end), None),
        (None, Some(end)),
        (Some(end), Some(moment(200))),
        (Some(moment(200)), Some(end)),
    ] {
        let change = |key: &mut ApiKey| {
            key.expires_at = expires_at;
            key.grace_period_ends_at = grace_period_ends_at;
        };
        all.push(stored_key(&*backend, &owner, Some(home.id), change).await);
    }
    for offset in [-1, 0, 1] {
        let now = Timestamp::from_unix_micros(end.as_unix_micros() + offset).unwrap();
        for status in KeyStatus::ALL {
            let filter = KeyFilter { status: Some(*status), ..KeyFilter::default() };
            let page = PageRequest::new(1, 100).unwrap();
            let query = KeyQuery { filter, sort: vec![KeySort::DEFAULT], page };
            let listed = backend.store().list_keys(home.id, &query, now).await.unwrap();
            assert_eq!(listed, model::keys(&all, &query, now), "{status} {offset}");
        }
    }
}

/// No character of a search stands for another, in letter case or as a pattern.
pub async fn searches_take_every_character_as_itself<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let mut all = Vec::new();
    for name in NAMES {
        let change = |key: &mut ApiKey| key.name = KeyName::try_from(name).unwrap();
        all.push(stored_key(&*backend, &owner, Some(home.id), change).await);
    }
    for search in SEARCHES {
        let filter = KeyFilter { search: Some(search.to_owned()), ..KeyFilter::default() };
        let page = PageRequest::new(1, 100).unwrap();
        let query = KeyQuery { filter, sort: vec![KeySort::DEFAULT], page };
        let listed = backend.store().list_keys(home.id, &query, moment(0)).await.unwrap();
        assert_eq!(listed, model::keys(&all, &query, moment(0)), "{search}");
    }
}
