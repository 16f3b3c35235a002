use ::pixel::{Accepted, Batch, PixelRepository, Salt, Site, State, Wanted};
use async_trait::async_trait;
use core_domain::{Constraint, Realm, SiteId, StorageError, Timestamp, WireWord as _};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Timestamptz};
use diesel_async::RunQueryDsl;

use super::batch;
use super::row::{SITES, SiteRow};
use crate::error::OrCorrupt as _;
use crate::schema::{nextval, pixel_sites as sites, workspaces};
use crate::{PgTx, time};

#[derive(QueryableByName)]
struct SaltRow {
    #[diesel(sql_type = Binary)]
    salt: Vec<u8>,
}

#[async_trait]
impl PixelRepository for PgTx {
    async fn next_site_id(&mut self) -> Result<SiteId, StorageError> {
        const OPERATION: &str = "next_site_id";
        let next = diesel::select(nextval("pixel_site_ids")).get_result::<i64>(self.start(OPERATION)?).await;
        SiteId::try_from(self.finish(OPERATION, next)?).or_corrupt(SITES, "id")
    }

    async fn insert_site(&mut self, site: &Site) -> Result<(), StorageError> {
        const OPERATION: &str = "insert_site";
        let row = SiteRow::from(site);
        let gone = workspaces::table.filter(workspaces::deleted_at.is_not_null()).select(workspaces::id);
        let orphan = sites::table
            .filter(sites::domain.eq_any(site.domain.with_parents()))
            .filter(sites::deleted_at.is_null())
            .filter(sites::workspace_id.eq_any(gone));
        let freed = diesel::update(orphan)
            .set(sites::deleted_at.eq(time::stored(site.created_at)))
            .execute(self.start(OPERATION)?)
            .await;
        self.finish(OPERATION, freed)?;
        let above = sites::table
            .filter(sites::domain.eq_any(site.domain.with_parents()))
            .filter(sites::deleted_at.is_null())
            .filter(sites::subdomains)
            .filter(sites::workspace_id.ne(row.workspace_id));
        let taken = diesel::select(exists(above)).get_result::<bool>(self.start(OPERATION)?).await;
        if self.finish(OPERATION, taken)? {
            return Err(StorageError::Conflict { constraint: Constraint::SiteDomain });
        }
        let inserted = diesel::insert_into(sites::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(self.start(OPERATION)?)
            .await;
        match self.finish(OPERATION, inserted)? {
            0 => Err(StorageError::Conflict { constraint: Constraint::SiteDomain }),
            _ => Ok(()),
        }
    }

    async fn find_site_for_change(&mut self, place: Realm, id: SiteId) -> Result<Option<Site>, StorageError> {
        const OPERATION: &str = "find_site_for_change";
        let row = sites::table
            .find(id.get())
            .filter(sites::workspace_id.eq(place.workspace_id.get()))
            .filter(sites::environment.eq(place.environment.as_str()))
            .filter(sites::deleted_at.is_null())
            .select(SiteRow::as_select())
            .for_no_key_update()
            .first(self.start(OPERATION)?)
            .await
            .optional();
        self.finish(OPERATION, row)?.map(Site::try_from).transpose()
    }

    async fn update_site(&mut self, site: &Site) -> Result<(), StorageError> {
        const OPERATION: &str = "update_site";
        let updated = diesel::update(sites::table.find(site.id.get()))
            .set(SiteRow::from(site))
            .execute(self.start(OPERATION)?)
            .await;
        self.finish(OPERATION, updated).map(drop)
    }

    async fn delete_site(&mut self, place: Realm, id: SiteId, now: Timestamp) -> Result<bool, StorageError> {
        const OPERATION: &str = "delete_site";
        let own = sites::table
            .find(id.get())
            .filter(sites::workspace_id.eq(place.workspace_id.get()))
            .filter(sites::environment.eq(place.environment.as_str()))
            .filter(sites::deleted_at.is_null());
        let deleted =
            diesel::update(own).set(sites::deleted_at.eq(time::stored(now))).execute(self.start(OPERATION)?).await;
        Ok(self.finish(OPERATION, deleted)? == 1)
    }

    async fn salt_of(&mut self, day: Timestamp, fresh: &Salt) -> Result<Salt, StorageError> {
        const OPERATION: &str = "salt_of";
        let day = time::stored(day);
        let forgotten = diesel::sql_query("DELETE FROM pixel_salts WHERE day < $1")
            .bind::<Timestamptz, _>(day)
            .execute(self.start(OPERATION)?)
            .await;
        self.finish(OPERATION, forgotten)?;
        // The update writes nothing new: it makes the row be returned.
        let row = diesel::sql_query(
            "INSERT INTO pixel_salts (day, salt) VALUES ($1, $2) \
             ON CONFLICT (day) DO UPDATE SET day = excluded.day RETURNING salt",
        )
        .bind::<Timestamptz, _>(day)
        .bind::<Binary, _>(fresh.expose().as_slice())
        .get_result::<SaltRow>(self.start(OPERATION)?)
        .await;
        Salt::try_from(self.finish(OPERATION, row)?.salt).or_corrupt("pixel_salts", "salt")
    }

    async fn lock_sites(&mut self, ids: &[SiteId]) -> Result<Vec<SiteId>, StorageError> {
        const OPERATION: &str = "lock_sites";
        let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
        // In one order, so that no two transactions wait for each other.
        let found = sites::table
            .filter(sites::id.eq_any(ids))
            .filter(sites::deleted_at.is_null())
            .order_by(sites::id)
            .select(sites::id)
            .for_no_key_update()
            .load::<i64>(self.start(OPERATION)?)
            .await;
        let found = self.finish(OPERATION, found)?;
        found.into_iter().map(SiteId::try_from).collect::<Result<_, _>>().or_corrupt(SITES, "id")
    }

    async fn load_state(&mut self, wanted: &Wanted) -> Result<State, StorageError> {
        batch::load(self, wanted).await
    }

    async fn save_batch(&mut self, events: &[Accepted], batch: &Batch) -> Result<(), StorageError> {
        batch::save(self, events, batch).await
    }
}
