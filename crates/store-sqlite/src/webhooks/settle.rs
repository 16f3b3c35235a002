use std::collections::BTreeMap;
use std::time::Duration;

use core_domain::{Entropy, StorageError, Timestamp, WireWord};
use diesel::prelude::*;
use webhooks::{DeliveryKind, DeliveryStatus, DisabledReason, Endpoint, Settlement, disabled_event};

use super::publish::{leaves_any, publish};
use super::row::EndpointRow;
use crate::error::Failure;
use crate::schema::{attempts, deliveries, webhook_days, webhooks as table};

struct Settled {
    endpoint: Endpoint,
    is_deleted: bool,
    successes: i64,
    failures: i64,
    disabled: Option<DisabledReason>,
}

/// Returns how many were written, and whether that left deliveries that nobody holds.
pub(super) fn settle(
    connection: &mut SqliteConnection,
    settlements: &[Settlement],
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<(u64, bool), Failure> {
    let mut endpoints = endpoints(connection, settlements)?;
    let mut written = 0;
    for settlement in settlements {
        let Some(settled) = endpoints.get_mut(&settlement.webhook_id.get()) else { continue };
        if !write(connection, settlement, now)? {
            continue;
        }
        written += 1;
        settled.successes += i64::from(settlement.status == DeliveryStatus::Success);
        settled.failures += i64::from(settlement.status == DeliveryStatus::Failed);
        if let Some(reason) = settled.endpoint.settle(settlement, now) {
            settled.disabled = Some(reason);
        }
    }
    let mut events = Vec::new();
    for settled in endpoints.values() {
        diesel::update(table::table.find(settled.endpoint.id.get()))
            .set((
                EndpointRow::from(&settled.endpoint),
                table::settled_success.eq(table::settled_success + settled.successes),
                table::settled_failed.eq(table::settled_failed + settled.failures),
            ))
            .execute(connection)?;
        if let (Some(reason), false) = (settled.disabled, settled.is_deleted) {
            events.push(disabled_event(&settled.endpoint, reason, now, entropy));
        }
    }
    Ok((written, leaves_any(&publish(connection, &events, None)?)))
}

fn endpoints(connection: &mut SqliteConnection, settlements: &[Settlement]) -> Result<BTreeMap<i64, Settled>, Failure> {
    let mut ids: Vec<i64> = settlements.iter().map(|settlement| settlement.webhook_id.get()).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows: Vec<(EndpointRow, Option<i64>)> = table::table
        .filter(table::id.eq_any(ids))
        .select((EndpointRow::as_select(), table::deleted_at))
        .load(connection)?;
    let settled = |(row, deleted_at): (EndpointRow, Option<i64>)| -> Result<_, StorageError> {
        let (id, is_deleted) = (row.id, deleted_at.is_some());
        Ok((id, Settled { endpoint: row.try_into()?, is_deleted, successes: 0, failures: 0, disabled: None }))
    };
    Ok(rows.into_iter().map(settled).collect::<Result<_, _>>()?)
}

/// Says whether its lease still held.
fn write(connection: &mut SqliteConnection, settlement: &Settlement, now: Timestamp) -> Result<bool, Failure> {
    let (attempt, outcome) = (&settlement.attempt, &settlement.attempt.outcome);
    let ended_at = attempt.started_at.saturating_add(Duration::from_millis(outcome.response_time_ms.into()));
    let is_success = settlement.status == DeliveryStatus::Success;
    let due_at = (!settlement.status.is_settled()).then(|| settlement.next_retry_at.unwrap_or(now).as_unix_micros());
    let held = deliveries::table
        .find(settlement.delivery_id.get())
        .filter(deliveries::webhook_id.eq(settlement.webhook_id.get()))
        .filter(deliveries::lease.eq(settlement.lease));
    let updated = diesel::update(held)
        .set((
            deliveries::status.eq(settlement.status.as_str()),
            deliveries::attempt.eq(i64::from(attempt.number)),
            deliveries::response_code.eq(outcome.response_code.map(i32::from)),
            deliveries::delivered_at.eq(is_success.then(|| ended_at.as_unix_micros())),
            deliveries::next_retry_at.eq(settlement.next_retry_at.map(Timestamp::as_unix_micros)),
            deliveries::due_at.eq(due_at),
            deliveries::lease.eq(None::<i64>),
        ))
        .execute(connection)?;
    if updated == 0 {
        return Ok(false);
    }
    // As the other store has it, which can't keep a NUL.
    let storable = |text: &Option<String>| text.as_deref().map(|text| text.replace('\0', "\u{fffd}"));
    diesel::insert_into(attempts::table)
        .values((
            attempts::delivery_id.eq(settlement.delivery_id.get()),
            attempts::number.eq(i64::from(attempt.number)),
            attempts::started_at.eq(attempt.started_at.as_unix_micros()),
            attempts::response_time_ms.eq(i64::from(outcome.response_time_ms)),
            attempts::response_code.eq(outcome.response_code.map(i32::from)),
            attempts::retry_after_seconds.eq(outcome.retry_after_seconds.map(i64::from)),
            attempts::response_headers.eq(storable(&outcome.response_headers)),
            attempts::response_body.eq(storable(&outcome.response_body)),
            attempts::error.eq(storable(&outcome.error)),
        ))
        .execute(connection)?;
    if settlement.kind == DeliveryKind::Event {
        count_day(connection, settlement)?;
    }
    Ok(true)
}

fn count_day(connection: &mut SqliteConnection, settlement: &Settlement) -> Result<(), Failure> {
    const DAY: i64 = 86_400_000_000;
    let started_at = settlement.attempt.started_at.as_unix_micros();
    let success = i64::from(settlement.status == DeliveryStatus::Success);
    let took = i64::from(settlement.attempt.outcome.response_time_ms);
    diesel::insert_into(webhook_days::table)
        .values((
            webhook_days::webhook_id.eq(settlement.webhook_id.get()),
            webhook_days::day.eq(started_at - started_at.rem_euclid(DAY)),
            webhook_days::successes.eq(success),
            webhook_days::failures.eq(1 - success),
            webhook_days::response_time_ms.eq(took),
        ))
        .on_conflict((webhook_days::webhook_id, webhook_days::day))
        .do_update()
        .set((
            webhook_days::successes.eq(webhook_days::successes + success),
            webhook_days::failures.eq(webhook_days::failures + 1 - success),
            webhook_days::response_time_ms.eq(webhook_days::response_time_ms + took),
        ))
        .execute(connection)?;
    Ok(())
}
