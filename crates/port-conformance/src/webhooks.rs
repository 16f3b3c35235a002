//! Webhooks and events: what is stored, who sees it, and in which order it is listed.

use std::cmp::Ordering;
use std::sync::Arc;

use ::webhooks::{
    Delivery, DeliveryFilter, DeliveryQuery, DeliverySort, DeliveryStatus, Disabled, DisabledReason, Endpoint,
    EndpointHealth, EventFilter, EventQuery, EventSort, Realm, SealedSecret, SealedSecrets, WebhookFilter,
    WebhookQuery, WebhookSort,
};
use core_domain::{DomainEvent, Environment, Order, PageRequest, Sort, TimeRange, Timestamp};

use crate::build::{delete, moment, stored_pair, stored_workspace};
use crate::lists::{pages, sorts};
use crate::prelude::*;
use crate::random::Random;
use crate::webhook_build::{
    change_webhook, claim, deliveries_of, entropy, failure, happening, happenings, lease, patterns, realm, retry, room,
    stored_webhook, success,
};
use crate::{Backend, model};

/// What is in a webhook comes back as it was, and as it was changed.
pub async fn extreme_webhooks_come_back_as_they_were<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let realm = realm(home.id);
    let long = format!("https://example.com/{}", "\u{1f980}".repeat(2_000));
    let headers: Vec<_> = (0..20).map(|n| (format!("x-{n}"), format!("\"{n}\" \\ ~"))).collect();
    let full = |made: &mut Endpoint| {
        made.url = long.try_into().unwrap();
        made.description = Some("\u{1d538}".repeat(1_000));
        let words: Vec<String> = (0..100).map(|n| format!("post_{n}.*")).collect();
        made.subscriptions = patterns(&words.iter().map(String::as_str).collect::<Vec<_>>());
        made.secrets = SealedSecrets {
            current: SealedSecret::from((0..=255).collect::<Vec<u8>>()),
            previous: Some((SealedSecret::from(vec![0; 500]), Timestamp::MAX)),
        };
        made.headers = headers.try_into().unwrap();
        made.rate_limit = std::num::NonZeroU32::new(u32::MAX);
        made.disabled = Some(Disabled { at: Timestamp::MIN, reason: DisabledReason::Gone });
        made.health = EndpointHealth {
            success_count: i64::MAX.unsigned_abs(),
            failure_count: i64::MAX.unsigned_abs(),
            consecutive_failures: 7,
            failing_since: Some(Timestamp::MIN),
            last_delivery_at: Some(Timestamp::MAX),
        };
        (made.created_at, made.updated_at) = (Timestamp::MIN, Timestamp::MAX);
    };
    let made = stored_webhook(&*backend, realm, full).await;
    assert_eq!(backend.store().find_webhook(realm, made.id).await.unwrap(), Some(made.clone()));
    let plain = stored_webhook(&*backend, realm, |_| ()).await;
    assert_eq!(backend.store().find_webhook(realm, plain.id).await.unwrap(), Some(plain.clone()));
    let bare = Endpoint { id: made.id, url: made.url.clone(), created_at: made.created_at, ..plain };
    change_webhook(&*backend, &made, |found| {
        assert_eq!(found, &made);
        *found = bare.clone();
    })
    .await;
    assert_eq!(backend.store().find_webhook(realm, made.id).await.unwrap(), Some(bare));
}

/// A webhook, its deliveries and its events are found in their own realm alone.
pub async fn realms_do_not_see_one_another<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let other = stored_workspace(&*backend, &owner, "other", |_| ()).await;
    let own = realm(home.id);
    let test = Realm { environment: Environment::Test, ..own };
    let foreign = realm(other.id);
    let made = stored_webhook(&*backend, own, |_| ()).await;
    for (seed, realm) in [(1, test), (2, foreign), (3, own)] {
        let event = happening(realm, "post.created", seed, moment(0));
        let published = backend.store().publish(std::slice::from_ref(&event), None).await.unwrap();
        assert_eq!(published[0].deliveries, u32::from(realm == own), "an event goes to its own realm");
        assert_eq!(backend.store().find_event(realm, &event.id).await.unwrap(), Some(event.clone()));
        for stranger in [test, foreign, own].into_iter().filter(|other| *other != realm) {
            assert_eq!(backend.store().find_event(stranger, &event.id).await.unwrap(), None);
        }
        let query =
            EventQuery { filter: EventFilter::default(), sort: vec![EventSort::DEFAULT], page: PageRequest::FIRST };
        assert_eq!(backend.store().list_events(realm, &query).await.unwrap().items, [event]);
    }
    for stranger in [test, foreign] {
        assert_eq!(backend.store().find_webhook(stranger, made.id).await.unwrap(), None);
        let mut tx = backend.begin().await.unwrap();
        assert_eq!(tx.find_webhook_for_change(stranger, made.id).await.unwrap(), None);
        assert!(!tx.delete_webhook(stranger, made.id, moment(1)).await.unwrap());
        tx.commit().await.unwrap();
    }
    assert_eq!(deliveries_of(&*backend, made.id).await.len(), 1);
}

