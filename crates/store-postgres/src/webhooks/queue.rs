use std::num::NonZeroU32;
use std::sync::Arc;

use ::webhooks::{
    DeliveryQueue, DisabledReason, Due, Endpoint, Job, Lease, Published, QueueDepth, Room, Settlement, Share,
    disabled_event,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use core_domain::{DeliveryId, DomainEvent, Entropy, StorageError, Timestamp, Transaction as _};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Timestamptz};
use diesel_async::RunQueryDsl;

use super::publish::{Plan, subscribers};
use super::{claim, purge, settle};
use crate::PgStore;
use crate::error::storage;
use crate::prepared::{Prepared, Value};
use crate::schema::webhooks;
use crate::time;

/// Locks the deliveries in the order of their ids.
const RELEASE: &str = "
    WITH held AS (
        SELECT deliveries.id FROM unnest(?, ?) AS held (id, lease)
        JOIN deliveries ON deliveries.id = held.id AND deliveries.lease = held.lease
        ORDER BY deliveries.id FOR UPDATE OF deliveries
    )
    UPDATE deliveries SET due_at = ?, lease = NULL FROM held WHERE deliveries.id = held.id";

const DEPTH: &str = "
    SELECT coalesce(sum(open.number), 0)::bigint, min(open.due_at) FILTER (WHERE webhooks.disabled_at IS NULL)
    FROM (
        SELECT webhook_id, count(*) AS number, min(due_at) AS due_at FROM deliveries
        WHERE due_at IS NOT NULL GROUP BY webhook_id
    ) AS open
    JOIN webhooks ON webhooks.id = open.webhook_id AND webhooks.deleted_at IS NULL
    JOIN workspaces ON workspaces.id = webhooks.workspace_id AND workspaces.deleted_at IS NULL";

#[async_trait]
impl DeliveryQueue for PgStore {
    async fn publish(
        &self,
        events: &[DomainEvent],
        hold: Option<(Lease, Room)>,
    ) -> Result<Vec<Published>, StorageError> {
        const OPERATION: &str = "publish";
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = self.connection(OPERATION).await?;
        let versions: Vec<(i64, i64)> = subscribers!(events)
            .select((webhooks::id, webhooks::version))
            .load(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        let endpoints = self.endpoints.resolve(OPERATION, &mut connection, &versions).await?;
        let plan = Plan::new(events, endpoints, hold);
        let ids = plan.insert(&mut connection, self.signal.process()).await.map_err(storage(OPERATION))?;
        if plan.leaves_any() {
            self.signal.raise();
        }
        plan.published(ids)
    }

    async fn due(&self, most: u32, now: Timestamp) -> Result<Vec<Due>, StorageError> {
        let mut connection = self.connection("due").await?;
        claim::due(&mut connection, most, now).await
    }

    async fn take(&self, shares: &[Share], lease: Lease, now: Timestamp) -> Result<Vec<Job>, StorageError> {
        if shares.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = self.connection("take").await?;
        claim::take(&mut connection, &self.endpoints, shares, lease, now).await
    }

    async fn settle(
        &self,
        settlements: &[Settlement],
        now: Timestamp,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<u64, StorageError> {
        const OPERATION: &str = "settle";
        if settlements.is_empty() {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let mut endpoints = settle::lock(tx.start(OPERATION)?, settlements).await?;
        tx.finish(OPERATION, Ok(()))?;
        let written = settle::write(tx.start(OPERATION)?, settlements, now).await?;
        tx.finish(OPERATION, Ok(()))?;
        let disabled = settle::judge(&mut endpoints, &written, now);
        let kept = settle::keep_health(tx.start(OPERATION)?, &endpoints, !disabled.is_empty()).await;
        tx.finish(OPERATION, kept)?;
        if !disabled.is_empty() {
            let event =
                |(endpoint, reason): &(Endpoint, DisabledReason)| disabled_event(endpoint, *reason, now, &**entropy);
            let events: Vec<DomainEvent> = disabled.iter().map(event).collect();
            tx.publish_events(OPERATION, &events).await?;
        }
        let number = written.len() as u64;
        Box::new(tx).commit().await?;
        Ok(number)
    }

    async fn release(&self, leases: &[(DeliveryId, Lease)], now: Timestamp) -> Result<(), StorageError> {
        const OPERATION: &str = "release";
        if leases.is_empty() {
            return Ok(());
        }
        let values = vec![
            Value::Ints(leases.iter().map(|(id, _)| id.get()).collect()),
            Value::Ints(leases.iter().map(|(_, lease)| lease.token).collect()),
            Value::Moment(time::stored(now)),
        ];
        let mut connection = self.connection(OPERATION).await?;
        let released = Prepared::<()>::new(RELEASE, values).execute(&mut connection).await;
        if released.map_err(storage(OPERATION))? > 0 {
            self.signal.raise();
        }
        Ok(())
    }

    async fn queued(&self) {
        self.signal.raised(&self.connector).await;
    }

    async fn depth(&self, now: Timestamp) -> Result<QueueDepth, StorageError> {
        const OPERATION: &str = "depth";
        let mut connection = self.connection(OPERATION).await?;
        let (open, oldest): (i64, Option<DateTime<Utc>>) =
            Prepared::<(BigInt, Nullable<Timestamptz>)>::new(DEPTH, Vec::new())
                .get_result(&mut connection)
                .await
                .map_err(storage(OPERATION))?;
        let oldest = oldest.map(|moment| time::read(moment, "deliveries", "due_at")).transpose()?;
        let oldest_due_at = oldest.filter(|moment| *moment <= now);
        Ok(QueueDepth { open: u64::try_from(open).unwrap_or(0), oldest_due_at })
    }

    async fn purge(&self, before: Timestamp, limit: NonZeroU32) -> Result<u64, StorageError> {
        const OPERATION: &str = "purge";
        let mut tx = self.begin().await?;
        let purged = purge::purge(tx.start(OPERATION)?, time::stored(before), limit.get().into()).await;
        let purged = tx.finish(OPERATION, purged)?;
        Box::new(tx).commit().await?;
        Ok(purged)
    }
}
