use core_domain::{Environment, StorageError, Timestamp, WireWord};
use diesel::prelude::*;
use entitlements::{
    CounterId, DayUsage, Extra, FeatureKey, Metadata, Override, Quantity, Realm, Reservation, ReservationId,
    Settlement, UsageRow,
};

use crate::error::OrCorrupt;
use crate::schema::{entitlement_days, entitlement_overrides, entitlement_reservations, entitlement_usage};

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

fn moment(micros: i64, table: &'static str, column: &'static str) -> Result<Timestamp, StorageError> {
    Timestamp::from_unix_micros(micros).or_corrupt(table, column)
}

/// What an override adds, from its two columns.
pub(super) fn addition(extra: Option<i64>, ends_at: Option<i64>) -> Result<(Extra, Option<Timestamp>), StorageError> {
    let extra = match extra {
        None => Extra::Unlimited,
        Some(amount) => Extra::Amount(count(amount, OVERRIDES, "extra")?),
    };
    Ok((extra, ends_at.map(|end| moment(end, OVERRIDES, "ends_at")).transpose()?))
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = entitlement_overrides, check_for_backend(diesel::sqlite::Sqlite))]
pub(super) struct OverrideRow {
    workspace_id: i64,
    feature: String,
    extra: Option<i64>,
    ends_at: Option<i64>,
    created_at: i64,
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
            ends_at: set.ends_at.map(Timestamp::as_unix_micros),
            created_at: set.created_at.as_unix_micros(),
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
            created_at: moment(row.created_at, OVERRIDES, "created_at")?,
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = entitlement_reservations, check_for_backend(diesel::sqlite::Sqlite))]
pub(super) struct ReservationRow {
    id: i64,
    workspace_id: i64,
    environment: String,
    feature: String,
    period_start: i64,
    quantity: i64,
    metadata: Option<String>,
    confirmed: Option<i64>,
    settled_at: Option<i64>,
    expires_at: i64,
    created_at: i64,
}

impl From<&Reservation> for ReservationRow {
    fn from(reservation: &Reservation) -> Self {
        let CounterId { place, feature, period_start } = &reservation.counter;
        Self {
            id: reservation.id.get(),
            workspace_id: place.workspace_id.get(),
            environment: place.environment.as_str().to_owned(),
            feature: feature.to_string(),
            period_start: period_start.as_unix_micros(),
            quantity: stored(reservation.quantity.get()),
            metadata: reservation.metadata.as_ref().map(|metadata| metadata.as_str().to_owned()),
            confirmed: match reservation.settled {
                Some((Settlement::Confirmed(actual), _)) => Some(stored(actual)),
                _ => None,
            },
            settled_at: reservation.settled.map(|(_, at)| at.as_unix_micros()),
            expires_at: reservation.expires_at.as_unix_micros(),
            created_at: reservation.created_at.as_unix_micros(),
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
        let settled_at = row.settled_at.map(|at| moment(at, RESERVATIONS, "settled_at")).transpose()?;
        Ok(Self {
            id: ReservationId::try_from(row.id).or_corrupt(RESERVATIONS, "id")?,
            counter: CounterId {
                place: Realm {
                    workspace_id: row.workspace_id.try_into().or_corrupt(RESERVATIONS, "workspace_id")?,
                    environment: Environment::from_word(&row.environment).or_corrupt(RESERVATIONS, "environment")?,
                },
                feature: feature(&row.feature, RESERVATIONS)?,
                period_start: moment(row.period_start, RESERVATIONS, "period_start")?,
            },
            quantity: Quantity::try_from(row.quantity).or_corrupt(RESERVATIONS, "quantity")?,
            metadata: metadata(row.metadata, RESERVATIONS)?,
            settled: settled_at.map(|at| (settlement, at)),
            expires_at: moment(row.expires_at, RESERVATIONS, "expires_at")?,
            created_at: moment(row.created_at, RESERVATIONS, "created_at")?,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = entitlement_usage, check_for_backend(diesel::sqlite::Sqlite))]
pub(super) struct RecordRow {
    id: i64,
    feature: String,
    quantity: i64,
    balance: i64,
    metadata: Option<String>,
    reservation_id: Option<i64>,
    created_at: i64,
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
            created_at: moment(row.created_at, USAGE, "created_at")?,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = entitlement_days, check_for_backend(diesel::sqlite::Sqlite))]
pub(super) struct DayRow {
    feature: String,
    day: i64,
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
            day: moment(row.day, DAYS, "day")?,
            used: count(row.used, DAYS, "used")?,
            freed: count(row.freed, DAYS, "freed")?,
            records: count(row.records, DAYS, "records")?,
            balance: count(row.balance, DAYS, "balance")?,
        })
    }
}
