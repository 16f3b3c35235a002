use async_trait::async_trait;
use core_domain::{DeliveryId, DomainEvent, Environment, EventId, Page, StorageError, Timestamp, WebhookId, WireWord};
use diesel::dsl::exists;
use diesel::prelude::*;
use webhooks::{
    Attempt, AttemptOutcome, DailyStatistics, Delivery, DeliveryKind, DeliveryQuery, DeliveryStatus, Endpoint,
    EventQuery, Realm, WebhookQuery, WebhookReader,
};

use super::list;
use super::row::EndpointRow;
use crate::error::{Failure, OrCorrupt};
use crate::events::EventRow;
use crate::schema::{attempts, deliveries, events, webhook_days, webhooks as table, workspaces};
use crate::store::SqliteStore;

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
#[diesel(table_name = deliveries, check_for_backend(diesel::sqlite::Sqlite))]
pub(super) struct DeliveryRow {
    id: i64,
    webhook_id: i64,
    workspace_id: i64,
    environment: String,
    event_id: String,
    event_type: String,
    kind: String,
    status: String,
    attempt: i64,
    response_code: Option<i32>,
    delivered_at: Option<i64>,
    next_retry_at: Option<i64>,
    created_at: i64,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = StorageError;

    fn try_from(row: DeliveryRow) -> Result<Self, StorageError> {
        let moment =
            |micros: Option<i64>, column| micros.map(Timestamp::from_unix_micros).transpose().or_corrupt(TABLE, column);
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
            created_at: Timestamp::from_unix_micros(row.created_at).or_corrupt(TABLE, "created_at")?,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = attempts, check_for_backend(diesel::sqlite::Sqlite))]
struct AttemptRow {
    delivery_id: i64,
    number: i64,
    started_at: i64,
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
    let started_at = Timestamp::from_unix_micros(row.started_at).or_corrupt(TABLE, "started_at")?;
    Ok((row.delivery_id.try_into().or_corrupt(TABLE, "delivery_id")?, Attempt { number, started_at, outcome }))
}

pub(super) fn find_webhook(
    connection: &mut SqliteConnection,
    realm: Realm,
    id: WebhookId,
) -> Result<Option<Endpoint>, Failure> {
    let row = table::table
        .filter(table::id.eq(id.get()))
        .filter(table::workspace_id.eq(realm.workspace_id.get()))
        .filter(table::environment.eq(realm.environment.as_str()))
        .filter(live!())
        .select(EndpointRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(Endpoint::try_from).transpose()?)
}

