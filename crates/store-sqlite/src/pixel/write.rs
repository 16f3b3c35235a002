use ::pixel::{Accepted, Batch, PixelRepository, Salt, Site, State, Wanted};
use async_trait::async_trait;
use core_domain::{Constraint, Realm, SiteId, StorageError, Timestamp, WireWord};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use super::row::{SITES, SiteRow};
use super::{batch, list};
use crate::error::{Failure, OrCorrupt};
use crate::ids;
use crate::schema::{pixel_sites as sites, workspaces};
use crate::tx::SqliteTx;

#[derive(QueryableByName)]
struct SaltRow {
    #[diesel(sql_type = Binary)]
    salt: Vec<u8>,
}

#[async_trait]
impl PixelRepository for SqliteTx {
    async fn next_site_id(&mut self) -> Result<SiteId, StorageError> {
        self.run("next_site_id", |connection| {
            Ok(SiteId::try_from(ids::next(connection, SITES)?).or_corrupt("id_sequences", "last")?)
        })
        .await
    }

    async fn insert_site(&mut self, site: &Site) -> Result<(), StorageError> {
        let site = site.clone();
        let is_free = self.run("insert_site", move |connection| insert(connection, &site)).await?;
        if is_free { Ok(()) } else { Err(StorageError::Conflict { constraint: Constraint::SiteDomain }) }
    }

    async fn find_site_for_change(&mut self, place: Realm, id: SiteId) -> Result<Option<Site>, StorageError> {
        self.run("find_site_for_change", move |connection| list::find(connection, place, id)).await
    }

    async fn update_site(&mut self, site: &Site) -> Result<(), StorageError> {
        let row = SiteRow::from(site);
        self.run("update_site", move |connection| {
            diesel::update(sites::table.find(row.id)).set(row).execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn delete_site(&mut self, place: Realm, id: SiteId, now: Timestamp) -> Result<bool, StorageError> {
        self.run("delete_site", move |connection| {
            let own = sites::table
                .find(id.get())
                .filter(sites::workspace_id.eq(place.workspace_id.get()))
                .filter(sites::environment.eq(place.environment.as_str()))
                .filter(sites::deleted_at.is_null());
            Ok(diesel::update(own).set(sites::deleted_at.eq(now.as_unix_micros())).execute(connection)? == 1)
        })
        .await
    }

    async fn salt_of(&mut self, day: Timestamp, fresh: &Salt) -> Result<Salt, StorageError> {
        let (day, fresh) = (day.as_unix_micros(), fresh.clone());
        self.run("salt_of", move |connection| salt_of(connection, day, &fresh)).await
    }

    /// The whole store is locked from the transaction's beginning.
    async fn lock_sites(&mut self, ids: &[SiteId]) -> Result<Vec<SiteId>, StorageError> {
        let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
        self.run("lock_sites", move |connection| {
            let found: Vec<i64> = sites::table
                .filter(sites::id.eq_any(ids))
                .filter(sites::deleted_at.is_null())
                .select(sites::id)
                .load(connection)?;
            Ok(found.into_iter().map(SiteId::try_from).collect::<Result<_, _>>().or_corrupt(SITES, "id")?)
        })
        .await
    }

    async fn load_state(&mut self, wanted: &Wanted) -> Result<State, StorageError> {
        let wanted = wanted.clone();
        self.run("load_state", move |connection| batch::load(connection, &wanted)).await
    }

    async fn save_batch(&mut self, events: &[Accepted], batch: &Batch) -> Result<(), StorageError> {
        let rows = batch::Rows::of(events, batch);
        self.run("save_batch", move |connection| rows.save(connection)).await
    }
}

/// Whether the domain was free.
fn insert(connection: &mut SqliteConnection, site: &Site) -> Result<bool, Failure> {
    let row = SiteRow::from(site);
    let gone = workspaces::table.filter(workspaces::deleted_at.is_not_null()).select(workspaces::id);
    let orphans = sites::table
        .filter(sites::domain.eq_any(site.domain.with_parents()))
        .filter(sites::deleted_at.is_null())
        .filter(sites::workspace_id.eq_any(gone));
    diesel::update(orphans).set(sites::deleted_at.eq(row.created_at)).execute(connection)?;
    let above = sites::table
        .filter(sites::domain.eq_any(site.domain.with_parents()))
        .filter(sites::deleted_at.is_null())
        .filter(sites::subdomains)
        .filter(sites::workspace_id.ne(row.workspace_id));
    if diesel::select(exists(above)).get_result(connection)? {
        return Ok(false);
    }
    Ok(diesel::insert_into(sites::table).values(row).on_conflict_do_nothing().execute(connection)? == 1)
}

fn salt_of(connection: &mut SqliteConnection, day: i64, fresh: &Salt) -> Result<Salt, Failure> {
    diesel::sql_query("DELETE FROM pixel_salts WHERE day < ?1").bind::<BigInt, _>(day).execute(connection)?;
    diesel::sql_query("INSERT INTO pixel_salts (day, salt) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
        .bind::<BigInt, _>(day)
        .bind::<Binary, _>(fresh.expose().as_slice())
        .execute(connection)?;
    let row: SaltRow = diesel::sql_query("SELECT salt FROM pixel_salts WHERE day = ?1")
        .bind::<BigInt, _>(day)
        .get_result(connection)?;
    Ok(Salt::try_from(row.salt).or_corrupt("pixel_salts", "salt")?)
}
