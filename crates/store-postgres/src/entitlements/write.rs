use ::entitlements::{
    CounterChange, CounterId, EntitlementRepository, FeatureKey, Locked, Override, Realm, Reservation, ReservationId,
    Settlement,
};
use async_trait::async_trait;
use core_domain::{StorageError, Timestamp, WireWord as _, WorkspaceId};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;

use super::row::{OverrideRow, RESERVATIONS, ReservationRow, stored};
use super::save::SaveCounter;
use super::{lock, purge};
use crate::error::OrCorrupt as _;
use crate::schema::{
    entitlement_overrides as overrides, entitlement_reservations as reservations, nextval, workspaces,
};
use crate::{PgTx, time};

#[async_trait]
impl EntitlementRepository for PgTx {
    async fn lock_counter(&mut self, id: &CounterId, now: Timestamp) -> Result<Option<Locked>, StorageError> {
        lock::lock(self, id, now).await
    }

    async fn save_counter(&mut self, change: &CounterChange) -> Result<(), StorageError> {
        const OPERATION: &str = "save_counter";
        let saved = SaveCounter::from(change).execute(self.start(OPERATION)?).await;
        self.finish(OPERATION, saved).map(drop)
    }

    async fn next_reservation_id(&mut self) -> Result<ReservationId, StorageError> {
        const OPERATION: &str = "next_reservation_id";
        let next =
            diesel::select(nextval("entitlement_reservation_ids")).get_result::<i64>(self.start(OPERATION)?).await;
        ReservationId::try_from(self.finish(OPERATION, next)?).or_corrupt(RESERVATIONS, "id")
    }

    async fn insert_reservation(&mut self, reservation: &Reservation) -> Result<(), StorageError> {
        const OPERATION: &str = "insert_reservation";
        let row = ReservationRow::from(reservation);
        let inserted = diesel::insert_into(reservations::table).values(row).execute(self.start(OPERATION)?).await;
        self.finish(OPERATION, inserted).map(drop)
    }

    async fn find_reservation_for_change(
        &mut self,
        place: Realm,
        id: ReservationId,
    ) -> Result<Option<Reservation>, StorageError> {
        const OPERATION: &str = "find_reservation_for_change";
        let row = reservations::table
            .find(id.get())
            .filter(reservations::workspace_id.eq(place.workspace_id.get()))
            .filter(reservations::environment.eq(place.environment.as_str()))
            .select(ReservationRow::as_select())
            .first(self.start(OPERATION)?)
            .await
            .optional();
        self.finish(OPERATION, row)?.map(Reservation::try_from).transpose()
    }

    async fn settle_reservation(
        &mut self,
        id: ReservationId,
        settlement: Settlement,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        const OPERATION: &str = "settle_reservation";
        let now = time::stored(now);
        let confirmed = match settlement {
            Settlement::Confirmed(actual) => Some(stored(actual)),
            Settlement::Released => None,
        };
        let settled = diesel::update(reservations::table.find(id.get()))
            .filter(reservations::settled_at.is_null())
            .filter(reservations::expires_at.gt(now))
            .set((reservations::confirmed.eq(confirmed), reservations::settled_at.eq(now)))
            .execute(self.start(OPERATION)?)
            .await;
        Ok(self.finish(OPERATION, settled)? == 1)
    }

    async fn purge_reservations(&mut self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        const OPERATION: &str = "purge_reservations";
        let purged = purge::reservations(self.start(OPERATION)?, time::stored(before), limit).await;
        self.finish(OPERATION, purged)
    }

    async fn set_override(&mut self, set: &Override) -> Result<bool, StorageError> {
        const OPERATION: &str = "set_override";
        let workspace = workspaces::table
            .find(set.workspace_id.get())
            .filter(workspaces::deleted_at.is_null())
            .select(workspaces::id)
            .for_key_share()
            .first::<i64>(self.start(OPERATION)?)
            .await
            .optional();
        if self.finish(OPERATION, workspace)?.is_none() {
            return Ok(false);
        }
        let row = OverrideRow::from(set);
        let stored = diesel::insert_into(overrides::table)
            .values(row)
            .on_conflict((overrides::workspace_id, overrides::feature))
            .do_update()
            .set((
                overrides::extra.eq(excluded(overrides::extra)),
                overrides::ends_at.eq(excluded(overrides::ends_at)),
                overrides::created_at.eq(excluded(overrides::created_at)),
            ))
            .execute(self.start(OPERATION)?)
            .await;
        self.finish(OPERATION, stored)?;
        Ok(true)
    }

    async fn delete_override(&mut self, workspace: WorkspaceId, feature: &FeatureKey) -> Result<bool, StorageError> {
        const OPERATION: &str = "delete_override";
        let row = overrides::table.find((workspace.get(), feature.as_str()));
        let deleted = diesel::delete(row).execute(self.start(OPERATION)?).await;
        Ok(self.finish(OPERATION, deleted)? == 1)
    }
}
