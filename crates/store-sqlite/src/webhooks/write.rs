use async_trait::async_trait;
use core_domain::{DeliveryId, DomainEvent, Outbox, StorageError, Timestamp, WebhookId, WireWord};
use diesel::prelude::*;
use webhooks::{Delivery, DeliveryKind, DeliveryStatus, Endpoint, Lease, Realm, WebhookRepository};

use super::publish::{counts, insert_delivery, insert_event, leaves_any, publish};
use super::read;
use super::row::EndpointRow;
use crate::error::{Failure, OrCorrupt};
use crate::ids;
use crate::schema::{deliveries, webhooks as table};
use crate::tx::SqliteTx;

#[async_trait]
impl WebhookRepository for SqliteTx {
    async fn next_webhook_id(&mut self) -> Result<WebhookId, StorageError> {
        self.run("next_webhook_id", |connection| {
            Ok(ids::next(connection, "webhooks")?.try_into().or_corrupt("id_sequences", "last")?)
        })
        .await
    }

    async fn insert_webhook(&mut self, endpoint: &Endpoint) -> Result<(), StorageError> {
        let row = (EndpointRow::from(endpoint), table::search_text.eq(endpoint.search_text()));
        self.run("insert_webhook", move |connection| {
            diesel::insert_into(table::table).values(row).execute(connection)?;
            Ok(())
        })
        .await
    }

    /// The whole store is locked from the transaction's beginning.
    async fn find_webhook_for_change(&mut self, realm: Realm, id: WebhookId) -> Result<Option<Endpoint>, StorageError> {
        self.run("find_webhook_for_change", move |connection| read::find_webhook(connection, realm, id)).await
    }

    async fn update_webhook(&mut self, endpoint: &Endpoint) -> Result<(), StorageError> {
        let (id, is_active) = (endpoint.id.get(), endpoint.is_active());
        let row = (EndpointRow::from(endpoint), table::search_text.eq(endpoint.search_text()));
        self.run("update_webhook", move |connection| {
            diesel::update(table::table.find(id)).set(row).execute(connection)?;
            Ok(())
        })
        .await?;
        // Whatever waited for it may be due now.
        self.leaves_deliveries |= is_active;
        Ok(())
    }

    async fn delete_webhook(&mut self, realm: Realm, id: WebhookId, now: Timestamp) -> Result<bool, StorageError> {
        self.run("delete_webhook", move |connection| {
            if read::find_webhook(connection, realm, id)?.is_none() {
                return Ok(false);
            }
            let deleted_at = table::deleted_at.eq(now.as_unix_micros());
            diesel::update(table::table.find(id.get())).set(deleted_at).execute(connection)?;
            Ok(true)
        })
        .await
    }

    async fn publish(&mut self, events: &[DomainEvent]) -> Result<Vec<u32>, StorageError> {
        self.publish_events("publish", events.to_vec()).await
    }

    async fn insert_test(
        &mut self,
        event: &DomainEvent,
        webhook: WebhookId,
        lease: Lease,
    ) -> Result<DeliveryId, StorageError> {
        let event = event.clone();
        self.run("insert_test", move |connection| {
            insert_event(connection, &event)?;
            let id = insert_delivery(connection, &event, webhook.get(), DeliveryKind::Test, Some(lease))?;
            Ok(id.try_into().or_corrupt("deliveries", "id")?)
        })
        .await
    }

    async fn find_delivery_for_change(
        &mut self,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StorageError> {
        self.run("find_delivery_for_change", move |connection| read::find_delivery(connection, webhook, id)).await
    }

    async fn queue_delivery(&mut self, id: DeliveryId, attempt: u32, now: Timestamp) -> Result<(), StorageError> {
        self.run("queue_delivery", move |connection| queue(connection, id.get(), attempt.into(), now)).await?;
        self.leaves_deliveries = true;
        Ok(())
    }

    async fn replay_deliveries(
        &mut self,
        webhook: WebhookId,
        since: Timestamp,
        statuses: &[DeliveryStatus],
        max_attempts: u32,
        now: Timestamp,
    ) -> Result<u64, StorageError> {
        let statuses: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
        let replayed = self
            .run("replay_deliveries", move |connection| {
                replay(connection, webhook.get(), since, &statuses, max_attempts.into(), now)
            })
            .await?;
        self.leaves_deliveries |= replayed > 0;
        Ok(replayed)
    }
}

#[async_trait]
impl Outbox for SqliteTx {
    async fn append(&mut self, event: &DomainEvent) -> Result<(), StorageError> {
        self.publish_events("append", vec![event.clone()]).await.map(drop)
    }
}

impl SqliteTx {
    async fn publish_events(
        &mut self,
        operation: &'static str,
        events: Vec<DomainEvent>,
    ) -> Result<Vec<u32>, StorageError> {
        let published = self.run(operation, move |connection| publish(connection, &events, None)).await?;
        self.leaves_deliveries |= leaves_any(&published);
        Ok(counts(&published))
    }
}

/// Makes it one more attempt's turn. What was settled is open again, which the webhook's counters are to know.
fn queue(connection: &mut SqliteConnection, id: i64, attempt: i64, now: Timestamp) -> Result<(), Failure> {
    let (webhook, status): (i64, String) =
        deliveries::table.find(id).select((deliveries::webhook_id, deliveries::status)).first(connection)?;
    diesel::update(deliveries::table.find(id))
        .set((
            deliveries::status.eq(DeliveryStatus::Pending.as_str()),
            deliveries::attempt.eq(attempt),
            deliveries::due_at.eq(now.as_unix_micros()),
            deliveries::lease.eq(None::<i64>),
            deliveries::next_retry_at.eq(None::<i64>),
            deliveries::delivered_at.eq(None::<i64>),
        ))
        .execute(connection)?;
    let successes = i64::from(status == DeliveryStatus::Success.as_str());
    let failures = i64::from(status == DeliveryStatus::Failed.as_str());
    diesel::update(table::table.find(webhook))
        .set((
            table::settled_success.eq(table::settled_success - successes),
            table::settled_failed.eq(table::settled_failed - failures),
        ))
        .execute(connection)?;
    Ok(())
}

fn replay(
    connection: &mut SqliteConnection,
    webhook: i64,
    since: Timestamp,
    statuses: &[&str],
    max_attempts: i64,
    now: Timestamp,
) -> Result<u64, Failure> {
    let found: Vec<(i64, String, i64)> = deliveries::table
        .filter(deliveries::webhook_id.eq(webhook))
        .filter(deliveries::created_at.between(since.as_unix_micros(), now.as_unix_micros()))
        .filter(deliveries::status.eq_any(statuses))
        .filter(deliveries::kind.eq(DeliveryKind::Event.as_str()))
        .select((deliveries::id, deliveries::status, deliveries::attempt))
        .load(connection)?;
    let mut replayed = 0;
    for (id, status, attempt) in found {
        let made = attempt - i64::from(status == DeliveryStatus::Pending.as_str());
        if made < max_attempts {
            queue(connection, id, made + 1, now)?;
            replayed += 1;
        }
    }
    Ok(replayed)
}