/// Nothing of a deleted webhook is found, sent or matched, nor of one whose workspace is deleted.
pub async fn what_is_deleted_stops_at_once<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let other = stored_workspace(&*backend, &owner, "other", |_| ()).await;
    let webhooks = [
        stored_webhook(&*backend, realm(home.id), |_| ()).await,
        stored_webhook(&*backend, realm(other.id), |_| ()).await,
    ];
    let mut events = happenings(realm(home.id), 1, 2, moment(0));
    events.extend(happenings(realm(other.id), 2, 2, moment(0)));
    backend.store().publish(&events, None).await.unwrap();
    let mut tx = backend.begin().await.unwrap();
    assert!(tx.delete_webhook(realm(home.id), webhooks[0].id, moment(1)).await.unwrap());
    assert!(!tx.delete_webhook(realm(home.id), webhooks[0].id, moment(1)).await.unwrap());
    tx.commit().await.unwrap();
    delete(&*backend, &other, moment(1)).await;
    assert_eq!(claim(&*backend, lease(1, moment(99)), &room(9, 9), moment(9)).await, []);
    assert_eq!(backend.store().depth(moment(9)).await.unwrap(), ::webhooks::QueueDepth::default());
    let more = [happening(realm(home.id), "a.b", 50, moment(2)), happening(realm(other.id), "a.b", 51, moment(2))];
    let published = backend.store().publish(&more, None).await.unwrap();
    assert!(published.iter().all(|event| event.deliveries == 0));
    for webhook in &webhooks {
        let realm = realm(webhook.workspace_id);
        assert_eq!(backend.store().find_webhook(realm, webhook.id).await.unwrap(), None);
        assert!(deliveries_of(&*backend, webhook.id).await.is_empty());
        assert_eq!(backend.store().list_latest_deliveries(&[webhook.id], 5).await.unwrap(), []);
        let query = WebhookQuery {
            filter: WebhookFilter::default(),
            sort: vec![WebhookSort::DEFAULT],
            page: PageRequest::FIRST,
        };
        assert_eq!(backend.store().list_webhooks(realm, &query).await.unwrap().items, []);
    }
}

fn compare_webhooks(field: WebhookSort, left: &Endpoint, right: &Endpoint) -> Ordering {
    match field {
        WebhookSort::Id => left.id.cmp(&right.id),
        WebhookSort::Url => left.url.as_str().cmp(right.url.as_str()),
        WebhookSort::CreatedAt => left.created_at.cmp(&right.created_at),
        WebhookSort::LastDeliveryAt => left.health.last_delivery_at.cmp(&right.health.last_delivery_at),
        WebhookSort::SuccessCount => left.health.success_count.cmp(&right.health.success_count),
        WebhookSort::FailureCount => left.health.failure_count.cmp(&right.health.failure_count),
    }
}

/// In every order, the pages of a realm's webhooks are those of the model, and so is each page's total.
pub async fn pages_of_webhooks_partition_them_in_every_order<B: Backend>(backend: Arc<B>) {
    let random = Random::new(11);
    let (_, home) = stored_pair(&*backend).await;
    let mut all = Vec::new();
    for number in 0..30 {
        let environment = if number % 5 == 4 { Environment::Test } else { Environment::Live };
        let change = |made: &mut Endpoint| {
            let some_time = || moment(i64::try_from(random.below(3)).unwrap());
            made.url = format!("https://{}.example.com/", random.pick(&["a", "b", "c"])).try_into().unwrap();
            made.created_at = some_time();
            made.health.last_delivery_at = random.sometimes(40, some_time);
            made.health.success_count = random.below(2) as u64;
            made.health.failure_count = random.below(2) as u64;
        };
        let made = stored_webhook(&*backend, Realm { environment, ..realm(home.id) }, change).await;
        if environment == Environment::Live {
            all.push(made);
        }
    }
    for sort in sorts(WebhookSort::ALL, &random) {
        for page in pages(all.len()) {
            let query = WebhookQuery { filter: WebhookFilter::default(), sort: sort.clone(), page };
            let listed = backend.store().list_webhooks(realm(home.id), &query).await.unwrap();
            assert_eq!(
                listed,
                model::page(all.clone(), &query, compare_webhooks, WebhookSort::Id),
                "{sort:?} {page:?}"
            );
        }
    }
}

