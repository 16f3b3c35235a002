use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use ::webhooks::{DeliveryKind, DeliveryStatus, Due, Endpoint, Job, Lease, Message, Pacing, Room};
use chrono::{DateTime, Utc};
use core_domain::{Environment, EventId, StorageError, Timestamp, WebhookId, WireWord as _};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl};

use super::row::{EndpointRow, TABLE};
use crate::error::{OrCorrupt as _, storage};
use crate::prepared::{Prepared, Value};
use crate::schema::webhooks;
use crate::time;

const OPERATION: &str = "claim";

/// From endpoint to endpoint by the index of what is open, however long the queue of each is.
const FIND_DUE: &str = "
    WITH RECURSIVE asked AS (SELECT ?::timestamptz AS now, ?::bigint AS most), front AS (
        (SELECT webhook_id, due_at FROM deliveries WHERE due_at IS NOT NULL ORDER BY webhook_id, due_at LIMIT 1)
        UNION ALL
        SELECT next.webhook_id, next.due_at FROM front CROSS JOIN LATERAL (
            SELECT webhook_id, due_at FROM deliveries
            WHERE due_at IS NOT NULL AND webhook_id > front.webhook_id ORDER BY webhook_id, due_at LIMIT 1
        ) AS next
    )
    SELECT webhooks.id, webhooks.workspace_id, webhooks.rate_limit, due.number
    FROM asked, front
    JOIN webhooks ON webhooks.id = front.webhook_id AND webhooks.disabled_at IS NULL AND webhooks.deleted_at IS NULL
    JOIN workspaces ON workspaces.id = webhooks.workspace_id AND workspaces.deleted_at IS NULL
    CROSS JOIN LATERAL (
        SELECT count(*) AS number FROM (
            SELECT FROM deliveries WHERE webhook_id = webhooks.id AND due_at <= asked.now
            ORDER BY due_at, id LIMIT asked.most
        ) AS counted
    ) AS due
    WHERE front.due_at <= asked.now
    ORDER BY webhooks.id";

/// What others are claiming or settling at this moment is passed over. Whether an endpoint is active is asked again,
/// since that may have changed. The rows come in an array, since the server expects far more of a limit that it can't
/// foresee, and would rather read the whole table.
const LEASE: &str = "
    WITH given AS MATERIALIZED (
        SELECT share.webhook_id, share.number FROM unnest(?, ?) AS share (webhook_id, number)
        JOIN webhooks ON webhooks.id = webhook_id AND disabled_at IS NULL AND deleted_at IS NULL
    ), picked AS MATERIALIZED (
        SELECT due.id FROM (SELECT ?::timestamptz AS now) AS asked, given CROSS JOIN LATERAL (
            SELECT id FROM deliveries WHERE webhook_id = given.webhook_id AND due_at <= asked.now
            ORDER BY due_at, id LIMIT given.number FOR UPDATE SKIP LOCKED
        ) AS due
    )
    UPDATE deliveries SET due_at = ?, lease = ? FROM events
    WHERE deliveries.id = ANY (ARRAY (SELECT id FROM picked)) AND events.id = deliveries.event_id
    RETURNING deliveries.id, deliveries.webhook_id, deliveries.kind, deliveries.status, deliveries.attempt,
        events.id, events.type, events.environment, events.created_at, events.data";

const REMEMBER_GRANTS: &str = "
    UPDATE webhooks SET granted = grants.text FROM unnest(?, ?) AS grants (id, text) WHERE webhooks.id = grants.id";

type LeasedTypes = (BigInt, BigInt, Text, Text, Integer, Text, Text, Text, Timestamptz, Text);
type LeasedRow = (i64, i64, String, String, i32, String, String, String, DateTime<Utc>, String);

pub(super) struct Candidate {
    pub(super) due: Due,
    rate_limit: Option<NonZeroU32>,
}

pub(super) async fn candidates(
    connection: &mut AsyncPgConnection,
    room: &Room,
    now: Timestamp,
) -> Result<Vec<Candidate>, StorageError> {
    type Types = (BigInt, BigInt, Nullable<BigInt>, BigInt);
    let most = room.per_endpoint.min(room.total);
    let values = vec![Value::Moment(time::stored(now)), Value::Int(most.into())];
    let rows: Vec<(i64, i64, Option<i64>, i64)> =
        Prepared::<Types>::new(FIND_DUE, values).load(connection).await.map_err(storage(OPERATION))?;
    let candidate = |(id, workspace, limit, number): (i64, i64, Option<i64>, i64)| {
        let rate_limit = limit.map(|limit| u32::try_from(limit).and_then(TryInto::try_into)).transpose();
        Ok(Candidate {
            due: Due {
                webhook_id: id.try_into().or_corrupt(TABLE, "id")?,
                workspace_id: workspace.try_into().or_corrupt(TABLE, "workspace_id")?,
                deliveries: u32::try_from(number).unwrap_or(u32::MAX),
            },
            rate_limit: rate_limit.or_corrupt(TABLE, "rate_limit")?,
        })
    };
    rows.into_iter().map(candidate).collect()
}

