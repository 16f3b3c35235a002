use ::webhooks::{
    Attempt, AttemptOutcome, DailyStatistics, Delivery, DeliveryKind, DeliveryQuery, DeliveryStatus, Endpoint,
    EventQuery, Realm, WebhookQuery, WebhookReader,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use core_domain::{
    DeliveryId, DomainEvent, Environment, EventId, Page, StorageError, Timestamp, WebhookId, WireWord as _,
};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;

use super::list;
use super::row::EndpointRow;
use crate::PgStore;
use crate::error::{OrCorrupt as _, storage};
use crate::events::EventRow;
use crate::prepared::{Prepared, Value};
use crate::schema::{attempts, deliveries, events, webhook_days, webhooks, workspaces};
use crate::time;

const TABLE: &str = "deliveries";

/// Neither it nor its workspace is deleted.
macro_rules! live {
    () => {
        $crate::schema::webhooks::deleted_at.is_null().and(diesel::dsl::exists(
            $crate::schema::workspaces::table
                .filter($crate::schema::workspaces::id.eq($crate::schema::webhooks::workspace_id))
                .filter($crate::schema::workspaces::deleted_at.is_null()),
        ))
    };
}
pub(super) use live;

#[derive(Queryable, Selectable)]
#[diesel(table_name = deliveries)]
pub(super) struct DeliveryRow {
    id: i64,
    webhook_id: i64,
    workspace_id: i64,
    environment: String,
    event_id: String,
    event_type: String,
    kind: String,
    status: String,
    attempt: i32,
    response_code: Option<i32>,
    delivered_at: Option<DateTime<Utc>>,
    next_retry_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = StorageError;

    fn try_from(row: DeliveryRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.id.try_into().or_corrupt(TABLE, "id")?,
            webhook_id: row.webhook_id.try_into().or_corrupt(TABLE, "webhook_id")?,
            workspace_id: row.workspace_id.try_into().or_corrupt(TABLE, "workspace_id")?,
            environment: Environment::from_word(&row.environment).or_corrupt(TABLE, "environment")?,
            event_id: row.event_id.try_into().or_corrupt(TABLE, "event_id")?,
            event_type: row.event_type,
            kind: DeliveryKind::from_word(&row.kind).or_corrupt(TABLE, "kind")?,
            status: DeliveryStatus::from_word(&row.status).or_corrupt(TABLE, "status")?,
            attempt: row.attempt.try_into().or_corrupt(TABLE, "attempt")?,
            response_code: row.response_code.map(TryInto::try_into).transpose().or_corrupt(TABLE, "response_code")?,
            delivered_at: moment(row.delivered_at, "delivered_at")?,
            next_retry_at: moment(row.next_retry_at, "next_retry_at")?,
            created_at: time::read(row.created_at, TABLE, "created_at")?,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = attempts)]
struct AttemptRow {
    delivery_id: i64,
    number: i32,
    started_at: DateTime<Utc>,
    response_time_ms: i64,
    response_code: Option<i32>,
    retry_after_seconds: Option<i64>,
    response_headers: Option<String>,
    response_body: Option<String>,
    error: Option<String>,
}

fn attempt(row: AttemptRow) -> Result<(DeliveryId, Attempt), StorageError> {
    const TABLE: &str = "attempts";
    let outcome = AttemptOutcome {
        response_time_ms: row.response_time_ms.try_into().or_corrupt(TABLE, "response_time_ms")?,
        response_code: row.response_code.map(TryInto::try_into).transpose().or_corrupt(TABLE, "response_code")?,
        response_headers: row.response_headers,
        response_body: row.response_body,
        error: row.error,
        retry_after_seconds: row
            .retry_after_seconds
            .map(TryInto::try_into)
            .transpose()
            .or_corrupt(TABLE, "retry_after_seconds")?,
    };
    let number = row.number.try_into().or_corrupt(TABLE, "number")?;
    let started_at = time::read(row.started_at, TABLE, "started_at")?;
    Ok((row.delivery_id.try_into().or_corrupt(TABLE, "delivery_id")?, Attempt { number, started_at, outcome }))
}

fn moment(stored: Option<DateTime<Utc>>, column: &'static str) -> Result<Option<Timestamp>, StorageError> {
    stored.map(|moment| time::read(moment, TABLE, column)).transpose()
}

#[async_trait]
impl WebhookReader for PgStore {
    async fn find_webhook(&self, realm: Realm, id: WebhookId) -> Result<Option<Endpoint>, StorageError> {
        const OPERATION: &str = "find_webhook";
        let mut connection = self.connection(OPERATION).await?;
        let row = webhooks::table
            .filter(webhooks::id.eq(id.get()))
            .filter(webhooks::workspace_id.eq(realm.workspace_id.get()))
            .filter(webhooks::environment.eq(realm.environment.as_str()))
            .filter(live!())
            .select(EndpointRow::as_select())
            .first(&mut connection)
            .await
            .optional()
            .map_err(storage(OPERATION))?;
        row.map(Endpoint::try_from).transpose()
    }

    async fn list_webhooks(&self, realm: Realm, query: &WebhookQuery) -> Result<Page<Endpoint>, StorageError> {
        list::webhooks::page(&mut *self.connection("list_webhooks").await?, realm, query).await
    }

    async fn find_delivery(&self, webhook: WebhookId, id: DeliveryId) -> Result<Option<Delivery>, StorageError> {
        const OPERATION: &str = "find_delivery";
        let mut connection = self.connection(OPERATION).await?;
        let row = deliveries::table
            .inner_join(webhooks::table)
            .filter(deliveries::id.eq(id.get()))
            .filter(deliveries::webhook_id.eq(webhook.get()))
            .filter(live!())
            .select(DeliveryRow::as_select())
            .first(&mut connection)
            .await
            .optional()
            .map_err(storage(OPERATION))?;
        row.map(Delivery::try_from).transpose()
    }

    async fn list_deliveries(&self, webhook: WebhookId, query: &DeliveryQuery) -> Result<Page<Delivery>, StorageError> {
        list::deliveries::page(&mut *self.connection("list_deliveries").await?, webhook, query).await
    }

    async fn list_latest_deliveries(&self, ids: &[WebhookId], each: u32) -> Result<Vec<Delivery>, StorageError> {
        const OPERATION: &str = "list_latest_deliveries";
        const LATEST: &str = "
            SELECT latest.id FROM (SELECT unnest(?) AS id, ?::bigint AS each) AS asked
            JOIN webhooks ON webhooks.id = asked.id AND webhooks.deleted_at IS NULL
            JOIN workspaces ON workspaces.id = webhooks.workspace_id AND workspaces.deleted_at IS NULL
            CROSS JOIN LATERAL (
                SELECT id FROM deliveries WHERE webhook_id = asked.id ORDER BY created_at DESC, id DESC LIMIT asked.each
            ) AS latest";
        let mut connection = self.connection(OPERATION).await?;
        let values = vec![Value::Ints(ids.iter().map(|id| id.get()).collect()), Value::Int(each.into())];
        let latest: Vec<i64> =
            Prepared::<BigInt>::new(LATEST, values).load(&mut connection).await.map_err(storage(OPERATION))?;
        let rows: Vec<DeliveryRow> = deliveries::table
            .filter(deliveries::id.eq_any(latest))
            .order_by((deliveries::webhook_id, deliveries::created_at.desc(), deliveries::id.desc()))
            .select(DeliveryRow::as_select())
            .load(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        rows.into_iter().map(Delivery::try_from).collect()
    }

    async fn list_attempts(&self, of: &[DeliveryId]) -> Result<Vec<(DeliveryId, Attempt)>, StorageError> {
        const OPERATION: &str = "list_attempts";
        let ids: Vec<i64> = of.iter().map(|id| id.get()).collect();
        let mut connection = self.connection(OPERATION).await?;
        let rows: Vec<AttemptRow> = attempts::table
            .filter(attempts::delivery_id.eq_any(ids))
            .order_by((attempts::delivery_id, attempts::number))
            .select(AttemptRow::as_select())
            .load(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        rows.into_iter().map(attempt).collect()
    }

    async fn list_statistics(
        &self,
        webhook: WebhookId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<DailyStatistics>, StorageError> {
        const OPERATION: &str = "list_statistics";
        const TABLE: &str = "webhook_days";
        let mut connection = self.connection(OPERATION).await?;
        let live = webhooks::table.find(webhook.get()).filter(live!());
        let rows: Vec<(DateTime<Utc>, i64, i64, i64)> = webhook_days::table
            .filter(webhook_days::webhook_id.eq_any(live.select(webhooks::id)))
            .filter(webhook_days::day.between(time::stored(from), time::stored(to)))
            .order_by(webhook_days::day)
            .select((
                webhook_days::day,
                webhook_days::successes,
                webhook_days::failures,
                webhook_days::response_time_ms,
            ))
            .load(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        let day = |(day, successes, failures, response_time_ms): (DateTime<Utc>, i64, i64, i64)| {
            Ok(DailyStatistics {
                day: time::read(day, TABLE, "day")?,
                successes: successes.unsigned_abs(),
                failures: failures.unsigned_abs(),
                response_time_ms: response_time_ms.unsigned_abs(),
            })
        };
        rows.into_iter().map(day).collect()
    }

    async fn find_event(&self, realm: Realm, id: &EventId) -> Result<Option<DomainEvent>, StorageError> {
        Ok(self.find_events(realm, std::slice::from_ref(id)).await?.pop())
    }

    async fn find_events(&self, realm: Realm, ids: &[EventId]) -> Result<Vec<DomainEvent>, StorageError> {
        const OPERATION: &str = "find_events";
        let ids: Vec<&str> = ids.iter().map(EventId::as_str).collect();
        let mut connection = self.connection(OPERATION).await?;
        let live = workspaces::table.find(realm.workspace_id.get()).filter(workspaces::deleted_at.is_null());
        let rows: Vec<EventRow> = events::table
            .filter(events::id.eq_any(ids))
            .filter(events::workspace_id.eq(realm.workspace_id.get()))
            .filter(events::environment.eq(realm.environment.as_str()))
            .filter(diesel::dsl::exists(live))
            .select(EventRow::as_select())
            .load(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        rows.into_iter().map(DomainEvent::try_from).collect()
    }

    async fn list_events(&self, realm: Realm, query: &EventQuery) -> Result<Page<DomainEvent>, StorageError> {
        list::events::page(&mut *self.connection("list_events").await?, realm, query).await
    }
}
