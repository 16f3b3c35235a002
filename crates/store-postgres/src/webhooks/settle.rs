use std::collections::HashMap;
use std::time::Duration;

use ::webhooks::{DeliveryKind, DeliveryStatus, DisabledReason, Endpoint, Settlement};
use core_domain::{StorageError, Timestamp, WireWord as _};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::row::{EndpointRow, count};
use crate::error::storage;
use crate::prepared::{Prepared, Value};
use crate::schema::webhooks;
use crate::time;

const OPERATION: &str = "settle";

/// Writes what was made under a lease that still holds: the delivery, its attempt and the day's statistics.
const WRITE: &str = "
    WITH made AS MATERIALIZED (
        SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WITH ORDINALITY
            AS made (id, webhook_id, lease, kind, status, number, started_at, response_time_ms, response_code,
                response_headers, response_body, error, retry_after_seconds, next_retry_at, due_at, delivered_at, n)
    ), written AS (
        UPDATE deliveries SET status = made.status, attempt = made.number, response_code = made.response_code,
            next_retry_at = made.next_retry_at, due_at = made.due_at, delivered_at = made.delivered_at, lease = NULL
        FROM made
        WHERE deliveries.id = made.id AND deliveries.webhook_id = made.webhook_id AND deliveries.lease = made.lease
        RETURNING made.*
    ), tried AS (
        INSERT INTO attempts (delivery_id, number, started_at, response_time_ms, response_code, response_headers,
            response_body, error, retry_after_seconds)
        SELECT id, number, started_at, response_time_ms, response_code, response_headers, response_body, error,
            retry_after_seconds
        FROM written
    ), days AS (
        INSERT INTO webhook_days (webhook_id, day, successes, failures, response_time_ms)
        SELECT webhook_id, date_trunc('day', started_at, 'UTC') AS day, count(*) FILTER (WHERE status = counted.success),
            count(*) FILTER (WHERE status <> counted.success), sum(response_time_ms)
        FROM written, (SELECT ? AS kind, ? AS success) AS counted
        WHERE written.kind = counted.kind GROUP BY webhook_id, day ORDER BY webhook_id, day
        ON CONFLICT (webhook_id, day) DO UPDATE SET successes = webhook_days.successes + excluded.successes,
            failures = webhook_days.failures + excluded.failures,
            response_time_ms = webhook_days.response_time_ms + excluded.response_time_ms
    )
    SELECT n FROM written ORDER BY n";

const KEEP_HEALTH: &str = "
    UPDATE webhooks SET success_count = kept.success_count, failure_count = kept.failure_count,
        consecutive_failures = kept.consecutive_failures, failing_since = kept.failing_since,
        last_delivery_at = kept.last_delivery_at, disabled_at = kept.disabled_at,
        disabled_reason = kept.disabled_reason, settled_success = settled_success + kept.successes,
        settled_failed = settled_failed + kept.failures,
        version = version + (webhooks.disabled_at IS DISTINCT FROM kept.disabled_at)::int
    FROM (SELECT set_config('synchronous_commit', ?, true)) AS durability,
        unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS kept (id, success_count, failure_count, consecutive_failures,
        failing_since, last_delivery_at, disabled_at, disabled_reason, successes, failures)
    WHERE webhooks.id = kept.id";

/// An endpoint whose deliveries are settled.
pub(super) struct Settled {
    endpoint: Endpoint,
    is_deleted: bool,
    successes: i64,
    failures: i64,
}

pub(super) type Endpoints = HashMap<i64, Settled>;

/// The endpoints, locked; the deleted ones, too.
pub(super) async fn lock(
    connection: &mut AsyncPgConnection,
    settlements: &[Settlement],
) -> Result<Endpoints, StorageError> {
    let mut ids: Vec<i64> = settlements.iter().map(|settlement| settlement.webhook_id.get()).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows: Vec<(EndpointRow, bool)> = webhooks::table
        .filter(webhooks::id.eq_any(ids))
        .order_by(webhooks::id)
        .select((EndpointRow::as_select(), webhooks::deleted_at.is_not_null()))
        .for_no_key_update()
        .load(connection)
        .await
        .map_err(storage(OPERATION))?;
    let settled = |(row, is_deleted): (EndpointRow, bool)| {
        Ok((row.id, Settled { endpoint: row.try_into()?, is_deleted, successes: 0, failures: 0 }))
    };
    rows.into_iter().map(settled).collect()
}

