use async_trait::async_trait;
use core_domain::{Page, SeoReportId, StorageError, WireWord as _, WorkspaceId};
use diesel::prelude::*;
use seo::{Issue, IssueQuery, Realm, Report, ReportQuery, SeoReader};

use super::row::ReportRow;
use super::{issues, reports};
use crate::error::Failure;
use crate::schema::{seo_reports, workspaces};
use crate::store::SqliteStore;

#[async_trait]
impl SeoReader for SqliteStore {
    async fn find_report(&self, place: Realm, id: SeoReportId) -> Result<Option<Report>, StorageError> {
        self.read("find_report", move |connection| {
            if !is_live(connection, place.workspace_id)? {
                return Ok(None);
            }
            let row: Option<ReportRow> = seo_reports::table
                .find(id.get())
                .filter(seo_reports::workspace_id.eq(place.workspace_id.get()))
                .filter(seo_reports::environment.eq(place.environment.as_str()))
                .select(ReportRow::as_select())
                .first(connection)
                .optional()?;
            Ok(row.map(Report::try_from).transpose()?)
        })
        .await
    }

    async fn list_reports(&self, place: Realm, query: &ReportQuery) -> Result<Page<Report>, StorageError> {
        let query = query.clone();
        self.read("list_reports", move |connection| {
            if is_live(connection, place.workspace_id)? {
                reports::page(connection, place, &query)
            } else {
                Ok(empty())
            }
        })
        .await
    }

    async fn list_issues(&self, place: Realm, query: &IssueQuery) -> Result<Page<Issue>, StorageError> {
        let query = query.clone();
        self.read("list_issues", move |connection| {
            if is_live(connection, place.workspace_id)? { issues::page(connection, place, &query) } else { Ok(empty()) }
        })
        .await
    }

    async fn reports_by_id(&self, workspace: WorkspaceId, ids: &[SeoReportId]) -> Result<Vec<Report>, StorageError> {
        let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
        self.read("reports_by_id", move |connection| {
            if !is_live(connection, workspace)? {
                return Ok(Vec::new());
            }
            let rows: Vec<ReportRow> = seo_reports::table
                .filter(seo_reports::id.eq_any(ids))
                .filter(seo_reports::workspace_id.eq(workspace.get()))
                .select(ReportRow::as_select())
                .load(connection)?;
            Ok(rows.into_iter().map(Report::try_from).collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn is_live(connection: &mut SqliteConnection, workspace: WorkspaceId) -> Result<bool, Failure> {
    let live = workspaces::table.find(workspace.get()).filter(workspaces::deleted_at.is_null());
    Ok(live.select(workspaces::id).first::<i64>(connection).optional()?.is_some())
}

fn empty<T>() -> Page<T> {
    Page { items: Vec::new(), total: 0 }
}