/// Leases what the room allows of these candidates, in their order.
pub(super) async fn lease(
    connection: &mut AsyncPgConnection,
    candidates: Vec<Candidate>,
    lease: Lease,
    room: &Room,
    now: Timestamp,
) -> Result<Vec<Job>, StorageError> {
    if candidates.iter().all(|candidate| candidate.rate_limit.is_none()) {
        let due: Vec<Due> = candidates.iter().map(|candidate| candidate.due).collect();
        let rows = take(connection, &room.share(&due), lease, now).await.map_err(storage(OPERATION))?;
        return jobs(connection, rows, lease).await;
    }
    let rows = connection
        .transaction(async |connection| {
            let paced = paced(connection, &candidates, now).await?;
            let granted = |candidate: &Candidate| {
                let mut due = candidate.due;
                if candidate.rate_limit.is_some() {
                    let allowed = paced.get(&due.webhook_id).map_or(0, |(_, allowed)| *allowed);
                    due.deliveries = due.deliveries.min(allowed);
                }
                due
            };
            let due: Vec<Due> = candidates.iter().map(granted).collect();
            let rows = take(connection, &room.share(&due), lease, now).await?;
            remember(connection, paced, &rows, now).await?;
            Ok(rows)
        })
        .await
        .map_err(storage(OPERATION))?;
    jobs(connection, rows, lease).await
}

type Paced = HashMap<WebhookId, (Pacing, u32)>;

/// Locks the endpoints with a rate limit, but for those that another claim has, and tells what each allows.
async fn paced(connection: &mut AsyncPgConnection, candidates: &[Candidate], now: Timestamp) -> QueryResult<Paced> {
    let limits: HashMap<i64, (WebhookId, NonZeroU32)> = candidates
        .iter()
        .filter_map(|candidate| {
            let id = candidate.due.webhook_id;
            candidate.rate_limit.map(|limit| (id.get(), (id, limit)))
        })
        .collect();
    let ids: Vec<i64> = limits.keys().copied().collect();
    let rows: Vec<(i64, String)> = webhooks::table
        .filter(webhooks::id.eq_any(ids))
        .order_by(webhooks::id)
        .select((webhooks::id, webhooks::granted))
        .for_no_key_update()
        .skip_locked()
        .load(connection)
        .await?;
    let paced = rows.into_iter().filter_map(|(id, granted)| {
        let (id, limit) = limits.get(&id)?;
        // What can't be read is as if nothing had been granted.
        let pacing: Pacing = granted.parse().unwrap_or_default();
        let allowed = pacing.allowed(*limit, now);
        Some((*id, (pacing, allowed)))
    });
    Ok(paced.collect())
}

async fn take(
    connection: &mut AsyncPgConnection,
    shares: &[(WebhookId, u32)],
    lease: Lease,
    now: Timestamp,
) -> QueryResult<Vec<LeasedRow>> {
    if shares.is_empty() {
        return Ok(Vec::new());
    }
    let values = vec![
        Value::Ints(shares.iter().map(|(id, _)| id.get()).collect()),
        Value::Ints(shares.iter().map(|(_, number)| (*number).into()).collect()),
        Value::Moment(time::stored(now)),
        Value::Moment(time::stored(lease.until)),
        Value::Int(lease.token),
    ];
    Prepared::<LeasedTypes>::new(LEASE, values).load(connection).await
}

async fn remember(
    connection: &mut AsyncPgConnection,
    paced: Paced,
    rows: &[LeasedRow],
    now: Timestamp,
) -> QueryResult<()> {
    let mut ids = Vec::new();
    let mut texts = Vec::new();
    for (id, (mut pacing, _)) in paced {
        let taken = rows.iter().filter(|row| row.1 == id.get()).count();
        if taken > 0 {
            pacing.grant(u32::try_from(taken).unwrap_or(u32::MAX), now);
            ids.push(id.get());
            texts.push(pacing.to_string());
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    let values = vec![Value::Ints(ids), Value::Texts(texts.iter().map(String::as_str).collect())];
    Prepared::<()>::new(REMEMBER_GRANTS, values).execute(connection).await.map(drop)
}

async fn jobs(
    connection: &mut AsyncPgConnection,
    mut rows: Vec<LeasedRow>,
    lease: Lease,
) -> Result<Vec<Job>, StorageError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    rows.sort_unstable_by_key(|row| row.0);
    let mut ids: Vec<i64> = rows.iter().map(|row| row.1).collect();
    ids.sort_unstable();
    ids.dedup();
    let found: Vec<EndpointRow> = webhooks::table
        .filter(webhooks::id.eq_any(ids))
        .select(EndpointRow::as_select())
        .load(connection)
        .await
        .map_err(storage(OPERATION))?;
    let mut endpoints: HashMap<i64, Arc<Endpoint>> = HashMap::new();
    for row in found {
        endpoints.insert(row.id, Arc::new(Endpoint::try_from(row)?));
    }
    let mut messages: HashMap<String, Arc<Message>> = HashMap::new();
    let mut jobs = Vec::with_capacity(rows.len());
    for (id, webhook, kind, status, attempt, event, event_type, environment, created_at, data) in rows {
        let Some(endpoint) = endpoints.get(&webhook) else { continue };
        let message = if let Some(message) = messages.get(&event) {
            Arc::clone(message)
        } else {
            let event_id = EventId::try_from(event.clone()).or_corrupt("events", "id")?;
            let environment = Environment::from_word(&environment).or_corrupt("events", "environment")?;
            let created_at = time::read(created_at, "events", "created_at")?;
            let workspace = endpoint.workspace_id;
            let message = Arc::new(Message::new(event_id, event_type, workspace, environment, created_at, &data));
            messages.insert(event, Arc::clone(&message));
            message
        };
        let status = DeliveryStatus::from_word(&status).or_corrupt("deliveries", "status")?;
        let attempt = u32::try_from(attempt).or_corrupt("deliveries", "attempt")?;
        jobs.push(Job {
            delivery_id: id.try_into().or_corrupt("deliveries", "id")?,
            kind: DeliveryKind::from_word(&kind).or_corrupt("deliveries", "kind")?,
            attempt: if status == DeliveryStatus::Pending { attempt } else { attempt.saturating_add(1) },
            lease,
            message,
            endpoint: Arc::clone(endpoint),
        });
    }
    Ok(jobs)
}