/// Returns those that were written, in their order.
pub(super) async fn write<'a>(
    connection: &mut AsyncPgConnection,
    settlements: &'a [Settlement],
    now: Timestamp,
) -> Result<Vec<&'a Settlement>, StorageError> {
    let storable = |text: &Option<String>| text.as_deref().map(|text| text.replace('\0', "\u{fffd}"));
    let bodies: Vec<_> = settlements.iter().map(|each| storable(&each.attempt.outcome.response_body)).collect();
    let headers: Vec<_> = settlements.iter().map(|each| storable(&each.attempt.outcome.response_headers)).collect();
    let errors: Vec<_> = settlements.iter().map(|each| storable(&each.attempt.outcome.error)).collect();
    let outcomes = || settlements.iter().map(|each| &each.attempt.outcome);
    let due = |each: &Settlement| (!each.status.is_settled()).then(|| time::stored(each.next_retry_at.unwrap_or(now)));
    let delivered = |each: &Settlement| (each.status == DeliveryStatus::Success).then(|| time::stored(ended_at(each)));
    let values = vec![
        Value::Ints(settlements.iter().map(|each| each.delivery_id.get()).collect()),
        Value::Ints(settlements.iter().map(|each| each.webhook_id.get()).collect()),
        Value::Ints(settlements.iter().map(|each| each.lease).collect()),
        Value::Texts(settlements.iter().map(|each| each.kind.as_str()).collect()),
        Value::Texts(settlements.iter().map(|each| each.status.as_str()).collect()),
        Value::SmallInts(
            settlements.iter().map(|each| i32::try_from(each.attempt.number).unwrap_or(i32::MAX)).collect(),
        ),
        Value::Moments(settlements.iter().map(|each| time::stored(each.attempt.started_at)).collect()),
        Value::Ints(outcomes().map(|outcome| outcome.response_time_ms.into()).collect()),
        Value::SmallIntsOrNull(outcomes().map(|outcome| outcome.response_code.map(i32::from)).collect()),
        Value::TextsOrNull(headers.iter().map(Option::as_deref).collect()),
        Value::TextsOrNull(bodies.iter().map(Option::as_deref).collect()),
        Value::TextsOrNull(errors.iter().map(Option::as_deref).collect()),
        Value::IntsOrNull(outcomes().map(|outcome| outcome.retry_after_seconds.map(i64::from)).collect()),
        Value::MomentsOrNull(settlements.iter().map(|each| each.next_retry_at.map(time::stored)).collect()),
        Value::MomentsOrNull(settlements.iter().map(due).collect()),
        Value::MomentsOrNull(settlements.iter().map(delivered).collect()),
        Value::Text(DeliveryKind::Event.as_str()),
        Value::Text(DeliveryStatus::Success.as_str()),
    ];
    let written: Vec<i64> =
        Prepared::<BigInt>::new(WRITE, values).load(connection).await.map_err(storage(OPERATION))?;
    let nth = |n: i64| usize::try_from(n - 1).ok().and_then(|position| settlements.get(position));
    Ok(written.into_iter().filter_map(nth).collect())
}

fn ended_at(settlement: &Settlement) -> Timestamp {
    let took = Duration::from_millis(settlement.attempt.outcome.response_time_ms.into());
    settlement.attempt.started_at.saturating_add(took)
}

/// Takes what was written into account. Returns the endpoints that are disabled from now on, by id.
pub(super) fn judge(
    endpoints: &mut Endpoints,
    written: &[&Settlement],
    now: Timestamp,
) -> Vec<(Endpoint, DisabledReason)> {
    let mut disabled = Vec::new();
    for settlement in written {
        let Some(settled) = endpoints.get_mut(&settlement.webhook_id.get()) else { continue };
        match settlement.status {
            DeliveryStatus::Success => settled.successes += 1,
            DeliveryStatus::Failed => settled.failures += 1,
            DeliveryStatus::Pending | DeliveryStatus::Retrying => {}
        }
        if let Some(reason) = settled.endpoint.settle(settlement, now)
            && !settled.is_deleted
        {
            disabled.push((settled.endpoint.clone(), reason));
        }
    }
    disabled.sort_by_key(|(endpoint, _)| endpoint.id);
    disabled
}

/// The commit that follows is not waited for unless it `must_last`: results that a crash of the database takes back are
/// made again when their leases end, under the same id.
pub(super) async fn keep_health(
    connection: &mut AsyncPgConnection,
    endpoints: &Endpoints,
    must_last: bool,
) -> QueryResult<()> {
    let all: Vec<&Settled> = endpoints.values().collect();
    let health = || all.iter().map(|settled| &settled.endpoint.health);
    let disabled = || all.iter().map(|settled| settled.endpoint.disabled);
    let values = vec![
        Value::Text(if must_last { "on" } else { "off" }),
        Value::Ints(all.iter().map(|settled| settled.endpoint.id.get()).collect()),
        Value::Ints(health().map(|health| count(health.success_count)).collect()),
        Value::Ints(health().map(|health| count(health.failure_count)).collect()),
        Value::Ints(health().map(|health| count(health.consecutive_failures)).collect()),
        Value::MomentsOrNull(health().map(|health| health.failing_since.map(time::stored)).collect()),
        Value::MomentsOrNull(health().map(|health| health.last_delivery_at.map(time::stored)).collect()),
        Value::MomentsOrNull(disabled().map(|disabled| disabled.map(|it| time::stored(it.at))).collect()),
        Value::TextsOrNull(disabled().map(|disabled| disabled.map(|it| it.reason.as_str())).collect()),
        Value::Ints(all.iter().map(|settled| settled.successes).collect()),
        Value::Ints(all.iter().map(|settled| settled.failures).collect()),
    ];
    Prepared::<()>::new(KEEP_HEALTH, values).execute(connection).await.map(drop)
}
