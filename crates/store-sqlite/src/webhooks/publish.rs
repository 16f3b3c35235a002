use std::collections::HashMap;
use std::sync::Arc;

use core_domain::{DomainEvent, Environment, StorageError, WireWord, WorkspaceId};
use diesel::prelude::*;
use webhooks::{DeliveryKind, DeliveryStatus, Endpoint, Job, Lease, Message, Published, Room};

use super::row::EndpointRow;
use crate::error::{Failure, OrCorrupt};
use crate::events::EventRow;
use crate::ids;
use crate::schema::{deliveries, event_counts, events, webhooks as table, workspaces};

type Subscribers = HashMap<(WorkspaceId, Environment), Vec<Arc<Endpoint>>>;

/// Stores events with their deliveries; holds what there is room for.
pub(super) fn publish(
    connection: &mut SqliteConnection,
    all: &[DomainEvent],
    hold: Option<(Lease, Room)>,
) -> Result<Vec<Published>, Failure> {
    let subscribers = subscribers(connection, all)?;
    let (lease, mut room) = hold.unzip();
    let mut published = Vec::with_capacity(all.len());
    for event in all {
        insert_event(connection, event)?;
        let mut message: Option<Arc<Message>> = None;
        let mut of_event = Published::default();
        for endpoint in subscribers.get(&(event.workspace_id, event.environment)).into_iter().flatten() {
            if !endpoint.subscriptions.match_type(&event.event_type) {
                continue;
            }
            of_event.deliveries += 1;
            let is_held = endpoint.rate_limit.is_none()
                && room.as_mut().is_some_and(|room| room.take(endpoint.workspace_id, endpoint.id));
            let own = lease.filter(|_| is_held);
            let id = insert_delivery(connection, event, endpoint.id.get(), DeliveryKind::Event, own)?;
            let Some(lease) = own else { continue };
            let message = message.get_or_insert_with(|| Arc::new(message_of(event)));
            of_event.jobs.push(Job {
                delivery_id: id.try_into().or_corrupt("deliveries", "id")?,
                kind: DeliveryKind::Event,
                attempt: 1,
                lease,
                message: Arc::clone(message),
                endpoint: Arc::clone(endpoint),
            });
        }
        published.push(of_event);
    }
    Ok(published)
}

/// Whether somebody is to claim.
pub(super) fn leaves_any(published: &[Published]) -> bool {
    published.iter().any(|event| event.jobs.len() < event.deliveries as usize)
}

fn subscribers(connection: &mut SqliteConnection, all: &[DomainEvent]) -> Result<Subscribers, Failure> {
    let mut ids: Vec<i64> = all.iter().map(|event| event.workspace_id.get()).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows: Vec<EndpointRow> = table::table
        .inner_join(workspaces::table)
        .filter(table::workspace_id.eq_any(ids))
        .filter(table::deleted_at.is_null())
        .filter(table::disabled_at.is_null())
        .filter(workspaces::deleted_at.is_null())
        .order(table::id)
        .select(EndpointRow::as_select())
        .load(connection)?;
    let mut subscribers = Subscribers::new();
    for row in rows {
        let endpoint = Endpoint::try_from(row)?;
        subscribers.entry((endpoint.workspace_id, endpoint.environment)).or_default().push(Arc::new(endpoint));
    }
    Ok(subscribers)
}

pub(super) fn insert_event(connection: &mut SqliteConnection, event: &DomainEvent) -> Result<(), Failure> {
    diesel::insert_into(events::table).values(EventRow::from(event)).execute(connection)?;
    diesel::insert_into(event_counts::table)
        .values((
            event_counts::workspace_id.eq(event.workspace_id.get()),
            event_counts::environment.eq(event.environment.as_str()),
            event_counts::events.eq(1),
        ))
        .on_conflict((event_counts::workspace_id, event_counts::environment))
        .do_update()
        .set(event_counts::events.eq(event_counts::events + 1))
        .execute(connection)?;
    Ok(())
}

pub(super) fn insert_delivery(
    connection: &mut SqliteConnection,
    event: &DomainEvent,
    webhook: i64,
    kind: DeliveryKind,
    lease: Option<Lease>,
) -> Result<i64, Failure> {
    let id = ids::next(connection, "deliveries")?;
    let due_at = lease.map_or(event.created_at, |lease| lease.until);
    diesel::insert_into(deliveries::table)
        .values((
            deliveries::id.eq(id),
            deliveries::webhook_id.eq(webhook),
            deliveries::workspace_id.eq(event.workspace_id.get()),
            deliveries::environment.eq(event.environment.as_str()),
            deliveries::event_id.eq(event.id.as_str()),
            deliveries::event_type.eq(&event.event_type),
            deliveries::kind.eq(kind.as_str()),
            deliveries::status.eq(DeliveryStatus::Pending.as_str()),
            deliveries::attempt.eq(1),
            deliveries::due_at.eq(due_at.as_unix_micros()),
            deliveries::lease.eq(lease.map(|lease| lease.token)),
            deliveries::created_at.eq(event.created_at.as_unix_micros()),
        ))
        .execute(connection)?;
    Ok(id)
}

fn message_of(event: &DomainEvent) -> Message {
    let (id, event_type, data) = (event.id.clone(), event.event_type.clone(), event.data.to_string());
    Message::new(id, event_type, event.workspace_id, event.environment, event.created_at, &data)
}

/// As [`publish`], holding nothing, within a transaction. Returns the number of deliveries, event by event.
pub(super) fn counts(published: &[Published]) -> Vec<u32> {
    published.iter().map(|event| event.deliveries).collect()
}

/// The message of a stored event.
pub(super) fn message_of_row(row: EventRow) -> Result<Message, StorageError> {
    let data = row.data.clone();
    let created_at = row.moment()?;
    let environment = Environment::from_word(&row.environment).or_corrupt("events", "environment")?;
    let workspace = row.workspace_id.try_into().or_corrupt("events", "workspace_id")?;
    let id = row.id.try_into().or_corrupt("events", "id")?;
    Ok(Message::new(id, row.event_type, workspace, environment, created_at, &data))
}