/// Each part of a filter narrows a list of webhooks as it says.
pub async fn filters_of_webhooks_narrow<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let realm = realm(home.id);
    let one = stored_webhook(&*backend, realm, |made| {
        made.subscriptions = patterns(&["post.*", "user.created"]);
        made.description = Some("50%_\\ Of all".to_owned());
    })
    .await;
    let two = stored_webhook(&*backend, realm, |made| {
        made.subscriptions = patterns(&["posts.*"]);
        made.disabled = Some(Disabled { at: moment(0), reason: DisabledReason::ByOwner });
        (made.created_at, made.updated_at) = (moment(5), moment(6));
    })
    .await;
    let range = |from, to| TimeRange { from: Some(moment(from)), to: Some(moment(to)) };
    let none = WebhookFilter::default;
    let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
    let text = |text: &str| Some(text.to_owned());
    for (filter, found) in [
        (none(), vec![one.id, two.id]),
        (WebhookFilter { is_active: Some(true), ..none() }, vec![one.id]),
        (WebhookFilter { is_active: Some(false), ..none() }, vec![two.id]),
        (WebhookFilter { patterns: words(&["post.*", "*"]), ..none() }, vec![one.id]),
        (WebhookFilter { patterns: words(&["post.created"]), ..none() }, vec![]),
        (WebhookFilter { patterns: words(&["user.created", "posts.*"]), ..none() }, vec![one.id, two.id]),
        (WebhookFilter { patterns: words(&[]), ..none() }, vec![]),
        (WebhookFilter { created: range(5, 5), ..none() }, vec![two.id]),
        (WebhookFilter { updated: range(0, 5), ..none() }, vec![one.id]),
        (WebhookFilter { search: text("50%_\\ of"), ..none() }, vec![one.id]),
        (WebhookFilter { search: text("5_%"), ..none() }, vec![]),
        (WebhookFilter { search: text("example.com"), ..none() }, vec![one.id, two.id]),
    ] {
        let query = WebhookQuery { filter: filter.clone(), sort: vec![WebhookSort::DEFAULT], page: PageRequest::FIRST };
        let listed = backend.store().list_webhooks(realm, &query).await.unwrap();
        assert_eq!(listed.items.iter().map(|webhook| webhook.id).collect::<Vec<_>>(), found, "{filter:?}");
        assert_eq!(listed.total, found.len() as u64);
        let past = WebhookQuery { page: PageRequest::new(9, 25).unwrap(), ..query };
        assert_eq!(backend.store().list_webhooks(realm, &past).await.unwrap().total, found.len() as u64);
    }
}

fn compare_deliveries(field: DeliverySort, left: &Delivery, right: &Delivery) -> Ordering {
    match field {
        DeliverySort::CreatedAt => left.created_at.cmp(&right.created_at),
        DeliverySort::Id => left.id.cmp(&right.id),
        DeliverySort::Attempt => left.attempt.cmp(&right.attempt),
        DeliverySort::DeliveredAt => left.delivered_at.cmp(&right.delivered_at),
        DeliverySort::NextRetryAt => left.next_retry_at.cmp(&right.next_retry_at),
    }
}

fn matches(filter: &DeliveryFilter, delivery: &Delivery) -> bool {
    filter.status.is_none_or(|status| delivery.status == status)
        && filter.event_type.as_ref().is_none_or(|event_type| delivery.event_type == *event_type)
        && filter.event_id.as_ref().is_none_or(|id| delivery.event_id == *id)
        && filter.created.contains(delivery.created_at)
        && filter.search.as_ref().is_none_or(|text| delivery.event_type.contains(text))
}

