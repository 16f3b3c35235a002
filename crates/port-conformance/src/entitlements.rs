//! Counters: exact under concurrency, and read as they were written.

use std::sync::Arc;

use ::entitlements::{
    Catalogue, Change, ConfirmError, CounterChange, CounterId, EntitlementService, FeatureKey, HoldFor, Locked,
    MAX_COUNT, Metadata, Quantity, Realm, Recorded, Refusal, ReserveFeature, UsageFilter, UsageQuery, UsageRecord,
    UsageRow, UsageSort, UseError, UseFeature,
};
use core_domain::{Environment, Order, PageRequest, Sort, Tier, Timestamp, WorkspaceId};
use serde_json::json;
use testkit::{ManualClock, SeededEntropy};

use crate::Backend;
use crate::build::{delete, moment, stored_pair};
use crate::prelude::*;
use crate::random::Random;

/// Services of different seeds make different event ids.
pub(crate) fn service(clock: &Arc<ManualClock>, seed: u64) -> EntitlementService {
    let entropy = Arc::new(SeededEntropy::new(seed));
    EntitlementService::new(Arc::new(Catalogue::default()), Arc::clone(clock) as _, entropy)
}

pub(crate) fn live(workspace: WorkspaceId) -> Realm {
    Realm { workspace_id: workspace, environment: Environment::Live }
}

pub(crate) fn key(feature: &str) -> FeatureKey {
    FeatureKey::try_from(feature).unwrap()
}

pub(crate) fn quantity(number: i64) -> Quantity {
    Quantity::try_from(number).unwrap()
}

pub(crate) fn change(change: Change) -> UseFeature {
    UseFeature { change, metadata: None }
}

/// Records one change in a transaction of its own.
pub(crate) async fn record<B: Backend>(
    backend: &B,
    service: &EntitlementService,
    place: Realm,
    feature: &str,
    wanted: Change,
) -> Result<Recorded, Refusal> {
    let mut tx = backend.begin().await.unwrap();
    let feature = service.catalogue().find(feature).unwrap();
    let outcome = service.record(&mut *tx, place, feature, &[change(wanted)]).await.unwrap().remove(0);
    tx.commit().await.unwrap();
    outcome
}

/// Everything that was recorded, in the order of the records' numbers.
pub(crate) async fn rows<B: Backend>(backend: &B, place: Realm) -> Vec<UsageRow> {
    let mut all = Vec::new();
    for number in 1.. {
        let query = UsageQuery {
            filter: UsageFilter::default(),
            sort: vec![Sort { field: UsageSort::CreatedAt, order: Order::Ascending }],
            page: PageRequest::new(number, 100).unwrap(),
        };
        let page = backend.store().list_usage(place, &query).await.unwrap();
        all.extend(page.items);
        assert!(page.total >= all.len() as u64);
        if all.len() as u64 == page.total {
            break;
        }
    }
    all.sort_by_key(|row| row.id);
    all
}

async fn used<B: Backend>(backend: &B, place: Realm, feature: &str) -> u64 {
    let feature = Catalogue::default().find(feature).unwrap().clone();
    let asked = [(feature.key.clone(), feature.period_at(moment(0)).start)];
    backend.store().find_standing(place, &asked, moment(0)).await.unwrap().unwrap().lines[0].counter.used
}

const TAKERS: u64 = 12;

/// However many take at once, in one transaction or many: exactly the limit is taken.
pub async fn of_concurrent_takers_none_passes_the_limit<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let clock = Arc::new(ManualClock::default());
    let mut takers = tokio::task::JoinSet::new();
    for taker in 0..TAKERS {
        let (backend, service) = (Arc::clone(&backend), service(&clock, 1_000 * taker));
        takers.spawn(async move {
            let random = Random::new(taker);
            let mut taken = Vec::new();
            for _ in 0..12 {
                let mut tx = backend.begin().await.unwrap();
                let wanted = vec![change(Change::Use(Quantity::ONE)); 1 + random.below(15)];
                let feature = service.catalogue().find("posts").unwrap();
                let outcomes = service.record(&mut *tx, live(home.id), feature, &wanted).await.unwrap();
                tx.commit().await.unwrap();
                taken.extend(outcomes.into_iter().flatten().map(|recorded| recorded.used));
            }
            taken
        });
    }
    let mut taken: Vec<u64> = takers.join_all().await.concat();
    taken.sort_unstable();
    assert_eq!(taken, (1..=1_000).collect::<Vec<_>>(), "each unit up to the limit is told once");
    assert_eq!(used(&*backend, live(home.id), "posts").await, 1_000);
}

