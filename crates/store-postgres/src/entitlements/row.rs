use ::entitlements::{
    CounterId, DayUsage, Extra, FeatureKey, Metadata, Override, Quantity, Realm, Reservation, ReservationId,
    Settlement, UsageRow,
};
use chrono::{DateTime, Utc};
use core_domain::{Environment, StorageError, Timestamp, WireWord as _};
use diesel::prelude::*;

use crate::error::OrCorrupt as _;
use crate::schema::{entitlement_days, entitlement_overrides, entitlement_reservations, entitlement_usage};
use crate::time;

pub(super) const USAGE: &str = "entitlement_usage";
pub(super) const RESERVATIONS: &str = "entitlement_reservations";
const DAYS: &str = "entitlement_days";
const OVERRIDES: &str = "entitlement_overrides";

/// Counts are stored as they are: none is beyond 2^53.
pub(super) fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn feature(text: &str, table: &'static str) -> Result<FeatureKey, StorageError> {
    FeatureKey::try_from(text).or_corrupt(table, "feature")
}

fn count(number: i64, table: &'static str, column: &'static str) -> Result<u64, StorageError> {
    u64::try_from(number).or_corrupt(table, column)
}

fn metadata(text: Option<String>, table: &'static str) -> Result<Option<Metadata>, StorageError> {
    text.map(Metadata::from_stored).transpose().or_corrupt(table, "metadata")
}

/// What an override adds, from its two columns.
pub(super) fn addition(
    extra: Option<i64>,
    ends_at: Option<DateTime<Utc>>,
) -> Result<(Extra, Option<Timestamp>), StorageError> {
    let extra = match extra {
        None => Extra::Unlimited,
        Some(amount) => Extra::Amount(count(amount, OVERRIDES, "extra")?),
    };
    Ok((extra, ends_at.map(|end| time::read(end, OVERRIDES, "ends_at")).transpose()?))
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = entitlement_overrides)]
pub(super) struct OverrideRow {
    workspace_id: i64,
    feature: String,
    extra: Option<i64>,
    ends_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<&Override> for OverrideRow {
    fn from(set: &Override) -> Self {
        Self {
            workspace_id: set.workspace_id.get(),
            feature: set.feature.to_string(),
            extra: match set.extra {
                Extra::Amount(amount) => Some(stored(amount)),
                Extra::Unlimited => None,
            },
            ends_at: set.ends_at.map(time::stored),
            created_at: time::stored(set.created_at),
        }
    }
}

impl TryFrom<OverrideRow> for Override {
    type Error = StorageError;

    fn try_from(row: OverrideRow) -> Result<Self, StorageError> {
        let (extra, ends_at) = addition(row.extra, row.ends_at)?;
        Ok(Self {
            workspace_id: row.workspace_id.try_into().or_corrupt(OVERRIDES, "workspace_id")?,
            feature: feature(&row.feature, OVERRIDES)?,
            extra,
            ends_at,
            created_at: time::read(row.created_at, OVERRIDES, "created_at")?,
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = entitlement_reservations)]
pub(super) struct ReservationRow {
    id: i64,
    workspace_id: i64,
    environment: String,
    feature: String,
    period_start: DateTime<Utc>,
    quantity: i64,
    metadata: Option<String>,
    confirmed: Option<i64>,
    settled_at: Option<DateTime<Utc>>,
    expires_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
}

impl From<&Reservation> for ReservationRow {
    fn from(reservation: &Reservation) -> Self {
        let CounterId { place, feature, period_start } = &reservation.counter;
        Self {
            id: reservation.id.get(),
            workspace_id: place.workspace_id.get(),
            environment: place.environment.as_str().to_owned(),
            feature: feature.to_string(),
            period_start: time::stored(*period_start),
            quantity: stored(reservation.quantity.get()),
            metadata: reservation.metadata.as_ref().map(|metadata| metadata.as_str().to_owned()),
            confirmed: match reservation.settled {
                Some((Settlement::Confirmed(actual), _)) => Some(stored(actual)),
                _ => None,
            },
            settled_at: reservation.settled.map(|(_, at)| time::stored(at)),
            expires_at: time::stored(reservation.expires_at),
            created_at: time::stored(reservation.created_at),
        }
    }
}

impl TryFrom<ReservationRow> for Reservation {
    type Error = StorageError;

    fn try_from(row: ReservationRow) -> Result<Self, StorageError> {
        let settlement = match row.confirmed {
            Some(actual) => Settlement::Confirmed(count(actual, RESERVATIONS, "confirmed")?),
            None => Settlement::Released,
        };
        let settled_at = row.settled_at.map(|at| time::read(at, RESERVATIONS, "settled_at")).transpose()?;
        Ok(Self {
            id: ReservationId::try_from(row.id).or_corrupt(RESERVATIONS, "id")?,
            counter: CounterId {
                place: Realm {
                    workspace_id: row.workspace_id.try_into().or_corrupt(RESERVATIONS, "workspace_id")?,
                    environment: Environment::from_word(&row.environment).or_corrupt(RESERVATIONS, "environment")?,
                },
                feature: feature(&row.feature, RESERVATIONS)?,
                period_start: time::read(row.period_start, RESERVATIONS, "period_start")?,
            },
            quantity: Quantity::try_from(row.quantity).or_corrupt(RESERVATIONS, "quantity")?,
            metadata: metadata(row.metadata, RESERVATIONS)?,
            settled: settled_at.map(|at| (settlement, at)),
            expires_at: time::read(row.expires_at, RESERVATIONS, "expires_at")?,
            created_at: time::read(row.created_at, RESERVATIONS, "created_at")?,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = entitlement_usage)]
pub(super) struct RecordRow {
    id: i64,
    feature: String,
    quantity: i64,
    balance: i64,
    metadata: Option<String>,
    reservation_id: Option<i64>,
    created_at: DateTime<Utc>,
}

impl TryFrom<RecordRow> for UsageRow {
    type Error = StorageError;

    fn try_from(row: RecordRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.id,
            feature: feature(&row.feature, USAGE)?,
            quantity: row.quantity,
            balance: count(row.balance, USAGE, "balance")?,
            metadata: metadata(row.metadata, USAGE)?,
            reservation_id: row
                .reservation_id
                .map(ReservationId::try_from)
                .transpose()
                .or_corrupt(USAGE, "reservation_id")?,
            created_at: time::read(row.created_at, USAGE, "created_at")?,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = entitlement_days)]
pub(super) struct DayRow {
    feature: String,
    day: DateTime<Utc>,
    used: i64,
    freed: i64,
    records: i64,
    balance: i64,
}

impl TryFrom<DayRow> for DayUsage {
    type Error = StorageError;

    fn try_from(row: DayRow) -> Result<Self, StorageError> {
        Ok(Self {
            feature: feature(&row.feature, DAYS)?,
            day: time::read(row.day, DAYS, "day")?,
            used: count(row.used, DAYS, "used")?,
            freed: count(row.freed, DAYS, "freed")?,
            records: count(row.records, DAYS, "records")?,
            balance: count(row.balance, DAYS, "balance")?,
        })
    }
}
