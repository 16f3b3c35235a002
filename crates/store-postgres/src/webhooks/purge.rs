use std::collections::BTreeMap;

use ::webhooks::DeliveryStatus;
use chrono::{DateTime, Utc};
use core_domain::WireWord as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::prepared::{Prepared, Value};
use crate::schema::{attempts, deliveries, webhook_days, webhooks};

/// Webhooks that have something to purge, locked, but for those that somebody is at.
const LOCK: &str = "
    SELECT webhooks.id, webhooks.deleted_at IS NOT NULL FROM webhooks, (SELECT ?::timestamptz AS before) AS asked
    WHERE CASE WHEN webhooks.deleted_at IS NULL
        THEN EXISTS (
            SELECT FROM deliveries
            WHERE webhook_id = webhooks.id AND deliveries.created_at < asked.before AND due_at IS NULL
        )
        ELSE webhooks.deleted_at < asked.before OR EXISTS (SELECT FROM deliveries WHERE webhook_id = webhooks.id)
    END
    ORDER BY webhooks.id LIMIT ? FOR NO KEY UPDATE OF webhooks SKIP LOCKED";

const PICK_DELIVERIES: &str = "
    SELECT old.id, old.webhook_id, old.status FROM (SELECT ?::timestamptz AS before, ?::bigint AS most) AS asked,
    unnest(?, ?::bool[]) AS home (id, is_deleted) CROSS JOIN LATERAL (
        SELECT id, webhook_id, status FROM deliveries
        WHERE webhook_id = home.id AND (due_at IS NULL OR home.is_deleted)
            AND created_at < CASE WHEN home.is_deleted THEN 'infinity' ELSE asked.before END
        ORDER BY created_at LIMIT asked.most FOR UPDATE SKIP LOCKED
    ) AS old LIMIT ?";

const FORGET: &str = "
    UPDATE webhooks SET settled_success = settled_success - gone.successes,
        settled_failed = settled_failed - gone.failures
    FROM unnest(?, ?, ?) AS gone (id, successes, failures) WHERE webhooks.id = gone.id";

/// An event's deliveries were made when it was, for webhooks of its own realm.
const PICK_EVENTS: &str = "
    SELECT old.seq FROM (SELECT ?::timestamptz AS before, ?::bigint AS most) AS asked,
    (SELECT DISTINCT workspace_id, environment FROM event_counts) AS realm CROSS JOIN LATERAL (
        SELECT seq FROM events
        WHERE workspace_id = realm.workspace_id AND environment = realm.environment AND created_at < asked.before
            AND NOT EXISTS (
                SELECT FROM webhooks JOIN deliveries ON webhook_id = webhooks.id
                WHERE webhooks.workspace_id = realm.workspace_id AND webhooks.environment = realm.environment
                    AND deliveries.created_at = events.created_at AND event_id = events.id
            )
        ORDER BY created_at LIMIT asked.most FOR UPDATE SKIP LOCKED
    ) AS old LIMIT ?";

const DELETE_EVENTS: &str = "
    WITH gone AS (DELETE FROM events WHERE seq = ANY (?) RETURNING workspace_id, environment)
    INSERT INTO event_counts (workspace_id, environment, slot, events)
    SELECT workspace_id, environment, pg_backend_pid() % 16, -count(*) FROM gone
    GROUP BY workspace_id, environment ORDER BY workspace_id, environment
    ON CONFLICT (workspace_id, environment, slot) DO UPDATE SET events = event_counts.events + excluded.events";

/// A day is over when the next one has begun.
const DELETE_DAYS: &str = "
    DELETE FROM webhook_days WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM webhook_days WHERE day <= ?::timestamptz - interval '1 day' LIMIT ? FOR UPDATE SKIP LOCKED
    ))";

