use std::sync::Arc;

use ::webhooks::{Delivery, DeliveryStatus, Endpoint, Lease, Realm, WebhookRepository};
use async_trait::async_trait;
use core_domain::{DeliveryId, DomainEvent, Outbox, StorageError, Timestamp, WebhookId, WireWord as _};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;

use super::publish::{Plan, subscribers};
use super::read::{DeliveryRow, live};
use super::row::{EndpointRow, TABLE};
use crate::PgTx;
use crate::error::OrCorrupt as _;
use crate::prepared::{Prepared, Value};
use crate::schema::{deliveries, nextval, webhooks};
use crate::time;

/// What it takes to make one attempt more. What was settled is open again, which the webhook's counters are to know.
const REPLAY: &str = "
    WITH asked AS (SELECT ?::bigint AS webhook_id, ?::timestamptz AS since, ?::timestamptz AS now, ?::text[] AS statuses,
        ?::bigint AS most, ?::text AS kind, ?::text AS pending, ?::text AS success, ?::text AS failed
    ), found AS (
        SELECT deliveries.id, deliveries.status FROM deliveries, asked
        WHERE deliveries.webhook_id = asked.webhook_id AND created_at BETWEEN since AND now
            AND status = ANY (statuses) AND deliveries.kind = asked.kind
            AND attempt - (status = pending)::int < most
        ORDER BY deliveries.id FOR UPDATE OF deliveries
    ), opened AS (
        UPDATE deliveries SET status = pending, due_at = now, lease = NULL, next_retry_at = NULL, delivered_at = NULL,
            attempt = attempt + 1 - (deliveries.status = pending)::int
        FROM found, asked WHERE deliveries.id = found.id
    ), counted AS (
        UPDATE webhooks SET
            settled_success = settled_success - (SELECT count(*) FROM found, asked WHERE status = success),
            settled_failed = settled_failed - (SELECT count(*) FROM found, asked WHERE status = failed)
        FROM asked WHERE webhooks.id = asked.webhook_id
    )
    SELECT count(*) FROM found";

#[async_trait]
impl WebhookRepository for PgTx {
    async fn next_webhook_id(&mut self) -> Result<WebhookId, StorageError> {
        const OPERATION: &str = "next_webhook_id";
        let next = diesel::select(nextval("webhook_ids")).get_result::<i64>(self.start(OPERATION)?).await;
        self.finish(OPERATION, next)?.try_into().or_corrupt(TABLE, "id")
    }

    async fn insert_webhook(&mut self, endpoint: &Endpoint) -> Result<(), StorageError> {
        const OPERATION: &str = "insert_webhook";
        let inserted = diesel::insert_into(webhooks::table)
            .values((EndpointRow::from(endpoint), webhooks::search_text.eq(endpoint.search_text())))
            .execute(self.start(OPERATION)?)
            .await;
        self.finish(OPERATION, inserted).map(drop)
    }

    async fn find_webhook_for_change(&mut self, realm: Realm, id: WebhookId) -> Result<Option<Endpoint>, StorageError> {
        const OPERATION: &str = "find_webhook_for_change";
        let row = webhooks::table
            .filter(webhooks::id.eq(id.get()))
            .filter(webhooks::workspace_id.eq(realm.workspace_id.get()))
            .filter(webhooks::environment.eq(realm.environment.as_str()))
            .filter(live!())
            .select(EndpointRow::as_select())
            .for_no_key_update()
            .first(self.start(OPERATION)?)
            .await
            .optional();
        self.finish(OPERATION, row)?.map(Endpoint::try_from).transpose()
    }

    async fn update_webhook(&mut self, endpoint: &Endpoint) -> Result<(), StorageError> {
        const OPERATION: &str = "update_webhook";
        let updated = diesel::update(webhooks::table.find(endpoint.id.get()))
            .set((
                EndpointRow::from(endpoint),
                webhooks::search_text.eq(endpoint.search_text()),
                webhooks::version.eq(webhooks::version + 1),
            ))
            .execute(self.start(OPERATION)?)
            .await;
        self.finish(OPERATION, updated)?;
        // Whatever waited for it may be due now.
        if endpoint.is_active() {
            self.leaves_deliveries = true;
            self.tell_others(OPERATION).await?;
        }
        Ok(())
    }

    async fn delete_webhook(&mut self, realm: Realm, id: WebhookId, now: Timestamp) -> Result<bool, StorageError> {
        const OPERATION: &str = "delete_webhook";
        let deleted = diesel::update(webhooks::table.find(id.get()))
            .filter(webhooks::workspace_id.eq(realm.workspace_id.get()))
            .filter(webhooks::environment.eq(realm.environment.as_str()))
            .filter(live!())
            .set(webhooks::deleted_at.eq(time::stored(now)))
            .execute(self.start(OPERATION)?)
            .await;
        Ok(self.finish(OPERATION, deleted)? == 1)
    }

    async fn publish(&mut self, events: &[DomainEvent]) -> Result<Vec<u32>, StorageError> {
        self.publish_events("publish", events).await
    }

    async fn insert_test(
        &mut self,
        event: &DomainEvent,
        webhook: WebhookId,
        lease: Lease,
    ) -> Result<DeliveryId, StorageError> {
        const OPERATION: &str = "insert_test";
        let row = webhooks::table.find(webhook.get()).select(EndpointRow::as_select());
        let row = row.first(self.start(OPERATION)?).await;
        let endpoint = Endpoint::try_from(self.finish(OPERATION, row)?)?;
        let process = self.process();
        let ids = Plan::test(event, endpoint, lease).insert(self.start(OPERATION)?, &process).await;
        let id = self.finish(OPERATION, ids)?.into_iter().next();
        id.and_then(|id| id.try_into().ok()).or_corrupt("deliveries", "id")
    }

