use async_trait::async_trait;
use core_domain::{StorageError, Timestamp, WireWord, WorkspaceId};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::upsert::excluded;
use entitlements::{
    CounterChange, CounterId, EntitlementRepository, FeatureKey, LineOfStanding, Locked, Metadata, Override, Realm,
    Reservation, ReservationId, Settlement,
};

use super::row::{OverrideRow, ReservationRow, stored};
use super::{purge, read, standing};
use crate::error::{Failure, OrCorrupt};
use crate::ids;
use crate::schema::{
    entitlement_counters as counters, entitlement_days as days, entitlement_overrides as overrides,
    entitlement_reservations as reservations, entitlement_usage as usage, workspaces,
};
use crate::tx::SqliteTx;

#[async_trait]
impl EntitlementRepository for SqliteTx {
    /// The whole store is locked from the transaction's beginning.
    async fn lock_counter(&mut self, id: &CounterId, now: Timestamp) -> Result<Option<Locked>, StorageError> {
        let (workspace, environment) = (id.place.workspace_id.get(), id.place.environment.as_str());
        let features = [(id.feature.to_string(), id.period_start.as_unix_micros())];
        self.run("lock_counter", move |connection| {
            let found = standing::find(connection, workspace, environment, &features, now.as_unix_micros())?;
            let line = found.and_then(|standing| standing.lines.into_iter().next());
            Ok(line.map(|LineOfStanding { counter, terms }| Locked { counter, terms }))
        })
        .await
    }

    async fn save_counter(&mut self, change: &CounterChange) -> Result<(), StorageError> {
        let change = change.clone();
        self.run("save_counter", move |connection| save(connection, &change)).await
    }

    async fn next_reservation_id(&mut self) -> Result<ReservationId, StorageError> {
        self.run("next_reservation_id", |connection| {
            let next = ids::next(connection, "entitlement_reservations")?;
            Ok(ReservationId::try_from(next).or_corrupt("id_sequences", "last")?)
        })
        .await
    }

