use ::seo::{Issue, IssueQuery, Realm, Report, ReportQuery, SeoReader};
use async_trait::async_trait;
use core_domain::{Page, SeoReportId, StorageError, WireWord as _, WorkspaceId};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::row::ReportRow;
use super::{issues, reports};
use crate::PgStore;
use crate::error::storage;
use crate::schema::{seo_reports, workspaces};

#[async_trait]
impl SeoReader for PgStore {
    async fn find_report(&self, place: Realm, id: SeoReportId) -> Result<Option<Report>, StorageError> {
        const OPERATION: &str = "find_report";
        let mut connection = self.connection(OPERATION).await?;
        let live = workspaces::table.find(place.workspace_id.get()).filter(workspaces::deleted_at.is_null());
        let row: Option<ReportRow> = seo_reports::table
            .find(id.get())
            .filter(seo_reports::workspace_id.eq(place.workspace_id.get()))
            .filter(seo_reports::environment.eq(place.environment.as_str()))
            .filter(exists(live))
            .select(ReportRow::as_select())
            .first(&mut connection)
            .await
            .optional()
            .map_err(storage(OPERATION))?;
        row.map(Report::try_from).transpose()
    }

    async fn list_reports(&self, place: Realm, query: &ReportQuery) -> Result<Page<Report>, StorageError> {
        const OPERATION: &str = "list_reports";
        let mut connection = self.connection(OPERATION).await?;
        reports::page(&mut connection, OPERATION, place, query).await
    }

    async fn list_issues(&self, place: Realm, query: &IssueQuery) -> Result<Page<Issue>, StorageError> {
        const OPERATION: &str = "list_issues";
        let mut connection = self.connection(OPERATION).await?;
        issues::page(&mut connection, OPERATION, place, query).await
    }

    async fn reports_by_id(&self, workspace: WorkspaceId, ids: &[SeoReportId]) -> Result<Vec<Report>, StorageError> {
        const OPERATION: &str = "reports_by_id";
        let mut connection = self.connection(OPERATION).await?;
        let live = workspaces::table.find(workspace.get()).filter(workspaces::deleted_at.is_null());
        let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
        let rows: Vec<ReportRow> = seo_reports::table
            .filter(seo_reports::id.eq_any(ids))
            .filter(seo_reports::workspace_id.eq(workspace.get()))
            .filter(exists(live))
            .select(ReportRow::as_select())
            .load(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        rows.into_iter().map(Report::try_from).collect()
    }
}
