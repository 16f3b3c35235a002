use std::collections::HashMap;
use std::sync::Arc;

use ::webhooks::{DeliveryKind, DeliveryStatus, Endpoint, Job, Lease, Message, Published, Room};
use chrono::{DateTime, Utc};
use core_domain::{DomainEvent, Environment, StorageError, WireWord as _, WorkspaceId};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::error::OrCorrupt as _;
use crate::prepared::{Prepared, Value};
use crate::time;

/// The channel on which processes tell one another of deliveries that nobody holds.
pub(crate) const CHANNEL: &str = "core_api_deliveries";

/// Events and deliveries in one statement, and a word to other processes where somebody is to claim. Counters are locked
/// in the order of their keys.
const INSERT: &str = "
    WITH event AS MATERIALIZED (
        SELECT * FROM unnest(?, ?, ?, ?, ?, ?) WITH ORDINALITY
            AS event (id, workspace_id, environment, type, data, created_at, n)
    ), stored AS (
        INSERT INTO events (id, workspace_id, environment, type, data, created_at)
        SELECT id, workspace_id, environment, type, data, created_at FROM event ORDER BY n
    ), counted AS (
        INSERT INTO event_counts (workspace_id, environment, slot, events)
        SELECT workspace_id, environment, pg_backend_pid() % 16, count(*) FROM event
        GROUP BY workspace_id, environment ORDER BY workspace_id, environment
        ON CONFLICT (workspace_id, environment, slot) DO UPDATE SET events = event_counts.events + excluded.events
    ), delivery AS (
        INSERT INTO deliveries (id, webhook_id, workspace_id, created_at, due_at, lease, attempt, environment, kind,
            status, event_id, event_type)
        SELECT nextval('delivery_ids'), webhook_id, workspace_id, created_at, coalesce(until, created_at), lease, 1,
            environment, kind, status, event_id, type
        FROM (
            SELECT made.*, workspace_id, created_at, environment, event.id AS event_id, type
            FROM unnest(?, ?, ?, ?) WITH ORDINALITY AS made (n, webhook_id, until, lease, position)
            JOIN event USING (n) ORDER BY position
        ) AS made, (SELECT ? AS kind, ? AS status) AS always
        RETURNING id
    )
    SELECT id FROM delivery
    UNION ALL SELECT 0 FROM (SELECT pg_notify(?, ?) WHERE ?) AS told
    ORDER BY id";

/// The active endpoints of these events' workspaces.
macro_rules! subscribers {
    ($events:expr) => {
        $crate::schema::webhooks::table
            .inner_join($crate::schema::workspaces::table)
            .filter($crate::schema::webhooks::workspace_id.eq_any($crate::webhooks::publish::workspaces_of($events)))
            .filter($crate::schema::webhooks::deleted_at.is_null())
            .filter($crate::schema::webhooks::disabled_at.is_null())
            .filter($crate::schema::workspaces::deleted_at.is_null())
            .order_by($crate::schema::webhooks::id)
    };
}
pub(super) use subscribers;