    async fn find_delivery_for_change(
        &mut self,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StorageError> {
        const OPERATION: &str = "find_delivery_for_change";
        let home = webhooks::table
            .filter(webhooks::id.eq(webhook.get()))
            .filter(live!())
            .select(webhooks::id)
            .for_no_key_update()
            .first::<i64>(self.start(OPERATION)?)
            .await
            .optional();
        if self.finish(OPERATION, home)?.is_none() {
            return Ok(None);
        }
        let row = deliveries::table
            .find(id.get())
            .filter(deliveries::webhook_id.eq(webhook.get()))
            .select(DeliveryRow::as_select())
            .for_update()
            .first(self.start(OPERATION)?)
            .await
            .optional();
        self.finish(OPERATION, row)?.map(Delivery::try_from).transpose()
    }

    async fn queue_delivery(&mut self, id: DeliveryId, attempt: u32, now: Timestamp) -> Result<(), StorageError> {
        const OPERATION: &str = "queue_delivery";
        /// Both rows are locked by now.
        const QUEUE: &str = "
            WITH before AS (SELECT id, webhook_id, status FROM deliveries WHERE id = ?),
            opened AS (
                UPDATE deliveries SET status = ?, attempt = ?::bigint::integer, due_at = ?, lease = NULL,
                    next_retry_at = NULL, delivered_at = NULL
                FROM before WHERE deliveries.id = before.id
            )
            UPDATE webhooks SET settled_success = settled_success - (before.status = success)::int,
                settled_failed = settled_failed - (before.status = failed)::int
            FROM before, (SELECT ? AS success, ? AS failed) AS words WHERE webhooks.id = before.webhook_id";
        let values = vec![
            Value::Int(id.get()),
            Value::Text(DeliveryStatus::Pending.as_str()),
            Value::Int(attempt.into()),
            Value::Moment(time::stored(now)),
            Value::Text(DeliveryStatus::Success.as_str()),
            Value::Text(DeliveryStatus::Failed.as_str()),
        ];
        let queued = Prepared::<()>::new(QUEUE, values).execute(self.start(OPERATION)?).await;
        self.finish(OPERATION, queued)?;
        self.leaves_deliveries = true;
        self.tell_others(OPERATION).await
    }

    async fn replay_deliveries(
        &mut self,
        webhook: WebhookId,
        since: Timestamp,
        statuses: &[DeliveryStatus],
        max_attempts: u32,
        now: Timestamp,
    ) -> Result<u64, StorageError> {
        const OPERATION: &str = "replay_deliveries";
        let locked = webhooks::table
            .find(webhook.get())
            .select(webhooks::id)
            .for_no_key_update()
            .first::<i64>(self.start(OPERATION)?)
            .await
            .optional();
        self.finish(OPERATION, locked)?;
        let values = vec![
            Value::Int(webhook.get()),
            Value::Moment(time::stored(since)),
            Value::Moment(time::stored(now)),
            Value::Texts(statuses.iter().map(|status| status.as_str()).collect()),
            Value::Int(max_attempts.into()),
            Value::Text(::webhooks::DeliveryKind::Event.as_str()),
            Value::Text(DeliveryStatus::Pending.as_str()),
            Value::Text(DeliveryStatus::Success.as_str()),
            Value::Text(DeliveryStatus::Failed.as_str()),
        ];
        let replayed = Prepared::<BigInt>::new(REPLAY, values).get_result::<i64>(self.start(OPERATION)?).await;
        let replayed = self.finish(OPERATION, replayed)?.unsigned_abs();
        if replayed > 0 {
            self.leaves_deliveries = true;
            self.tell_others(OPERATION).await?;
        }
        Ok(replayed)
    }
}

#[async_trait]
impl Outbox for PgTx {
    async fn append(&mut self, event: &DomainEvent) -> Result<(), StorageError> {
        self.publish_events("append", std::slice::from_ref(event)).await.map(drop)
    }
}

impl PgTx {
    pub(super) async fn publish_events(
        &mut self,
        operation: &'static str,
        events: &[DomainEvent],
    ) -> Result<Vec<u32>, StorageError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let rows = subscribers!(events).select(EndpointRow::as_select()).load(self.start(operation)?).await;
        let endpoints = self.finish(operation, rows)?.into_iter().map(|row| Endpoint::try_from(row).map(Arc::new));
        let plan = Plan::new(events, endpoints.collect::<Result<_, StorageError>>()?, None);
        let process = self.process();
        let ids = plan.insert(self.start(operation)?, &process).await;
        let ids = self.finish(operation, ids)?;
        self.leaves_deliveries |= plan.leaves_any();
        Ok(plan.published(ids)?.into_iter().map(|published| published.deliveries).collect())
    }

    /// A word to other processes, which they hear after the commit.
    async fn tell_others(&mut self, operation: &'static str) -> Result<(), StorageError> {
        let process = self.process();
        let values = vec![Value::Text(super::CHANNEL), Value::Text(&process)];
        let told = Prepared::<Text>::new("SELECT pg_notify(?, ?)::text", values).execute(self.start(operation)?).await;
        self.finish(operation, told).map(drop)
    }

    fn process(&self) -> String {
        self.signal.process().to_owned()
    }
}
