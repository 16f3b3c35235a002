use async_trait::async_trait;
use core_domain::{Page, StorageError, Timestamp, WireWord, WorkspaceId};
use diesel::dsl::exists;
use diesel::prelude::*;
use entitlements::{
    DayUsage, EntitlementReader, FeatureKey, HistoryQuery, Override, Realm, Reservation, ReservationId, Standing,
    UsageQuery, UsageRow,
};

use super::row::{DayRow, OverrideRow, ReservationRow};
use super::{list, standing};
use crate::error::Failure;
use crate::schema::{
    entitlement_days as days, entitlement_overrides as overrides, entitlement_reservations as reservations, workspaces,
};
use crate::store::SqliteStore;

pub(super) fn find_reservation(
    connection: &mut SqliteConnection,
    place: Realm,
    id: ReservationId,
) -> Result<Option<Reservation>, Failure> {
    let live = workspaces::table.find(place.workspace_id.get()).filter(workspaces::deleted_at.is_null());
    let row = reservations::table
        .find(id.get())
        .filter(reservations::workspace_id.eq(place.workspace_id.get()))
        .filter(reservations::environment.eq(place.environment.as_str()))
        .filter(exists(live))
        .select(ReservationRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(Reservation::try_from).transpose()?)
}

fn history(connection: &mut SqliteConnection, place: Realm, query: &HistoryQuery) -> Result<Vec<DayUsage>, Failure> {
    let live = workspaces::table.find(place.workspace_id.get()).filter(workspaces::deleted_at.is_null());
    let mut rows = days::table
        .into_boxed()
        .filter(days::workspace_id.eq(place.workspace_id.get()))
        .filter(days::environment.eq(place.environment.as_str()))
        .filter(days::day.between(query.from.as_unix_micros(), query.to.as_unix_micros()))
        .filter(exists(live));
    if let Some(feature) = &query.feature {
        rows = rows.filter(days::feature.eq(feature.to_string()));
    }
    let rows: Vec<DayRow> = rows.order((days::day, days::feature)).select(DayRow::as_select()).load(connection)?;
    Ok(rows.into_iter().map(DayUsage::try_from).collect::<Result<_, _>>()?)
}

fn all_overrides(connection: &mut SqliteConnection, workspace: i64) -> Result<Option<Vec<Override>>, Failure> {
    let rows: Vec<(i64, Option<OverrideRow>)> = workspaces::table
        .find(workspace)
        .filter(workspaces::deleted_at.is_null())
        .left_join(overrides::table.on(overrides::workspace_id.eq(workspaces::id)))
        .order(overrides::feature)
        .select((workspaces::id, Option::<OverrideRow>::as_select()))
        .load(connection)?;
    if rows.is_empty() {
        return Ok(None);
    }
    let all = rows.into_iter().filter_map(|(_, row)| row).map(Override::try_from).collect::<Result<_, _>>()?;
    Ok(Some(all))
}

#[async_trait]
impl EntitlementReader for SqliteStore {
    async fn find_standing(
        &self,
        place: Realm,
        features: &[(FeatureKey, Timestamp)],
        now: Timestamp,
    ) -> Result<Option<Standing>, StorageError> {
        let features: Vec<_> =
            features.iter().map(|(feature, start)| (feature.to_string(), start.as_unix_micros())).collect();
        self.read("find_standing", move |connection| {
            let (workspace, environment) = (place.workspace_id.get(), place.environment.as_str());
            standing::find(connection, workspace, environment, &features, now.as_unix_micros())
        })
        .await
    }

    async fn list_usage(&self, place: Realm, query: &UsageQuery) -> Result<Page<UsageRow>, StorageError> {
        let query = query.clone();
        self.read("list_usage", move |connection| {
            connection.transaction(|connection| list::page(connection, place, &query))
        })
        .await
    }

    async fn list_history(&self, place: Realm, query: &HistoryQuery) -> Result<Vec<DayUsage>, StorageError> {
        let query = query.clone();
        self.read("list_history", move |connection| history(connection, place, &query)).await
    }

    async fn find_reservation(&self, place: Realm, id: ReservationId) -> Result<Option<Reservation>, StorageError> {
        self.read("find_reservation", move |connection| find_reservation(connection, place, id)).await
    }

    async fn list_overrides(&self, workspace: WorkspaceId) -> Result<Option<Vec<Override>>, StorageError> {
        self.read("list_overrides", move |connection| all_overrides(connection, workspace.get())).await
    }
}