pub(super) fn workspaces_of(events: &[DomainEvent]) -> Vec<i64> {
    let mut ids: Vec<i64> = events.iter().map(|event| event.workspace_id.get()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Which deliveries a batch of events has, and which of them the publisher holds.
pub(super) struct Plan<'a> {
    events: &'a [DomainEvent],
    data: Vec<String>,
    made: Vec<Made>,
    kind: DeliveryKind,
}

struct Made {
    event: usize,
    endpoint: Arc<Endpoint>,
    lease: Option<Lease>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(events: &'a [DomainEvent], subscribers: Vec<Arc<Endpoint>>, hold: Option<(Lease, Room)>) -> Self {
        let mut realms: HashMap<(WorkspaceId, Environment), Vec<Arc<Endpoint>>> = HashMap::new();
        for endpoint in subscribers {
            realms.entry((endpoint.workspace_id, endpoint.environment)).or_default().push(endpoint);
        }
        let (lease, mut room) = hold.unzip();
        let mut made = Vec::new();
        for (event, endpoint) in events.iter().enumerate().flat_map(|(number, event)| {
            let all = realms.get(&(event.workspace_id, event.environment)).into_iter().flatten();
            all.filter(|endpoint| endpoint.subscriptions.match_type(&event.event_type))
                .map(move |endpoint| (number, endpoint))
        }) {
            let is_held = endpoint.rate_limit.is_none()
                && room.as_mut().is_some_and(|room| room.take(endpoint.workspace_id, endpoint.id));
            made.push(Made { event, endpoint: Arc::clone(endpoint), lease: lease.filter(|_| is_held) });
        }
        Self { events, data: data(events), made, kind: DeliveryKind::Event }
    }

    /// A test: an event for one endpoint, which need not subscribe to it.
    pub(super) fn test(event: &'a DomainEvent, endpoint: Endpoint, lease: Lease) -> Self {
        let events = std::slice::from_ref(event);
        let made = vec![Made { event: 0, endpoint: Arc::new(endpoint), lease: Some(lease) }];
        Self { events, data: data(events), made, kind: DeliveryKind::Test }
    }

    /// Whether somebody is to claim.
    pub(super) fn leaves_any(&self) -> bool {
        self.made.iter().any(|made| made.lease.is_none())
    }

    /// Stores it. Returns the deliveries' ids, in the order of their making.
    pub(super) async fn insert(&self, connection: &mut AsyncPgConnection, process: &str) -> QueryResult<Vec<i64>> {
        let lease = |made: &Made| made.lease;
        let until = |made: &Made| made.lease.map(|lease| time::stored(lease.until));
        let values = vec![
            Value::Texts(self.events.iter().map(|event| event.id.as_str()).collect()),
            Value::Ints(self.events.iter().map(|event| event.workspace_id.get()).collect()),
            Value::Texts(self.events.iter().map(|event| event.environment.as_str()).collect()),
            Value::Texts(self.events.iter().map(|event| event.event_type.as_str()).collect()),
            Value::Texts(self.data.iter().map(String::as_str).collect()),
            Value::Moments(self.events.iter().map(|event| time::stored(event.created_at)).collect()),
            Value::Ints(self.made.iter().map(|made| number(made.event)).collect()),
            Value::Ints(self.made.iter().map(|made| made.endpoint.id.get()).collect()),
            Value::MomentsOrNull(self.made.iter().map(until).collect::<Vec<Option<DateTime<Utc>>>>()),
            Value::IntsOrNull(self.made.iter().map(|made| lease(made).map(|lease| lease.token)).collect()),
            Value::Text(self.kind.as_str()),
            Value::Text(DeliveryStatus::Pending.as_str()),
            Value::Text(CHANNEL),
            Value::Text(process),
            Value::Bool(self.leaves_any()),
        ];
        let ids: Vec<i64> = Prepared::<BigInt>::new(INSERT, values).load(connection).await?;
        Ok(ids.into_iter().filter(|id| *id > 0).collect())
    }

    /// What came of it, event by event.
    pub(super) fn published(self, ids: Vec<i64>) -> Result<Vec<Published>, StorageError> {
        let mut published = vec![Published::default(); self.events.len()];
        let mut messages: Vec<Option<Arc<Message>>> = vec![None; self.events.len()];
        for (made, id) in self.made.into_iter().zip(ids) {
            let of_event = &mut published[made.event];
            of_event.deliveries += 1;
            let Some(lease) = made.lease else { continue };
            let message = messages[made.event]
                .get_or_insert_with(|| Arc::new(message(&self.events[made.event], &self.data[made.event])));
            of_event.jobs.push(Job {
                delivery_id: id.try_into().or_corrupt("deliveries", "id")?,
                kind: self.kind,
                attempt: 1,
                lease,
                message: Arc::clone(message),
                endpoint: made.endpoint,
            });
        }
        Ok(published)
    }
}

fn data(events: &[DomainEvent]) -> Vec<String> {
    events.iter().map(|event| event.data.to_string()).collect()
}

fn message(event: &DomainEvent, data: &str) -> Message {
    let (id, event_type) = (event.id.clone(), event.event_type.clone());
    Message::new(id, event_type, event.workspace_id, event.environment, event.created_at, data)
}

/// Rows count from one.
fn number(position: usize) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX).saturating_add(1)
}
