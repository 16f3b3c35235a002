use ::webhooks::{
    Disabled, DisabledReason, Endpoint, EndpointHeaders, EndpointHealth, EndpointUrl, Pattern, SealedSecrets,
    Subscriptions,
};
use core_domain::{Environment, StorageError, Timestamp, WireWord as _};
use diesel::prelude::*;

use crate::error::OrCorrupt;
use crate::schema::webhooks;

pub(super) const TABLE: &str = "webhooks";

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = webhooks, treat_none_as_null = true, check_for_backend(diesel::sqlite::Sqlite))]
pub(super) struct EndpointRow {
    pub(super) id: i64,
    workspace_id: i64,
    environment: String,
    url: String,
    description: Option<String>,
    subscriptions: String,
    secret: Vec<u8>,
    previous_secret: Option<Vec<u8>>,
    previous_secret_until: Option<i64>,
    headers: String,
    rate_limit: Option<i64>,
    disabled_at: Option<i64>,
    disabled_reason: Option<String>,
    success_count: i64,
    failure_count: i64,
    consecutive_failures: i64,
    failing_since: Option<i64>,
    last_delivery_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

/// A count that no endpoint reaches is kept as the largest that SQLite knows.
pub(super) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl From<&Endpoint> for EndpointRow {
    fn from(endpoint: &Endpoint) -> Self {
        let patterns: Vec<&str> = endpoint.subscriptions.patterns().iter().map(Pattern::as_str).collect();
        let (previous, until) = endpoint.secrets.previous.as_ref().map(|(secret, until)| (secret, *until)).unzip();
        Self {
            id: endpoint.id.get(),
            workspace_id: endpoint.workspace_id.get(),
            environment: endpoint.environment.as_str().to_owned(),
            url: endpoint.url.as_str().to_owned(),
            description: endpoint.description.clone(),
            subscriptions: serde_json::Value::from(patterns).to_string(),
            secret: endpoint.secrets.current.as_bytes().to_vec(),
            previous_secret: previous.map(|secret| secret.as_bytes().to_vec()),
            previous_secret_until: until.map(Timestamp::as_unix_micros),
            headers: serde_json::json!(endpoint.headers.pairs()).to_string(),
            rate_limit: endpoint.rate_limit.map(|limit| limit.get().into()),
            disabled_at: endpoint.disabled.map(|disabled| disabled.at.as_unix_micros()),
            disabled_reason: endpoint.disabled.map(|disabled| disabled.reason.as_str().to_owned()),
            success_count: count(endpoint.health.success_count),
            failure_count: count(endpoint.health.failure_count),
            consecutive_failures: count(endpoint.health.consecutive_failures),
            failing_since: endpoint.health.failing_since.map(Timestamp::as_unix_micros),
            last_delivery_at: endpoint.health.last_delivery_at.map(Timestamp::as_unix_micros),
            created_at: endpoint.created_at.as_unix_micros(),
            updated_at: endpoint.updated_at.as_unix_micros(),
        }
    }
}

impl TryFrom<EndpointRow> for Endpoint {
    type Error = StorageError;

    fn try_from(row: EndpointRow) -> Result<Self, StorageError> {
        let previous = row.previous_secret.zip(row.previous_secret_until);
        let disabled = row.disabled_at.zip(row.disabled_reason);
        Ok(Self {
            id: row.id.try_into().or_corrupt(TABLE, "id")?,
            workspace_id: row.workspace_id.try_into().or_corrupt(TABLE, "workspace_id")?,
            environment: Environment::from_word(&row.environment).or_corrupt(TABLE, "environment")?,
            url: EndpointUrl::try_from(row.url).or_corrupt(TABLE, "url")?,
            description: row.description,
            subscriptions: subscriptions(&row.subscriptions)?,
            secrets: SealedSecrets {
                current: row.secret.into(),
                previous: match previous {
                    Some((secret, until)) => Some((secret.into(), time(until, "previous_secret_until")?)),
                    None => None,
                },
            },
            headers: headers(&row.headers)?,
            rate_limit: row
                .rate_limit
                .map(|limit| u32::try_from(limit).and_then(TryInto::try_into))
                .transpose()
                .or_corrupt(TABLE, "rate_limit")?,
            disabled: match disabled {
                Some((at, word)) => Some(Disabled {
                    at: time(at, "disabled_at")?,
                    reason: DisabledReason::from_word(&word).or_corrupt(TABLE, "disabled_reason")?,
                }),
                None => None,
            },
            health: EndpointHealth {
                success_count: row.success_count.try_into().or_corrupt(TABLE, "success_count")?,
                failure_count: row.failure_count.try_into().or_corrupt(TABLE, "failure_count")?,
                consecutive_failures: row.consecutive_failures.try_into().or_corrupt(TABLE, "consecutive_failures")?,
                failing_since: moment(row.failing_since, "failing_since")?,
                last_delivery_at: moment(row.last_delivery_at, "last_delivery_at")?,
            },
            created_at: time(row.created_at, "created_at")?,
            updated_at: time(row.updated_at, "updated_at")?,
        })
    }
}

fn subscriptions(json: &str) -> Result<Subscriptions, StorageError> {
    let patterns: Vec<String> = serde_json::from_str(json).or_corrupt(TABLE, "subscriptions")?;
    let patterns = patterns.into_iter().map(Pattern::try_from).collect::<Result<Vec<_>, _>>();
    patterns.or_corrupt(TABLE, "subscriptions")?.try_into().or_corrupt(TABLE, "subscriptions")
}

fn headers(json: &str) -> Result<EndpointHeaders, StorageError> {
    let pairs: Vec<(String, String)> = serde_json::from_str(json).or_corrupt(TABLE, "headers")?;
    pairs.try_into().or_corrupt(TABLE, "headers")
}

fn time(micros: i64, column: &'static str) -> Result<Timestamp, StorageError> {
    Timestamp::from_unix_micros(micros).or_corrupt(TABLE, column)
}

fn moment(stored: Option<i64>, column: &'static str) -> Result<Option<Timestamp>, StorageError> {
    stored.map(|micros| time(micros, column)).transpose()
}
