use ::pixel::{Domain, PixelReader, Site, SiteQuery, Stats, StatsQuery};
use async_trait::async_trait;
use core_domain::{Page, Realm, SiteId, StorageError};
use diesel::prelude::*;

use super::row::SiteRow;
use super::{list, stats};
use crate::schema::{pixel_sites as sites, workspaces};
use crate::store::SqliteStore;

#[async_trait]
impl PixelReader for SqliteStore {
    async fn find_site_of_host(&self, host: &Domain) -> Result<Option<Site>, StorageError> {
        let host = host.clone();
        self.read("find_site_of_host", move |connection| {
            let rows: Vec<SiteRow> = sites::table
                .inner_join(workspaces::table.on(workspaces::id.eq(sites::workspace_id)))
                .filter(workspaces::deleted_at.is_null())
                .filter(sites::deleted_at.is_null())
                .filter(sites::domain.eq_any(host.with_parents()))
                .filter(sites::domain.eq(host.as_str()).or(sites::subdomains))
                .select(SiteRow::as_select())
                .load(connection)?;
            let nearest = rows.into_iter().max_by_key(|row| row.domain.len());
            Ok(nearest.map(Site::try_from).transpose()?)
        })
        .await
    }

    async fn find_site(&self, place: Realm, id: SiteId) -> Result<Option<Site>, StorageError> {
        self.read("find_site", move |connection| list::find(connection, place, id)).await
    }

    async fn find_site_by_domain(&self, place: Realm, domain: &Domain) -> Result<Option<Site>, StorageError> {
        let domain = domain.clone();
        self.read("find_site_by_domain", move |connection| {
            let row = list::of_place(place)
                .filter(sites::domain.eq(domain.as_str()))
                .select(SiteRow::as_select())
                .first(connection)
                .optional()?;
            Ok(row.map(Site::try_from).transpose()?)
        })
        .await
    }

    async fn list_sites(&self, place: Realm, query: &SiteQuery) -> Result<Page<Site>, StorageError> {
        let query = query.clone();
        self.read("list_sites", move |connection| {
            connection.transaction(|connection| list::page(connection, place, &query))
        })
        .await
    }

    async fn find_stats(&self, query: &StatsQuery) -> Result<Stats, StorageError> {
        let query = query.clone();
        self.read("find_stats", move |connection| connection.transaction(|connection| stats::find(connection, &query)))
            .await
    }
}
