//! Webhooks, events and results with something in every field, and short ways to store and to make them.

use std::sync::Arc;
use std::time::Duration;

use ::webhooks::{
    Attempt, AttemptOutcome, Delivery, DeliveryFilter, DeliveryQuery, DeliverySort, DeliveryStatus, Endpoint,
    EndpointHeaders, EndpointHealth, Job, Lease, Pattern, Realm, Room, SealedSecret, SealedSecrets, Settlement, Turns,
};
use core_domain::{DomainEvent, Entropy, Environment, EventId, Page, PageRequest, Timestamp, WebhookId, WorkspaceId};
use serde_json::json;
use testkit::SeededEntropy;

use crate::Backend;
use crate::build::moment;
use crate::prelude::*;

pub(crate) fn realm(workspace_id: WorkspaceId) -> Realm {
    Realm { workspace_id, environment: Environment::Live }
}

pub(crate) fn patterns(words: &[&str]) -> ::webhooks::Subscriptions {
    let patterns = words.iter().map(|word| Pattern::try_from((*word).to_owned()).unwrap());
    patterns.collect::<Vec<_>>().try_into().unwrap()
}

pub(crate) fn endpoint(id: WebhookId, realm: Realm) -> Endpoint {
    Endpoint {
        id,
        workspace_id: realm.workspace_id,
        environment: realm.environment,
        url: format!("https://example.com/{id}").try_into().unwrap(),
        description: None,
        subscriptions: patterns(&["*"]),
        secrets: SealedSecrets { current: SealedSecret::from(vec![1, 2, 3]), previous: None },
        headers: EndpointHeaders::default(),
        rate_limit: None,
        disabled: None,
        health: EndpointHealth::default(),
        created_at: moment(0),
        updated_at: moment(0),
    }
}

/// A webhook of the realm, changed by `change` before it is stored.
pub(crate) async fn stored_webhook<B: Backend>(
    backend: &B,
    realm: Realm,
    change: impl FnOnce(&mut Endpoint) + Send,
) -> Endpoint {
    let mut tx = backend.begin().await.unwrap();
    let mut made = endpoint(tx.next_webhook_id().await.unwrap(), realm);
    change(&mut made);
    tx.insert_webhook(&made).await.unwrap();
    tx.commit().await.unwrap();
    made
}

/// Changes a stored webhook.
pub(crate) async fn change_webhook<B: Backend>(
    backend: &B,
    endpoint: &Endpoint,
    change: impl FnOnce(&mut Endpoint) + Send,
) {
    let realm = Realm { workspace_id: endpoint.workspace_id, environment: endpoint.environment };
    let mut tx = backend.begin().await.unwrap();
    let mut found = tx.find_webhook_for_change(realm, endpoint.id).await.unwrap().unwrap();
    change(&mut found);
    tx.update_webhook(&found).await.unwrap();
    tx.commit().await.unwrap();
}

/// An event of an application's.
pub(crate) fn happening(realm: Realm, event_type: &str, seed: u64, at: Timestamp) -> DomainEvent {
    DomainEvent {
        id: EventId::generate(&SeededEntropy::new(seed)),
        workspace_id: realm.workspace_id,
        environment: realm.environment,
        event_type: event_type.to_owned(),
        data: json!({ "seed": seed }),
        created_at: at,
    }
}

/// So many events at one moment, with ids that no other `batch` has.
pub(crate) fn happenings(realm: Realm, batch: u64, number: u64, at: Timestamp) -> Vec<DomainEvent> {
    (0..number).map(|n| happening(realm, "post.created", batch * 10_000 + n, at)).collect()
}

pub(crate) fn lease(token: i64, until: Timestamp) -> Lease {
    Lease { token, until }
}

pub(crate) fn room(total: u32, per_endpoint: u32) -> Room {
    Room { total, per_endpoint, ..Room::default() }
}

pub(crate) fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SeededEntropy::new(99))
}

/// What comes of a job: `None` for a success, else what the receiver answers.
pub(crate) fn settlement(
    job: &Job,
    code: u16,
    status: DeliveryStatus,
    at: Timestamp,
    next: Option<Timestamp>,
) -> Settlement {
    let outcome = AttemptOutcome {
        response_time_ms: 250,
        response_code: Some(code),
        response_headers: Some(r#"{"content-type":"text/plain"}"#.to_owned()),
        response_body: Some("answer".to_owned()),
        error: (status != DeliveryStatus::Success).then(|| format!("answered {code}")),
        retry_after_seconds: None,
    };
    Settlement {
        delivery_id: job.delivery_id,
        kind: job.kind,
        webhook_id: job.endpoint.id,
        lease: job.lease.token,
        attempt: Attempt { number: job.attempt, started_at: at, outcome },
        status,
        next_retry_at: next,
    }
}

pub(crate) fn success(job: &Job, at: Timestamp) -> Settlement {
    settlement(job, 200, DeliveryStatus::Success, at, None)
}

pub(crate) fn failure(job: &Job, at: Timestamp) -> Settlement {
    settlement(job, 500, DeliveryStatus::Failed, at, None)
}

pub(crate) fn retry(job: &Job, at: Timestamp, next: Timestamp) -> Settlement {
    settlement(job, 503, DeliveryStatus::Retrying, at, Some(next))
}

pub(crate) fn after(moment: Timestamp, seconds: u64) -> Timestamp {
    moment.saturating_add(Duration::from_secs(seconds))
}

/// All deliveries of a webhook, by id, with the total that a full page tells.
pub(crate) async fn deliveries_of<B: Backend>(backend: &B, webhook: WebhookId) -> Vec<Delivery> {
    let sort = vec![core_domain::Sort { field: DeliverySort::Id, order: core_domain::Order::Ascending }];
    let query = |page| DeliveryQuery { filter: DeliveryFilter::default(), sort: sort.clone(), page };
    let mut all = Vec::new();
    for number in 1.. {
        let page = query(PageRequest::new(number, 100).unwrap());
        let listed = backend.store().list_deliveries(webhook, &page).await.unwrap();
        let is_last = listed.items.len() < 100;
        all.extend(listed.items);
        if is_last {
            break;
        }
    }
    assert_eq!(total(backend, webhook, None).await, all.len() as u64, "the kept total is that of a count");
    all
}

/// The total of a webhook's deliveries, by a page that does not tell it by itself.
pub(crate) async fn total<B: Backend>(backend: &B, webhook: WebhookId, status: Option<DeliveryStatus>) -> u64 {
    let filter = DeliveryFilter { status, ..DeliveryFilter::default() };
    let query =
        DeliveryQuery { filter, sort: vec![DeliverySort::DEFAULT], page: PageRequest::new(9_000, 100).unwrap() };
    let Page { items, total } = backend.store().list_deliveries(webhook, &query).await.unwrap();
    assert!(items.is_empty());
    total
}

/// Shares the room among what is due, and takes that.
pub(crate) async fn claim_in_turn<B: Backend>(
    backend: &B,
    turns: &mut Turns,
    lease: Lease,
    room: &Room,
    now: Timestamp,
) -> Vec<Job> {
    let due = backend.store().due(room.most(), now).await.unwrap();
    backend.store().take(&turns.share(room, due), lease, now).await.unwrap()
}

pub(crate) async fn claim<B: Backend>(backend: &B, lease: Lease, room: &Room, now: Timestamp) -> Vec<Job> {
    claim_in_turn(backend, &mut Turns::default(), lease, room, now).await
}