/// In every order and under every filter, the pages of a webhook's deliveries are those of the model.
pub async fn pages_of_deliveries_partition_them_in_every_order<B: Backend>(backend: Arc<B>) {
    let random = Random::new(12);
    let (_, home) = stored_pair(&*backend).await;
    let made = stored_webhook(&*backend, realm(home.id), |_| ()).await;
    stored_webhook(&*backend, realm(home.id), |_| ()).await;
    let events: Vec<DomainEvent> = (0..30)
        .map(|seed| {
            let event_type = random.pick(&["post.created", "post.updated", "user.created"]);
            happening(realm(home.id), event_type, seed, moment(i64::try_from(random.below(3)).unwrap()))
        })
        .collect();
    backend.store().publish(&events, None).await.unwrap();
    for round in 0..3 {
        let now = moment(1_000 * (round + 1));
        let jobs = claim(&*backend, lease(round, moment(99_999)), &room(40, 20), now).await;
        let results: Vec<_> = jobs
            .iter()
            .map(|job| match random.below(3) {
                0 => success(job, moment(round)),
                1 => failure(job, moment(round)),
                _ => retry(job, moment(round), moment(100 + i64::try_from(random.below(3)).unwrap())),
            })
            .collect();
        assert_eq!(backend.store().settle(&results, now, &entropy()).await.unwrap(), results.len() as u64);
    }
    let all = deliveries_of(&*backend, made.id).await;
    assert_eq!(all.len(), 30);
    for sort in sorts(DeliverySort::ALL, &random) {
        for page in pages(all.len()) {
            let query = DeliveryQuery { filter: DeliveryFilter::default(), sort: sort.clone(), page };
            let listed = backend.store().list_deliveries(made.id, &query).await.unwrap();
            assert_eq!(listed, model::page(all.clone(), &query, compare_deliveries, DeliverySort::Id), "{sort:?}");
        }
    }
    let status = |status| DeliveryFilter { status: Some(status), ..DeliveryFilter::default() };
    let filters = [
        status(DeliveryStatus::Pending),
        status(DeliveryStatus::Retrying),
        status(DeliveryStatus::Success),
        status(DeliveryStatus::Failed),
        DeliveryFilter { event_type: Some("post.created".to_owned()), ..DeliveryFilter::default() },
        DeliveryFilter { event_id: Some(events[7].id.clone()), ..DeliveryFilter::default() },
        DeliveryFilter { search: Some("post".to_owned()), ..status(DeliveryStatus::Success) },
        DeliveryFilter { search: Some("p_st".to_owned()), ..DeliveryFilter::default() },
        DeliveryFilter {
            created: TimeRange { from: Some(moment(1)), to: Some(moment(1)) },
            ..DeliveryFilter::default()
        },
    ];
    for filter in filters {
        let some: Vec<_> = all.iter().filter(|delivery| matches(&filter, delivery)).cloned().collect();
        for page in pages(some.len()) {
            let query = DeliveryQuery { filter: filter.clone(), sort: vec![DeliverySort::DEFAULT], page };
            let listed = backend.store().list_deliveries(made.id, &query).await.unwrap();
            assert_eq!(listed, model::page(some.clone(), &query, compare_deliveries, DeliverySort::Id), "{filter:?}");
        }
    }
    let latest = backend.store().list_latest_deliveries(&[made.id], 4).await.unwrap();
    let query = DeliveryQuery {
        filter: DeliveryFilter::default(),
        sort: vec![DeliverySort::DEFAULT],
        page: PageRequest::new(1, 4).unwrap(),
    };
    assert_eq!(latest, model::page(all, &query, compare_deliveries, DeliverySort::Id).items);
}

/// Events are listed by time, then as they were stored, and every total is that of a count.
pub async fn pages_of_events_partition_them<B: Backend>(backend: Arc<B>) {
    let random = Random::new(13);
    let (_, home) = stored_pair(&*backend).await;
    let realm = realm(home.id);
    let mut all = Vec::new();
    for seed in 0..20 {
        let event_type = random.pick(&["post.created", "user.created"]);
        let event = happening(realm, event_type, seed, moment(i64::try_from(random.below(4)).unwrap()));
        backend.store().publish(std::slice::from_ref(&event), None).await.unwrap();
        all.push(event);
    }
    let filters = [
        EventFilter::default(),
        EventFilter { event_type: Some("post.created".to_owned()), ..EventFilter::default() },
        EventFilter { created: TimeRange { from: Some(moment(1)), to: Some(moment(2)) }, ..EventFilter::default() },
    ];
    for filter in filters {
        for order in [Order::Ascending, Order::Descending] {
            let mut some: Vec<_> = all
                .iter()
                .filter(|event| filter.created.contains(event.created_at))
                .filter(|event| filter.event_type.as_ref().is_none_or(|word| event.event_type == *word))
                .cloned()
                .collect();
            some.sort_by_key(|event| event.created_at);
            if order == Order::Descending {
                some.reverse();
            }
            for page in pages(some.len()) {
                let sort = vec![Sort { field: EventSort::CreatedAt, order }];
                let query = EventQuery { filter: filter.clone(), sort, page };
                let listed = backend.store().list_events(realm, &query).await.unwrap();
                let begin = usize::try_from(page.offset()).unwrap();
                let part: Vec<_> = some.iter().skip(begin).take(page.per_page() as usize).cloned().collect();
                assert_eq!((listed.items, listed.total), (part, some.len() as u64), "{filter:?} {order:?} {page:?}");
            }
        }
    }
}