    async fn insert_reservation(&mut self, reservation: &Reservation) -> Result<(), StorageError> {
        let row = ReservationRow::from(reservation);
        self.run("insert_reservation", move |connection| {
            diesel::insert_into(reservations::table).values(row).execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn find_reservation_for_change(
        &mut self,
        place: Realm,
        id: ReservationId,
    ) -> Result<Option<Reservation>, StorageError> {
        self.run("find_reservation_for_change", move |connection| read::find_reservation(connection, place, id)).await
    }

    async fn settle_reservation(
        &mut self,
        id: ReservationId,
        settlement: Settlement,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let confirmed = match settlement {
            Settlement::Confirmed(actual) => Some(stored(actual)),
            Settlement::Released => None,
        };
        let now = now.as_unix_micros();
        self.run("settle_reservation", move |connection| {
            let held = reservations::table
                .find(id.get())
                .filter(reservations::settled_at.is_null())
                .filter(reservations::expires_at.gt(now));
            let changed = (reservations::confirmed.eq(confirmed), reservations::settled_at.eq(now));
            Ok(diesel::update(held).set(changed).execute(connection)? == 1)
        })
        .await
    }

    async fn purge_reservations(&mut self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        self.run("purge_reservations", move |connection| {
            purge::reservations(connection, before.as_unix_micros(), limit)
        })
        .await
    }

    async fn set_override(&mut self, set: &Override) -> Result<bool, StorageError> {
        let (workspace, row) = (set.workspace_id.get(), OverrideRow::from(set));
        self.run("set_override", move |connection| put_override(connection, workspace, row)).await
    }

    async fn delete_override(&mut self, workspace: WorkspaceId, feature: &FeatureKey) -> Result<bool, StorageError> {
        let key = (workspace.get(), feature.to_string());
        self.run("delete_override", move |connection| {
            Ok(diesel::delete(overrides::table.find(key)).execute(connection)? == 1)
        })
        .await
    }
}

fn put_override(connection: &mut SqliteConnection, workspace: i64, row: OverrideRow) -> Result<bool, Failure> {
    let live = workspaces::table.find(workspace).filter(workspaces::deleted_at.is_null());
    if live.select(workspaces::id).first::<i64>(connection).optional()?.is_none() {
        return Ok(false);
    }
    diesel::insert_into(overrides::table)
        .values(row)
        .on_conflict((overrides::workspace_id, overrides::feature))
        .do_update()
        .set((
            overrides::extra.eq(excluded(overrides::extra)),
            overrides::ends_at.eq(excluded(overrides::ends_at)),
            overrides::created_at.eq(excluded(overrides::created_at)),
        ))
        .execute(connection)?;
    Ok(true)
}

fn save(connection: &mut SqliteConnection, change: &CounterChange) -> Result<(), Failure> {
    let CounterChange { id, counter, records, .. } = change;
    let place = (id.place.workspace_id.get(), id.place.environment.as_str());
    let (counted, added) = (stored(counter.used), i64::try_from(records.len()).unwrap_or(i64::MAX));
    let announced = counter.announced.as_number();
    diesel::insert_into(counters::table)
        .values((
            (counters::workspace_id.eq(place.0), counters::environment.eq(place.1)),
            counters::feature.eq(id.feature.as_str()),
            counters::period_start.eq(id.period_start.as_unix_micros()),
            (counters::used.eq(counted), counters::announced.eq(announced), counters::records.eq(added)),
        ))
        .on_conflict((counters::workspace_id, counters::environment, counters::feature, counters::period_start))
        .do_update()
        .set((
            counters::used.eq(counted),
            counters::announced.eq(announced),
            counters::records.eq(counters::records + added),
        ))
        .execute(connection)?;
    add_to_day(connection, change)?;
    let rows: Vec<_> = records
        .iter()
        .map(|record| {
            (
                (usage::workspace_id.eq(place.0), usage::environment.eq(place.1)),
                usage::feature.eq(id.feature.as_str()),
                (usage::quantity.eq(record.quantity), usage::balance.eq(stored(record.balance))),
                usage::metadata.eq(record.metadata.as_ref().map(Metadata::as_str)),
                usage::reservation_id.eq(record.reservation_id.map(ReservationId::get)),
                usage::created_at.eq(change.now.as_unix_micros()),
            )
        })
        .collect();
    diesel::insert_into(usage::table).values(rows).execute(connection)?;
    Ok(())
}

/// Where a day's sums stop growing: far from where an addition would overflow.
const MAX_SUM: i64 = 1 << 62;

#[diesel::declare_sql_function]
extern "SQL" {
    fn min(one: BigInt, other: BigInt) -> BigInt;
}

fn add_to_day(connection: &mut SqliteConnection, change: &CounterChange) -> Result<(), Failure> {
    let quantities = || change.records.iter().map(|record| record.quantity);
    let used: i64 = quantities().filter(|quantity| *quantity > 0).sum();
    let freed: i64 = -quantities().filter(|quantity| *quantity < 0).sum::<i64>();
    let added = i64::try_from(change.records.len()).unwrap_or(i64::MAX);
    let balance = stored(change.counter.used);
    diesel::insert_into(days::table)
        .values((
            days::workspace_id.eq(change.id.place.workspace_id.get()),
            days::environment.eq(change.id.place.environment.as_str()),
            days::day.eq(change.day.as_unix_micros()),
            days::feature.eq(change.id.feature.as_str()),
            (days::used.eq(used), days::freed.eq(freed), days::records.eq(added), days::balance.eq(balance)),
        ))
        .on_conflict((days::workspace_id, days::environment, days::day, days::feature))
        .do_update()
        .set((
            days::used.eq(min(days::used + used, MAX_SUM)),
            days::freed.eq(min(days::freed + freed, MAX_SUM)),
            days::records.eq(days::records + added),
            days::balance.eq(balance),
        ))
        .execute(connection)?;
    Ok(())
}
