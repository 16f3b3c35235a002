use ::entitlements::{
    DayUsage, EntitlementReader, FeatureKey, HistoryQuery, Override, Realm, Reservation, ReservationId, Standing,
    UsageQuery, UsageRow,
};
use async_trait::async_trait;
use core_domain::{Page, StorageError, Timestamp, WireWord as _, WorkspaceId};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::list;
use super::row::{DayRow, OverrideRow, ReservationRow};
use super::standing::{FindStanding, StandingRow, standing};
use crate::error::storage;
use crate::schema::{
    entitlement_days as days, entitlement_overrides as overrides, entitlement_reservations as reservations, workspaces,
};
use crate::{PgStore, time};

#[async_trait]
impl EntitlementReader for PgStore {
    async fn find_standing(
        &self,
        place: Realm,
        features: &[(FeatureKey, Timestamp)],
        now: Timestamp,
    ) -> Result<Option<Standing>, StorageError> {
        const OPERATION: &str = "find_standing";
        let query = FindStanding {
            workspace_id: place.workspace_id.get(),
            environment: place.environment.as_str(),
            features: features.iter().map(|(feature, _)| feature.to_string()).collect(),
            periods: features.iter().map(|(_, start)| time::stored(*start)).collect(),
            now: time::stored(now),
        };
        let mut connection = self.connection(OPERATION).await?;
        let rows: Vec<StandingRow> = query.load(&mut connection).await.map_err(storage(OPERATION))?;
        standing(rows)
    }

    async fn list_usage(&self, place: Realm, query: &UsageQuery) -> Result<Page<UsageRow>, StorageError> {
        const OPERATION: &str = "list_usage";
        let mut connection = self.connection(OPERATION).await?;
        list::page(&mut connection, OPERATION, place, query).await
    }

    async fn list_history(&self, place: Realm, query: &HistoryQuery) -> Result<Vec<DayUsage>, StorageError> {
        const OPERATION: &str = "list_history";
        let live = workspaces::table.find(place.workspace_id.get()).filter(workspaces::deleted_at.is_null());
        let mut rows = days::table
            .into_boxed()
            .filter(days::workspace_id.eq(place.workspace_id.get()))
            .filter(days::environment.eq(place.environment.as_str()))
            .filter(days::day.between(time::stored(query.from), time::stored(query.to)))
            .filter(exists(live));
        if let Some(feature) = &query.feature {
            rows = rows.filter(days::feature.eq(feature.to_string()));
        }
        let mut connection = self.connection(OPERATION).await?;
        let rows: Vec<DayRow> = rows
            .order_by((days::day, days::feature))
            .select(DayRow::as_select())
            .load(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        rows.into_iter().map(DayUsage::try_from).collect()
    }

    async fn find_reservation(&self, place: Realm, id: ReservationId) -> Result<Option<Reservation>, StorageError> {
        const OPERATION: &str = "find_reservation";
        let live = workspaces::table.find(place.workspace_id.get()).filter(workspaces::deleted_at.is_null());
        let mut connection = self.connection(OPERATION).await?;
        let row = reservations::table
            .find(id.get())
            .filter(reservations::workspace_id.eq(place.workspace_id.get()))
            .filter(reservations::environment.eq(place.environment.as_str()))
            .filter(exists(live))
            .select(ReservationRow::as_select())
            .first(&mut connection)
            .await
            .optional()
            .map_err(storage(OPERATION))?;
        row.map(Reservation::try_from).transpose()
    }

    async fn list_overrides(&self, workspace: WorkspaceId) -> Result<Option<Vec<Override>>, StorageError> {
        const OPERATION: &str = "list_overrides";
        let mut connection = self.connection(OPERATION).await?;
        let rows: Vec<(i64, Option<OverrideRow>)> = workspaces::table
            .find(workspace.get())
            .filter(workspaces::deleted_at.is_null())
            .left_join(overrides::table.on(overrides::workspace_id.eq(workspaces::id)))
            .order_by(overrides::feature)
            .select((workspaces::id, Option::<OverrideRow>::as_select()))
            .load(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        if rows.is_empty() {
            return Ok(None);
        }
        rows.into_iter().filter_map(|(_, row)| row).map(Override::try_from).collect::<Result<_, _>>().map(Some)
    }
}
