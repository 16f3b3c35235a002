use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use ::webhooks::{DeliveryKind, DeliveryStatus, Due, Endpoint, Job, Lease, Message, Pacing, Share};
use chrono::{DateTime, Utc};
use core_domain::{Environment, EventId, StorageError, Timestamp, WireWord as _};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl};

use super::endpoint_cache::EndpointCache;
use super::row::TABLE;
use crate::error::{OrCorrupt as _, storage};
use crate::prepared::{Prepared, Value};
use crate::schema::webhooks;
use crate::time;

const OPERATION: &str = "take";

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
    SELECT webhooks.id, webhooks.workspace_id, webhooks.rate_limit, webhooks.granted, due.number
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
        SELECT share.webhook_id, share.number, webhooks.version FROM unnest(?, ?) AS share (webhook_id, number)
        JOIN webhooks ON webhooks.id = webhook_id AND disabled_at IS NULL AND deleted_at IS NULL
    ), picked AS MATERIALIZED (
        SELECT due.id FROM (SELECT ?::timestamptz AS now) AS asked, given CROSS JOIN LATERAL (
            SELECT id FROM deliveries WHERE webhook_id = given.webhook_id AND due_at <= asked.now
            ORDER BY due_at, id LIMIT given.number FOR UPDATE SKIP LOCKED
        ) AS due
    )
    UPDATE deliveries SET due_at = ?, lease = ? FROM events, given
    WHERE deliveries.id = ANY (ARRAY (SELECT id FROM picked)) AND events.id = deliveries.event_id
        AND given.webhook_id = deliveries.webhook_id
    RETURNING deliveries.id, deliveries.webhook_id, given.version, deliveries.kind, deliveries.status, deliveries.attempt,
        events.id, events.type, events.environment, events.created_at, events.data";

const REMEMBER_GRANTS: &str = "
    UPDATE webhooks SET granted = grants.text FROM unnest(?, ?) AS grants (id, text) WHERE webhooks.id = grants.id";

type LeasedTypes = (BigInt, BigInt, BigInt, Text, Text, Integer, Text, Text, Text, Timestamptz, Text);
type LeasedRow = (i64, i64, i64, String, String, i32, String, String, String, DateTime<Utc>, String);

pub(super) async fn due(
    connection: &mut AsyncPgConnection,
    most: u32,
    now: Timestamp,
) -> Result<Vec<Due>, StorageError> {
    type Types = (BigInt, BigInt, Nullable<BigInt>, Text, BigInt);
    let values = vec![Value::Moment(time::stored(now)), Value::Int(most.into())];
    let rows: Vec<(i64, i64, Option<i64>, String, i64)> =
        Prepared::<Types>::new(FIND_DUE, values).load(connection).await.map_err(storage("due"))?;
    let due = |(id, workspace, limit, granted, number): (i64, i64, Option<i64>, String, i64)| {
        let limit = rate_limit(limit)?;
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        Ok(Due {
            webhook_id: id.try_into().or_corrupt(TABLE, "id")?,
            workspace_id: workspace.try_into().or_corrupt(TABLE, "workspace_id")?,
            deliveries: limit.map_or(number, |limit| pacing(&granted).allowed(limit, now).min(number)),
            is_paced: limit.is_some(),
        })
    };
    let mut due = rows.into_iter().map(due).collect::<Result<Vec<Due>, StorageError>>()?;
    due.retain(|due| due.deliveries > 0);
    Ok(due)
}

fn rate_limit(stored: Option<i64>) -> Result<Option<NonZeroU32>, StorageError> {
    stored.map(|limit| u32::try_from(limit).and_then(TryInto::try_into)).transpose().or_corrupt(TABLE, "rate_limit")
}

/// What can't be read is as if nothing had been granted.
fn pacing(granted: &str) -> Pacing {
    granted.parse().unwrap_or_default()
}

pub(super) async fn take(
    connection: &mut AsyncPgConnection,
    endpoints: &EndpointCache,
    shares: &[Share],
    lease: Lease,
    now: Timestamp,
) -> Result<Vec<Job>, StorageError> {
    let rows = if shares.iter().any(|share| share.is_paced) {
        connection
            .transaction(async |connection| {
                let paced = paced(connection, shares, now).await?;
                let granted = |share: &Share| {
                    let allowed = if share.is_paced {
                        paced.get(&share.webhook_id.get()).map_or(0, |(_, allowed)| *allowed)
                    } else {
                        share.deliveries
                    };
                    (share.webhook_id.get(), share.deliveries.min(allowed))
                };
                let granted: Vec<(i64, u32)> = shares.iter().map(granted).collect();
                let rows = take_rows(connection, &granted, lease, now).await?;
                remember(connection, paced, &rows, now).await?;
                Ok(rows)
            })
            .await
    } else {
        let shares: Vec<(i64, u32)> = shares.iter().map(|share| (share.webhook_id.get(), share.deliveries)).collect();
        take_rows(connection, &shares, lease, now).await
    };
    jobs(connection, endpoints, rows.map_err(storage(OPERATION))?, lease).await
}

type Paced = HashMap<i64, (Pacing, u32)>;

/// Locks the endpoints with a rate limit, but for those that another is taking from, and tells what each allows.
async fn paced(connection: &mut AsyncPgConnection, shares: &[Share], now: Timestamp) -> QueryResult<Paced> {
    let ids: Vec<i64> = shares.iter().filter(|share| share.is_paced).map(|share| share.webhook_id.get()).collect();
    let rows: Vec<(i64, Option<i64>, String)> = webhooks::table
        .filter(webhooks::id.eq_any(ids))
        .order_by(webhooks::id)
        .select((webhooks::id, webhooks::rate_limit, webhooks::granted))
        .for_no_key_update()
        .skip_locked()
        .load(connection)
        .await?;
    let paced = rows.into_iter().filter_map(|(id, limit, granted)| {
        let pacing = pacing(&granted);
        // One whose limit was lifted meanwhile, or can't be read, has its turn next time.
        let allowed = rate_limit(limit).ok()?.map(|limit| pacing.allowed(limit, now))?;
        Some((id, (pacing, allowed)))
    });
    Ok(paced.collect())
}

async fn take_rows(
    connection: &mut AsyncPgConnection,
    shares: &[(i64, u32)],
    lease: Lease,
    now: Timestamp,
) -> QueryResult<Vec<LeasedRow>> {
    let shares: Vec<&(i64, u32)> = shares.iter().filter(|(_, number)| *number > 0).collect();
    if shares.is_empty() {
        return Ok(Vec::new());
    }
    let values = vec![
        Value::Ints(shares.iter().map(|(id, _)| *id).collect()),
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
        let taken = rows.iter().filter(|row| row.1 == id).count();
        if taken > 0 {
            pacing.grant(u32::try_from(taken).unwrap_or(u32::MAX), now);
            ids.push(id);
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
    endpoints: &EndpointCache,
    mut rows: Vec<LeasedRow>,
    lease: Lease,
) -> Result<Vec<Job>, StorageError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    rows.sort_unstable_by_key(|row| row.0);
    let mut wanted: Vec<(i64, i64)> = rows.iter().map(|row| (row.1, row.2)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let found = endpoints.resolve(OPERATION, connection, &wanted).await?;
    let endpoints: HashMap<i64, Arc<Endpoint>> = found.into_iter().map(|found| (found.id.get(), found)).collect();
    let mut messages: HashMap<String, Arc<Message>> = HashMap::new();
    let mut jobs = Vec::with_capacity(rows.len());
    for (id, webhook, _, kind, status, attempt, event, event_type, environment, created_at, data) in rows {
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
