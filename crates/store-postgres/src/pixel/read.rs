use ::pixel::{Domain, PixelReader, Site, SiteQuery, Stats, StatsQuery};
use async_trait::async_trait;
use core_domain::{Page, Realm, SiteId, StorageError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::row::SiteRow;
use super::{list, stats};
use crate::PgStore;
use crate::error::storage;
use crate::schema::{pixel_sites as sites, workspaces};

#[async_trait]
impl PixelReader for PgStore {
    async fn find_site_of_host(&self, host: &Domain) -> Result<Option<Site>, StorageError> {
        const OPERATION: &str = "find_site_of_host";
        let mut connection = self.connection(OPERATION).await?;
        let rows: Vec<SiteRow> = sites::table
            .inner_join(workspaces::table.on(workspaces::id.eq(sites::workspace_id)))
            .filter(workspaces::deleted_at.is_null())
            .filter(sites::deleted_at.is_null())
            .filter(sites::domain.eq_any(host.with_parents()))
            .filter(sites::domain.eq(host.as_str()).or(sites::subdomains))
            .select(SiteRow::as_select())
            .load(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        let nearest = rows.into_iter().max_by_key(|row| row.domain.len());
        nearest.map(Site::try_from).transpose()
    }

    async fn find_site(&self, place: Realm, id: SiteId) -> Result<Option<Site>, StorageError> {
        const OPERATION: &str = "find_site";
        let mut connection = self.connection(OPERATION).await?;
        let row = list::of_place(place)
            .filter(sites::id.eq(id.get()))
            .select(SiteRow::as_select())
            .first(&mut connection)
            .await
            .optional()
            .map_err(storage(OPERATION))?;
        row.map(Site::try_from).transpose()
    }

    async fn find_site_by_domain(&self, place: Realm, domain: &Domain) -> Result<Option<Site>, StorageError> {
        const OPERATION: &str = "find_site_by_domain";
        let mut connection = self.connection(OPERATION).await?;
        let row = list::of_place(place)
            .filter(sites::domain.eq(domain.as_str()))
            .select(SiteRow::as_select())
            .first(&mut connection)
            .await
            .optional()
            .map_err(storage(OPERATION))?;
        row.map(Site::try_from).transpose()
    }

    async fn list_sites(&self, place: Realm, query: &SiteQuery) -> Result<Page<Site>, StorageError> {
        const OPERATION: &str = "list_sites";
        let mut connection = self.connection(OPERATION).await?;
        list::page(&mut connection, OPERATION, place, query).await
    }

    async fn find_stats(&self, query: &StatsQuery) -> Result<Stats, StorageError> {
        const OPERATION: &str = "find_stats";
        let mut connection = self.connection(OPERATION).await?;
        stats::find(&mut connection, OPERATION, query).await
    }
}
