use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use core_domain::{DeliveryId, DomainEvent, Entropy, StorageError, Timestamp};
use diesel::dsl::{count_star, min};
use diesel::prelude::*;
use webhooks::{DeliveryQueue, Due, Job, Lease, Published, QueueDepth, Room, Settlement, Share};

use super::publish::{leaves_any, publish};
use super::{claim, purge, settle};
use crate::error::{Failure, OrCorrupt};
use crate::schema::{deliveries, webhooks as table, workspaces};
use crate::store::SqliteStore;

#[async_trait]
impl DeliveryQueue for SqliteStore {
    async fn publish(
        &self,
        events: &[DomainEvent],
        hold: Option<(Lease, Room)>,
    ) -> Result<Vec<Published>, StorageError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let events = events.to_vec();
        let published = self
            .write("publish", move |connection| {
                connection.immediate_transaction(|connection| publish(connection, &events, hold))
            })
            .await?;
        if leaves_any(&published) {
            self.waiting.notify_one();
        }
        Ok(published)
    }

    async fn due(&self, most: u32, now: Timestamp) -> Result<Vec<Due>, StorageError> {
        self.read("due", move |connection| claim::due(connection, most, now)).await
    }

    async fn take(&self, shares: &[Share], lease: Lease, now: Timestamp) -> Result<Vec<Job>, StorageError> {
        if shares.is_empty() {
            return Ok(Vec::new());
        }
        let shares = shares.to_vec();
        self.write("take", move |connection| {
            connection.immediate_transaction(|connection| claim::take(connection, &shares, lease, now))
        })
        .await
    }

    async fn settle(
        &self,
        settlements: &[Settlement],
        now: Timestamp,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<u64, StorageError> {
        if settlements.is_empty() {
            return Ok(0);
        }
        let (settlements, entropy) = (settlements.to_vec(), Arc::clone(entropy));
        let (written, leaves_deliveries) = self
            .write("settle", move |connection| {
                connection.immediate_transaction(|connection| settle::settle(connection, &settlements, now, &*entropy))
            })
            .await?;
        if leaves_deliveries {
            self.waiting.notify_one();
        }
        Ok(written)
    }

    async fn release(&self, leases: &[(DeliveryId, Lease)], now: Timestamp) -> Result<(), StorageError> {
        let leases = leases.to_vec();
        let released = self
            .write("release", move |connection| {
                connection.immediate_transaction(|connection| release(connection, &leases, now))
            })
            .await?;
        if released > 0 {
            self.waiting.notify_one();
        }
        Ok(())
    }

    async fn queued(&self) {
        self.waiting.notified().await;
    }

    async fn depth(&self, now: Timestamp) -> Result<QueueDepth, StorageError> {
        self.read("depth", move |connection| depth(connection, now)).await
    }

    async fn purge(&self, before: Timestamp, limit: NonZeroU32) -> Result<u64, StorageError> {
        self.write("purge", move |connection| {
            connection.immediate_transaction(|connection| {
                purge::purge(connection, before.as_unix_micros(), limit.get().into())
            })
        })
        .await
    }
}

fn release(
    connection: &mut SqliteConnection,
    leases: &[(DeliveryId, Lease)],
    now: Timestamp,
) -> Result<usize, Failure> {
    let mut released = 0;
    for (id, lease) in leases {
        released += diesel::update(deliveries::table.find(id.get()))
            .filter(deliveries::lease.eq(lease.token))
            .set((deliveries::due_at.eq(now.as_unix_micros()), deliveries::lease.eq(None::<i64>)))
            .execute(connection)?;
    }
    Ok(released)
}

fn depth(connection: &mut SqliteConnection, now: Timestamp) -> Result<QueueDepth, Failure> {
    let open = deliveries::table
        .inner_join(table::table.inner_join(workspaces::table))
        .filter(deliveries::due_at.is_not_null())
        .filter(table::deleted_at.is_null())
        .filter(workspaces::deleted_at.is_null());
    let number: i64 = open.select(count_star()).get_result(connection)?;
    let oldest: Option<i64> = open
        .filter(table::disabled_at.is_null())
        .filter(deliveries::due_at.le(now.as_unix_micros()))
        .select(min(deliveries::due_at))
        .get_result(connection)?;
    let oldest_due_at = oldest.map(Timestamp::from_unix_micros).transpose().or_corrupt("deliveries", "due_at")?;
    Ok(QueueDepth { open: number.unsigned_abs(), oldest_due_at })
}