/// Whatever is used and freed at once, the records tell one order, and every caller was told its place in it.
pub async fn concurrent_changes_have_one_order<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let clock = Arc::new(ManualClock::default());
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..TAKERS {
        let (backend, service) = (Arc::clone(&backend), service(&clock, 1_000 * caller));
        callers.spawn(async move {
            let random = Random::new(100 + caller);
            let mut told = Vec::new();
            for _ in 0..15 {
                let amount = quantity(i64::try_from(1 + random.below(150)).unwrap());
                let wanted = if random.below(3) == 0 { Change::Free(amount) } else { Change::Use(amount) };
                if let Ok(recorded) = record(&*backend, &service, live(home.id), "posts", wanted).await {
                    told.push(recorded.used);
                }
            }
            told
        });
    }
    let mut told = callers.join_all().await.concat();
    let rows = rows(&*backend, live(home.id)).await;
    let mut balance = 0;
    for row in &rows {
        balance += row.quantity;
        assert_eq!(i64::try_from(row.balance), Ok(balance), "a balance follows from the one before it");
        assert!((0..=1_000).contains(&balance));
    }
    let mut recorded: Vec<u64> = rows.iter().map(|row| row.balance).collect();
    told.sort_unstable();
    recorded.sort_unstable();
    assert_eq!(told, recorded);
}

/// One reservation, confirmed and released by many at once: one of them settles it.
pub async fn of_concurrent_confirmations_one_counts<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let clock = Arc::new(ManualClock::default());
    let service = service(&clock, 1);
    let mut tx = backend.begin().await.unwrap();
    let wanted = ReserveFeature { quantity: quantity(7), hold_for: HoldFor::default(), metadata: None };
    let posts = service.catalogue().find("posts").unwrap();
    let held = service.reserve(&mut *tx, live(home.id), posts, wanted).await.unwrap();
    tx.commit().await.unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..TAKERS {
        let (backend, service, id) = (Arc::clone(&backend), service.clone(), held.id);
        callers.spawn(async move {
            let mut tx = backend.begin().await.unwrap();
            let outcome = if caller % 4 == 0 {
                service.release(&mut *tx, live(home.id), id).await.map(|_| 0).ok()
            } else {
                match service.confirm(&mut *tx, live(home.id), id, Some(5)).await {
                    Ok((_, recorded)) => Some(recorded.used),
                    Err(ConfirmError::NotHeld(_)) => None,
                    Err(other) => panic!("{other}"),
                }
            };
            tx.commit().await.unwrap();
            outcome
        });
    }
    let settled: Vec<u64> = callers.join_all().await.into_iter().flatten().collect();
    assert_eq!(settled.len(), 1);
    assert_eq!(used(&*backend, live(home.id), "posts").await, settled[0]);
}

/// Neither the counter nor a record, and the lock goes with the transaction.
pub async fn a_rollback_counts_nothing<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let service = service(&Arc::default(), 1);
    let posts = service.catalogue().find("posts").unwrap();
    for way in 0..2 {
        let mut tx = backend.begin().await.unwrap();
        service.record(&mut *tx, live(home.id), posts, &[change(Change::Use(quantity(900)))]).await.unwrap();
        if way == 0 {
            tx.rollback().await.unwrap();
        } else {
            drop(tx);
        }
    }
    assert_eq!(used(&*backend, live(home.id), "posts").await, 0);
    assert_eq!(rows(&*backend, live(home.id)).await, []);
    let taken = record(&*backend, &service, live(home.id), "posts", Change::Use(quantity(1_000))).await.unwrap();
    assert_eq!(taken, Recorded { used: 1_000, limit: Some(1_000) });
}

/// It has no counter, no list, no override.
pub async fn a_workspace_that_is_gone_counts_nothing<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let service = service(&Arc::default(), 1);
    record(&*backend, &service, live(home.id), "posts", Change::Use(Quantity::ONE)).await.unwrap();
    delete(&*backend, &home, moment(1)).await;
    let mut tx = backend.begin().await.unwrap();
    let posts = service.catalogue().find("posts").unwrap();
    let refused = service.record(&mut *tx, live(home.id), posts, &[change(Change::Use(Quantity::ONE))]).await;
    assert!(matches!(refused, Err(UseError::NoWorkspace)));
    drop(tx);
    let asked = [(key("posts"), Timestamp::MIN)];
    assert_eq!(backend.store().find_standing(live(home.id), &asked, moment(2)).await.unwrap(), None);
    assert_eq!(backend.store().list_overrides(home.id).await.unwrap(), None);
    assert_eq!(rows(&*backend, live(home.id)).await, []);
}

/// A tier that was changed before the counter was locked counts, whatever the caller knew.
pub async fn a_tier_is_read_under_the_lock<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let id = CounterId { place: live(home.id), feature: key("posts"), period_start: Timestamp::MIN };
    for tier in [Tier::Free, Tier::Agency] {
        let mut tx = backend.begin().await.unwrap();
        let mut workspace = tx.lock_workspace(home.id).await.unwrap().unwrap();
        workspace.tier = tier;
        tx.update_workspace(&workspace).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = backend.begin().await.unwrap();
        let Locked { terms, counter } = tx.lock_counter(&id, moment(0)).await.unwrap().unwrap();
        assert_eq!((terms.tier, counter.used), (tier, 0));
    }
}

