use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use core_domain::{Timestamp, WireWord};
use diesel::prelude::*;
use webhooks::{DeliveryKind, DeliveryStatus, Due, Endpoint, Job, Lease, Message, Pacing, Share};

use super::publish::message_of_row;
use super::row::{EndpointRow, TABLE};
use crate::error::{Failure, OrCorrupt};
use crate::events::EventRow;
use crate::schema::{deliveries, events, webhooks as table, workspaces};

/// From endpoint to endpoint by the index of what is open, however long the queue of each is.
pub(super) fn due(connection: &mut SqliteConnection, most: u32, now: Timestamp) -> Result<Vec<Due>, Failure> {
    let mut found = Vec::new();
    let mut front = 0;
    loop {
        let next: Option<(i64, Option<i64>)> = deliveries::table
            .filter(deliveries::due_at.is_not_null())
            .filter(deliveries::webhook_id.gt(front))
            .order((deliveries::webhook_id, deliveries::due_at))
            .select((deliveries::webhook_id, deliveries::due_at))
            .first(connection)
            .optional()?;
        let Some((webhook, due_at)) = next else {
            return Ok(found);
        };
        front = webhook;
        if due_at.is_some_and(|due_at| due_at <= now.as_unix_micros())
            && let Some((endpoint, pacing)) = active(connection, webhook)?
        {
            let allowed = allowed(&endpoint, &pacing, most, now);
            let due: Vec<i64> =
                due_at_endpoint(webhook, now).limit(allowed.into()).select(deliveries::id).load(connection)?;
            let deliveries = u32::try_from(due.len()).unwrap_or(u32::MAX);
            if deliveries > 0 {
                let is_paced = endpoint.rate_limit.is_some();
                let (webhook_id, workspace_id) = (endpoint.id, endpoint.workspace_id);
                found.push(Due { webhook_id, workspace_id, deliveries, is_paced });
            }
        }
    }
}

/// The endpoint, if it is active, and what its rate limit has granted.
fn active(connection: &mut SqliteConnection, webhook: i64) -> Result<Option<(Endpoint, Pacing)>, Failure> {
    let active: Option<(EndpointRow, String)> = table::table
        .inner_join(workspaces::table)
        .filter(table::id.eq(webhook))
        .filter(table::disabled_at.is_null())
        .filter(table::deleted_at.is_null())
        .filter(workspaces::deleted_at.is_null())
        .select((EndpointRow::as_select(), table::granted))
        .first(connection)
        .optional()?;
    let Some((row, granted)) = active else {
        return Ok(None);
    };
    Ok(Some((Endpoint::try_from(row)?, granted.parse().or_corrupt(TABLE, "granted")?)))
}

fn allowed(endpoint: &Endpoint, pacing: &Pacing, most: u32, now: Timestamp) -> u32 {
    endpoint.rate_limit.map_or(most, |limit: NonZeroU32| pacing.allowed(limit, now).min(most))
}

#[diesel::dsl::auto_type]
fn due_at_endpoint(webhook: i64, now: Timestamp) -> _ {
    let now: i64 = now.as_unix_micros();
    deliveries::table
        .filter(deliveries::webhook_id.eq(webhook))
        .filter(deliveries::due_at.le(now))
        .order((deliveries::due_at, deliveries::id))
}

/// Leases these shares of what is due.
pub(super) fn take(
    connection: &mut SqliteConnection,
    shares: &[Share],
    lease: Lease,
    now: Timestamp,
) -> Result<Vec<Job>, Failure> {
    let mut messages = HashMap::new();
    let mut jobs = Vec::new();
    for share in shares {
        if let Some((endpoint, pacing)) = active(connection, share.webhook_id.get())? {
            jobs.extend(take_share(connection, endpoint, pacing, share.deliveries, lease, now, &mut messages)?);
        }
    }
    Ok(jobs)
}

fn take_share(
    connection: &mut SqliteConnection,
    endpoint: Endpoint,
    mut pacing: Pacing,
    share: u32,
    lease: Lease,
    now: Timestamp,
    messages: &mut HashMap<String, Arc<Message>>,
) -> Result<Vec<Job>, Failure> {
    let share = allowed(&endpoint, &pacing, share, now);
    let endpoint = Arc::new(endpoint);
    let rows: Vec<(i64, String, String, i64, EventRow)> = due_at_endpoint(endpoint.id.get(), now)
        .inner_join(events::table.on(events::id.eq(deliveries::event_id)))
        .limit(share.into())
        .select((deliveries::id, deliveries::kind, deliveries::status, deliveries::attempt, EventRow::as_select()))
        .load(connection)?;
    let ids: Vec<i64> = rows.iter().map(|row| row.0).collect();
    diesel::update(deliveries::table.filter(deliveries::id.eq_any(ids)))
        .set((deliveries::due_at.eq(lease.until.as_unix_micros()), deliveries::lease.eq(lease.token)))
        .execute(connection)?;
    if endpoint.rate_limit.is_some() {
        pacing.grant(u32::try_from(rows.len()).unwrap_or(u32::MAX), now);
        diesel::update(table::table.find(endpoint.id.get()))
            .set(table::granted.eq(pacing.to_string()))
            .execute(connection)?;
    }
    let mut jobs = Vec::with_capacity(rows.len());
    for (id, kind, status, attempt, event) in rows {
        let message = if let Some(message) = messages.get(&event.id) {
            Arc::clone(message)
        } else {
            let id = event.id.clone();
            let message = Arc::new(message_of_row(event)?);
            messages.insert(id, Arc::clone(&message));
            message
        };
        let is_pending = status == DeliveryStatus::Pending.as_str();
        let attempt = u32::try_from(attempt).or_corrupt("deliveries", "attempt")?;
        jobs.push(Job {
            delivery_id: id.try_into().or_corrupt("deliveries", "id")?,
            kind: DeliveryKind::from_word(&kind).or_corrupt("deliveries", "kind")?,
            attempt: if is_pending { attempt } else { attempt.saturating_add(1) },
            lease,
            message,
            endpoint: Arc::clone(&endpoint),
        });
    }
    Ok(jobs)
}