pub(super) fn find_delivery(
    connection: &mut SqliteConnection,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<Option<Delivery>, Failure> {
    let row = deliveries::table
        .inner_join(table::table)
        .filter(deliveries::id.eq(id.get()))
        .filter(deliveries::webhook_id.eq(webhook.get()))
        .filter(live!())
        .select(DeliveryRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(Delivery::try_from).transpose()?)
}

fn latest(connection: &mut SqliteConnection, ids: &[i64], each: i64) -> Result<Vec<Delivery>, Failure> {
    let live: Vec<i64> = table::table
        .filter(table::id.eq_any(ids))
        .filter(live!())
        .order(table::id)
        .select(table::id)
        .load(connection)?;
    let mut found = Vec::new();
    for id in live {
        let rows: Vec<DeliveryRow> = deliveries::table
            .filter(deliveries::webhook_id.eq(id))
            .order((deliveries::created_at.desc(), deliveries::id.desc()))
            .limit(each)
            .select(DeliveryRow::as_select())
            .load(connection)?;
        for row in rows {
            found.push(row.try_into()?);
        }
    }
    Ok(found)
}

fn list_attempts(connection: &mut SqliteConnection, ids: &[i64]) -> Result<Vec<(DeliveryId, Attempt)>, Failure> {
    let rows: Vec<AttemptRow> = attempts::table
        .filter(attempts::delivery_id.eq_any(ids))
        .order((attempts::delivery_id, attempts::number))
        .select(AttemptRow::as_select())
        .load(connection)?;
    Ok(rows.into_iter().map(attempt).collect::<Result<_, _>>()?)
}

fn statistics(
    connection: &mut SqliteConnection,
    webhook: WebhookId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<DailyStatistics>, Failure> {
    let live = table::table.filter(table::id.eq(webhook.get())).filter(live!());
    let rows: Vec<(i64, i64, i64, i64)> = webhook_days::table
        .filter(webhook_days::webhook_id.eq_any(live.select(table::id)))
        .filter(webhook_days::day.between(from.as_unix_micros(), to.as_unix_micros()))
        .order(webhook_days::day)
        .select((webhook_days::day, webhook_days::successes, webhook_days::failures, webhook_days::response_time_ms))
        .load(connection)?;
    let day = |(day, successes, failures, response_time_ms): (i64, i64, i64, i64)| -> Result<_, StorageError> {
        Ok(DailyStatistics {
            day: Timestamp::from_unix_micros(day).or_corrupt("webhook_days", "day")?,
            successes: successes.unsigned_abs(),
            failures: failures.unsigned_abs(),
            response_time_ms: response_time_ms.unsigned_abs(),
        })
    };
    Ok(rows.into_iter().map(day).collect::<Result<_, _>>()?)
}

fn find_events(connection: &mut SqliteConnection, realm: Realm, ids: &[String]) -> Result<Vec<DomainEvent>, Failure> {
    let live = workspaces::table.find(realm.workspace_id.get()).filter(workspaces::deleted_at.is_null());
    let rows: Vec<EventRow> = events::table
        .filter(events::id.eq_any(ids))
        .filter(events::workspace_id.eq(realm.workspace_id.get()))
        .filter(events::environment.eq(realm.environment.as_str()))
        .filter(exists(live))
        .select(EventRow::as_select())
        .load(connection)?;
    Ok(rows.into_iter().map(DomainEvent::try_from).collect::<Result<_, _>>()?)
}

#[async_trait]
impl WebhookReader for SqliteStore {
    async fn find_webhook(&self, realm: Realm, id: WebhookId) -> Result<Option<Endpoint>, StorageError> {
        self.read("find_webhook", move |connection| find_webhook(connection, realm, id)).await
    }

    async fn list_webhooks(&self, realm: Realm, query: &WebhookQuery) -> Result<Page<Endpoint>, StorageError> {
        let query = query.clone();
        self.read("list_webhooks", move |connection| {
            connection.transaction(|connection| list::webhooks::page(connection, realm, &query))
        })
        .await
    }

    async fn find_delivery(&self, webhook: WebhookId, id: DeliveryId) -> Result<Option<Delivery>, StorageError> {
        self.read("find_delivery", move |connection| find_delivery(connection, webhook, id)).await
    }

    async fn list_deliveries(&self, webhook: WebhookId, query: &DeliveryQuery) -> Result<Page<Delivery>, StorageError> {
        let query = query.clone();
        self.read("list_deliveries", move |connection| {
            connection.transaction(|connection| list::deliveries::page(connection, webhook.get(), &query))
        })
        .await
    }

    async fn list_latest_deliveries(&self, webhooks: &[WebhookId], each: u32) -> Result<Vec<Delivery>, StorageError> {
        let ids: Vec<i64> = webhooks.iter().map(|id| id.get()).collect();
        self.read("list_latest_deliveries", move |connection| latest(connection, &ids, each.into())).await
    }

    async fn list_attempts(&self, deliveries: &[DeliveryId]) -> Result<Vec<(DeliveryId, Attempt)>, StorageError> {
        let ids: Vec<i64> = deliveries.iter().map(|id| id.get()).collect();
        self.read("list_attempts", move |connection| list_attempts(connection, &ids)).await
    }

    async fn list_statistics(
        &self,
        webhook: WebhookId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<DailyStatistics>, StorageError> {
        self.read("list_statistics", move |connection| statistics(connection, webhook, from, to)).await
    }

    async fn find_event(&self, realm: Realm, id: &EventId) -> Result<Option<DomainEvent>, StorageError> {
        let id = id.as_str().to_owned();
        self.read("find_event", move |connection| Ok(find_events(connection, realm, &[id])?.pop())).await
    }

    async fn find_events(&self, realm: Realm, ids: &[EventId]) -> Result<Vec<DomainEvent>, StorageError> {
        let ids: Vec<String> = ids.iter().map(|id| id.as_str().to_owned()).collect();
        self.read("find_events", move |connection| find_events(connection, realm, &ids)).await
    }

    async fn list_events(&self, realm: Realm, query: &EventQuery) -> Result<Page<DomainEvent>, StorageError> {
        let query = query.clone();
        self.read("list_events", move |connection| {
            connection.transaction(|connection| list::events::page(connection, realm, &query))
        })
        .await
    }
}