/// The largest counts, notes of every kind of character, the ends of time.
pub async fn extreme_reservations_and_records_come_back_as_they_were<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let notes = json!({ "text": "\u{1F980} \"quoted\" \\ \n", "deep": [[{}]], "empty": "" });
    let metadata = Metadata::try_from(notes.as_object().unwrap()).unwrap();
    let place = Realm { workspace_id: home.id, environment: Environment::Test };
    let id = CounterId { place, feature: key(&"f".repeat(64)), period_start: Timestamp::MIN };
    let mut tx = backend.begin().await.unwrap();
    let Locked { mut counter, .. } = tx.lock_counter(&id, moment(0)).await.unwrap().unwrap();
    counter.used = MAX_COUNT;
    let most = i64::try_from(MAX_COUNT).unwrap();
    let records = [(most, MAX_COUNT), (-most, 0), (most, MAX_COUNT)].map(|(quantity, balance)| UsageRecord {
        quantity,
        balance,
        metadata: Some(metadata.clone()),
        reservation_id: None,
    });
    let written =
        CounterChange { id: id.clone(), counter, day: Timestamp::MIN, now: Timestamp::MAX, records: records.to_vec() };
    tx.save_counter(&written).await.unwrap();
    let reservation = ::entitlements::Reservation {
        id: tx.next_reservation_id().await.unwrap(),
        counter: id.clone(),
        quantity: quantity(most),
        metadata: Some(metadata.clone()),
        settled: None,
        expires_at: Timestamp::MAX,
        created_at: Timestamp::MIN,
    };
    tx.insert_reservation(&reservation).await.unwrap();
    tx.commit().await.unwrap();
    let read = rows(&*backend, place).await;
    assert_eq!(
        read.iter().map(|row| (row.quantity, row.balance)).collect::<Vec<_>>(),
        [(most, MAX_COUNT), (-most, 0), (most, MAX_COUNT)]
    );
    assert!(read.iter().all(|row| row.metadata.as_ref() == Some(&metadata) && row.created_at == Timestamp::MAX));
    assert_eq!(backend.store().find_reservation(place, reservation.id).await.unwrap(), Some(reservation.clone()));
    assert_eq!(backend.store().find_reservation(live(home.id), reservation.id).await.unwrap(), None);
    let asked = [(id.feature.clone(), id.period_start)];
    let line = backend.store().find_standing(place, &asked, moment(0)).await.unwrap().unwrap().lines.remove(0);
    assert_eq!((line.counter.used, line.counter.held), (MAX_COUNT, MAX_COUNT));
}

/// Those that hold something stay.
pub async fn a_purge_takes_ended_reservations_alone<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let clock = Arc::new(ManualClock::default());
    let service = service(&clock, 1);
    let posts = service.catalogue().find("posts").unwrap();
    let mut ids = Vec::new();
    for seconds in [10, 20, 30] {
        let mut tx = backend.begin().await.unwrap();
        let hold_for = HoldFor::try_from(seconds).unwrap();
        let wanted = ReserveFeature { quantity: Quantity::ONE, hold_for, metadata: None };
        ids.push(service.reserve(&mut *tx, live(home.id), posts, wanted).await.unwrap().id);
        tx.commit().await.unwrap();
    }
    for (limit, expected) in [(1, 1), (5, 1), (5, 0)] {
        let mut tx = backend.begin().await.unwrap();
        assert_eq!(tx.purge_reservations(moment(25), limit).await.unwrap(), expected);
        tx.commit().await.unwrap();
    }
    let mut found = Vec::new();
    for id in ids {
        found.push(backend.store().find_reservation(live(home.id), id).await.unwrap().is_some());
    }
    assert_eq!(found, [false, false, true]);
}

/// A workspace that gets the same number again would begin at zero.
pub async fn a_purged_workspace_leaves_nothing_counted<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let service = service(&Arc::default(), 1);
    record(&*backend, &service, live(home.id), "posts", Change::Use(Quantity::ONE)).await.unwrap();
    let mut tx = backend.begin().await.unwrap();
    let wanted = ReserveFeature { quantity: Quantity::ONE, hold_for: HoldFor::default(), metadata: None };
    let posts = service.catalogue().find("posts").unwrap();
    let held = service.reserve(&mut *tx, live(home.id), posts, wanted).await.unwrap();
    tx.commit().await.unwrap();
    delete(&*backend, &home, moment(1)).await;
    let mut tx = backend.begin().await.unwrap();
    assert_eq!(tx.purge_workspaces(moment(2), 10).await.unwrap(), 1);
    assert!(tx.find_reservation_for_change(live(home.id), held.id).await.unwrap().is_none());
    tx.commit().await.unwrap();
}