/// Picks and deletes in statements of their own: within one, the server might look for the rows, up to the limit, more
/// than once.
pub(super) async fn purge(connection: &mut AsyncPgConnection, before: DateTime<Utc>, limit: i64) -> QueryResult<u64> {
    let values = vec![Value::Moment(before), Value::Int(limit)];
    let homes: Vec<(i64, bool)> = Prepared::<(BigInt, Bool)>::new(LOCK, values).load(connection).await?;
    let mut purged = purge_deliveries(connection, &homes, before, limit).await?;
    purged += purge_webhooks(connection, &homes, before).await?;
    purged += purge_events(connection, before, limit).await?;
    let values = vec![Value::Moment(before), Value::Int(limit)];
    purged += Prepared::<()>::new(DELETE_DAYS, values).execute(connection).await?;
    Ok(purged as u64)
}

async fn purge_deliveries(
    connection: &mut AsyncPgConnection,
    homes: &[(i64, bool)],
    before: DateTime<Utc>,
    limit: i64,
) -> QueryResult<usize> {
    if homes.is_empty() {
        return Ok(0);
    }
    let values = vec![
        Value::Moment(before),
        Value::Int(limit),
        Value::Ints(homes.iter().map(|(id, _)| *id).collect()),
        Value::Bools(homes.iter().map(|(_, is_deleted)| *is_deleted).collect()),
        Value::Int(limit),
    ];
    let old: Vec<(i64, i64, String)> =
        Prepared::<(BigInt, BigInt, Text)>::new(PICK_DELIVERIES, values).load(connection).await?;
    let ids: Vec<i64> = old.iter().map(|(id, ..)| *id).collect();
    let tried = diesel::delete(attempts::table.filter(attempts::delivery_id.eq_any(&ids))).execute(connection).await?;
    let made = diesel::delete(deliveries::table.filter(deliveries::id.eq_any(&ids))).execute(connection).await?;
    let mut gone: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for (_, webhook, status) in old {
        let (successes, failures) = gone.entry(webhook).or_default();
        *successes += i64::from(status == DeliveryStatus::Success.as_str());
        *failures += i64::from(status == DeliveryStatus::Failed.as_str());
    }
    let values = vec![
        Value::Ints(gone.keys().copied().collect()),
        Value::Ints(gone.values().map(|(successes, _)| *successes).collect()),
        Value::Ints(gone.values().map(|(_, failures)| *failures).collect()),
    ];
    Prepared::<()>::new(FORGET, values).execute(connection).await?;
    Ok(tried + made)
}

/// A webhook goes some time after its deletion, when nobody can be about to store a delivery of it any more.
async fn purge_webhooks(
    connection: &mut AsyncPgConnection,
    homes: &[(i64, bool)],
    before: DateTime<Utc>,
) -> QueryResult<usize> {
    let deleted = homes.iter().filter(|(_, is_deleted)| *is_deleted).map(|(id, _)| *id);
    let deleted: Vec<i64> = deleted.collect();
    if deleted.is_empty() {
        return Ok(0);
    }
    let left = deliveries::table.filter(deliveries::webhook_id.eq(webhooks::id));
    let gone: Vec<i64> = diesel::delete(webhooks::table)
        .filter(webhooks::id.eq_any(deleted))
        .filter(webhooks::deleted_at.lt(before))
        .filter(diesel::dsl::not(diesel::dsl::exists(left)))
        .returning(webhooks::id)
        .get_results(connection)
        .await?;
    let days = webhook_days::table.filter(webhook_days::webhook_id.eq_any(&gone));
    Ok(gone.len() + diesel::delete(days).execute(connection).await?)
}

async fn purge_events(connection: &mut AsyncPgConnection, before: DateTime<Utc>, limit: i64) -> QueryResult<usize> {
    let values = vec![Value::Moment(before), Value::Int(limit), Value::Int(limit)];
    let old: Vec<i64> = Prepared::<BigInt>::new(PICK_EVENTS, values).load(connection).await?;
    let number = old.len();
    if number > 0 {
        Prepared::<()>::new(DELETE_EVENTS, vec![Value::Ints(old)]).execute(connection).await?;
    }
    Ok(number)
}
