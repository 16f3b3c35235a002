use diesel::dsl::exists;
use diesel::prelude::*;
use webhooks::DeliveryStatus;

use core_domain::WireWord;

use crate::error::Failure;
use crate::schema::{attempts, deliveries, event_counts, events, webhook_days, webhooks as table};

/// Returns how many rows are gone.
pub(super) fn purge(connection: &mut SqliteConnection, before: i64, limit: i64) -> Result<u64, Failure> {
    let homes: Vec<(i64, Option<i64>)> =
        table::table.order(table::id).select((table::id, table::deleted_at)).load(connection)?;
    let (mut purged, mut left) = (0, limit);
    for (id, deleted_at) in homes {
        if left > 0 {
            let gone = purge_deliveries(connection, id, deleted_at.is_some(), before, left)?;
            left -= gone.0;
            purged += gone.1;
        }
        if deleted_at.is_some_and(|deleted_at| deleted_at < before) {
            purged += purge_webhook(connection, id)?;
        }
    }
    purged += purge_events(connection, before, limit)?;
    purged += purge_days(connection, before, limit)?;
    Ok(purged as u64)
}

/// Returns how many deliveries are gone, and how many rows.
fn purge_deliveries(
    connection: &mut SqliteConnection,
    webhook: i64,
    is_deleted: bool,
    before: i64,
    limit: i64,
) -> Result<(i64, usize), Failure> {
    let of_webhook = deliveries::table.filter(deliveries::webhook_id.eq(webhook)).into_boxed();
    let old = if is_deleted {
        of_webhook
    } else {
        of_webhook.filter(deliveries::created_at.lt(before)).filter(deliveries::due_at.is_null())
    };
    let old: Vec<(i64, String)> =
        old.order(deliveries::created_at).limit(limit).select((deliveries::id, deliveries::status)).load(connection)?;
    if old.is_empty() {
        return Ok((0, 0));
    }
    let ids: Vec<i64> = old.iter().map(|(id, _)| *id).collect();
    let with = |status: DeliveryStatus| old.iter().filter(|(_, word)| word == status.as_str()).count();
    let number = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
    diesel::update(table::table.find(webhook))
        .set((
            table::settled_success.eq(table::settled_success - number(with(DeliveryStatus::Success))),
            table::settled_failed.eq(table::settled_failed - number(with(DeliveryStatus::Failed))),
        ))
        .execute(connection)?;
    let tried = diesel::delete(attempts::table.filter(attempts::delivery_id.eq_any(&ids))).execute(connection)?;
    let made = diesel::delete(deliveries::table.filter(deliveries::id.eq_any(&ids))).execute(connection)?;
    Ok((number(made), tried + made))
}

fn purge_webhook(connection: &mut SqliteConnection, id: i64) -> Result<usize, Failure> {
    let left = deliveries::table.filter(deliveries::webhook_id.eq(id));
    if diesel::select(exists(left)).get_result(connection)? {
        return Ok(0);
    }
    let days = diesel::delete(webhook_days::table.filter(webhook_days::webhook_id.eq(id))).execute(connection)?;
    Ok(days + diesel::delete(table::table.find(id)).execute(connection)?)
}

/// An event's deliveries were made when it was, for webhooks of its own realm.
fn purge_events(connection: &mut SqliteConnection, before: i64, limit: i64) -> Result<usize, Failure> {
    let realms: Vec<(i64, String)> =
        event_counts::table.select((event_counts::workspace_id, event_counts::environment)).load(connection)?;
    let mut purged = 0;
    for (workspace, environment) in realms {
        let kept = table::table
            .inner_join(deliveries::table.on(deliveries::webhook_id.eq(table::id)))
            .filter(table::workspace_id.eq(workspace))
            .filter(table::environment.eq(&environment))
            .filter(deliveries::created_at.eq(events::created_at))
            .filter(deliveries::event_id.eq(events::id));
        let old: Vec<i64> = events::table
            .filter(events::workspace_id.eq(workspace))
            .filter(events::environment.eq(&environment))
            .filter(events::created_at.lt(before))
            .filter(diesel::dsl::not(exists(kept)))
            .order(events::created_at)
            .limit(limit - i64::try_from(purged).unwrap_or(limit))
            .select(events::seq)
            .load(connection)?;
        let number = diesel::delete(events::table.filter(events::seq.eq_any(old))).execute(connection)?;
        diesel::update(event_counts::table.find((workspace, &environment)))
            .set(event_counts::events.eq(event_counts::events - i64::try_from(number).unwrap_or(i64::MAX)))
            .execute(connection)?;
        purged += number;
    }
    Ok(purged)
}

/// A day is over when the next one has begun.
fn purge_days(connection: &mut SqliteConnection, before: i64, limit: i64) -> Result<usize, Failure> {
    const DAY: i64 = 86_400_000_000;
    let old: Vec<(i64, i64)> = webhook_days::table
        .filter(webhook_days::day.le(before.saturating_sub(DAY)))
        .limit(limit)
        .select((webhook_days::webhook_id, webhook_days::day))
        .load(connection)?;
    for day in &old {
        diesel::delete(webhook_days::table.find(*day)).execute(connection)?;
    }
    Ok(old.len())
}
