use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use core_domain::{Timestamp, WireWord};
use diesel::prelude::*;
use webhooks::{DeliveryKind, DeliveryStatus, Due, Endpoint, Job, Lease, Message, Pacing, Room};

use super::publish::message_of_row;
use super::row::{EndpointRow, TABLE};
use crate::error::{Failure, OrCorrupt};
use crate::events::EventRow;
use crate::schema::{deliveries, events, webhooks as table, workspaces};

/// An endpoint with something due, and what its rate limit has granted.
struct Candidate {
    endpoint: Arc<Endpoint>,
    pacing: Pacing,
    due: Due,
}

/// Leases what is due, beginning after the endpoint `last`. Returns the jobs and the endpoint at which the turn ended.
pub(super) fn claim(
    connection: &mut SqliteConnection,
    lease: Lease,
    room: &Room,
    now: Timestamp,
    last: i64,
) -> Result<(Vec<Job>, i64), Failure> {
    let mut candidates = candidates(connection, room, now)?;
    let next = candidates.partition_point(|candidate| candidate.endpoint.id.get() <= last);
    candidates.rotate_left(next);
    let turns = usize::try_from(room.total).unwrap_or(usize::MAX);
    let end = candidates.iter().take(turns).next_back().map_or(0, |candidate| candidate.endpoint.id.get());
    let due: Vec<Due> = candidates.iter().map(|candidate| candidate.due).collect();
    let shares: HashMap<_, _> = room.share(&due).into_iter().collect();
    let mut messages = HashMap::new();
    let mut jobs = Vec::new();
    for candidate in candidates {
        let share = shares.get(&candidate.endpoint.id).copied().unwrap_or(0);
        if share > 0 {
            jobs.extend(take(connection, candidate, share, lease, now, &mut messages)?);
        }
    }
    Ok((jobs, end))
}

/// From endpoint to endpoint by the index of what is open, however long the queue of each is.
fn candidates(connection: &mut SqliteConnection, room: &Room, now: Timestamp) -> Result<Vec<Candidate>, Failure> {
    let most = room.per_endpoint.min(room.total);
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
            && let Some(candidate) = candidate(connection, webhook, most, room, now)?
        {
            found.push(candidate);
        }
    }
}

fn candidate(
    connection: &mut SqliteConnection,
    webhook: i64,
    most: u32,
    room: &Room,
    now: Timestamp,
) -> Result<Option<Candidate>, Failure> {
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
    let endpoint = Arc::new(Endpoint::try_from(row)?);
    if room.at(endpoint.workspace_id, endpoint.id) == 0 {
        return Ok(None);
    }
    let pacing: Pacing = granted.parse().or_corrupt(TABLE, "granted")?;
    let allowed = endpoint.rate_limit.map_or(most, |limit: NonZeroU32| pacing.allowed(limit, now).min(most));
    let due: Vec<i64> = due(webhook, now).limit(allowed.into()).select(deliveries::id).load(connection)?;
    let deliveries = u32::try_from(due.len()).unwrap_or(u32::MAX);
    let due = Due { webhook_id: endpoint.id, workspace_id: endpoint.workspace_id, deliveries };
    Ok((deliveries > 0).then_some(Candidate { endpoint, pacing, due }))
}

#[diesel::dsl::auto_type]
fn due(webhook: i64, now: Timestamp) -> _ {
    let now: i64 = now.as_unix_micros();
    deliveries::table
        .filter(deliveries::webhook_id.eq(webhook))
        .filter(deliveries::due_at.le(now))
        .order((deliveries::due_at, deliveries::id))
}

fn take(
    connection: &mut SqliteConnection,
    mut candidate: Candidate,
    share: u32,
    lease: Lease,
    now: Timestamp,
    messages: &mut HashMap<String, Arc<Message>>,
) -> Result<Vec<Job>, Failure> {
    let rows: Vec<(i64, String, String, i64, EventRow)> = due(candidate.endpoint.id.get(), now)
        .inner_join(events::table.on(events::id.eq(deliveries::event_id)))
        .limit(share.into())
        .select((deliveries::id, deliveries::kind, deliveries::status, deliveries::attempt, EventRow::as_select()))
        .load(connection)?;
    let ids: Vec<i64> = rows.iter().map(|row| row.0).collect();
    diesel::update(deliveries::table.filter(deliveries::id.eq_any(ids)))
        .set((deliveries::due_at.eq(lease.until.as_unix_micros()), deliveries::lease.eq(lease.token)))
        .execute(connection)?;
    if candidate.endpoint.rate_limit.is_some() {
        candidate.pacing.grant(u32::try_from(rows.len()).unwrap_or(u32::MAX), now);
        diesel::update(table::table.find(candidate.endpoint.id.get()))
            .set(table::granted.eq(candidate.pacing.to_string()))
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
            endpoint: Arc::clone(&candidate.endpoint),
        });
    }
    Ok(jobs)
}
