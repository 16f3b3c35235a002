use async_trait::async_trait;
use core_domain::{SeoIssueId, SeoReportId, StorageError, WireWord as _};
use diesel::prelude::*;
use seo::{Issue, IssueIdentity, PageUrl, Realm, Report, SeoRepository};

use super::row::{IssueRow, ReportRow};
use crate::error::{Failure, OrCorrupt as _};
use crate::ids;
use crate::schema::{seo_issues, seo_reports, seo_totals};
use crate::tx::SqliteTx;

#[async_trait]
impl SeoRepository for SqliteTx {
    /// The whole store is locked from the transaction's beginning.
    async fn lock_page(&mut self, _: Realm, _: &PageUrl) -> Result<(), StorageError> {
        Ok(())
    }

    async fn next_report_id(&mut self) -> Result<SeoReportId, StorageError> {
        self.run("next_report_id", |connection| {
            Ok(ids::next(connection, "seo_reports")?.try_into().or_corrupt("id_sequences", "last")?)
        })
        .await
    }

    async fn next_issue_ids(&mut self, count: u32) -> Result<Vec<SeoIssueId>, StorageError> {
        self.run("next_issue_ids", move |connection| {
            let ids = (0..count)
                .map(|_| Ok(ids::next(connection, "seo_issues")?.try_into().or_corrupt("id_sequences", "last")?));
            ids.collect()
        })
        .await
    }

    async fn latest_report(&mut self, place: Realm, url: &PageUrl) -> Result<Option<Report>, StorageError> {
        let url = url.as_str().to_owned();
        self.run("latest_report", move |connection| {
            let row: Option<ReportRow> = seo_reports::table
                .filter(seo_reports::workspace_id.eq(place.workspace_id.get()))
                .filter(seo_reports::environment.eq(place.environment.as_str()))
                .filter(seo_reports::url.eq(url))
                .order(seo_reports::id.desc())
                .select(ReportRow::as_select())
                .first(connection)
                .optional()?;
            Ok(row.map(Report::try_from).transpose()?)
        })
        .await
    }

    async fn known_issues(
        &mut self,
        place: Realm,
        url: &PageUrl,
        identities: &[IssueIdentity],
    ) -> Result<Vec<Issue>, StorageError> {
        let url = url.as_str().to_owned();
        let identities: Vec<Vec<u8>> = identities.iter().map(|identity| identity.as_bytes().to_vec()).collect();
        self.run("known_issues", move |connection| known(connection, place, &url, &identities)).await
    }

    async fn insert_report(&mut self, report: &Report) -> Result<(), StorageError> {
        let (row, place, search_text) = (ReportRow::from(report), report.place, report.search_text());
        self.run("insert_report", move |connection| {
            diesel::insert_into(seo_reports::table)
                .values((row, seo_reports::search_text.eq(search_text)))
                .execute(connection)?;
            count(connection, place, 1, 0)
        })
        .await
    }

    async fn insert_issues(&mut self, issues: &[Issue]) -> Result<(), StorageError> {
        let Some(place) = issues.first().map(|issue| issue.place) else { return Ok(()) };
        let rows: Vec<IssueRow> = issues.iter().map(IssueRow::from).collect();
        self.run("insert_issues", move |connection| {
            let inserted = rows.len();
            for row in rows {
                diesel::insert_into(seo_issues::table).values(row).execute(connection)?;
            }
            count(connection, place, 0, i64::try_from(inserted).unwrap_or(i64::MAX))
        })
        .await
    }

    async fn update_issues(&mut self, issues: &[Issue]) -> Result<(), StorageError> {
        if issues.is_empty() {
            return Ok(());
        }
        let rows: Vec<IssueRow> = issues.iter().map(IssueRow::from).collect();
        self.run("update_issues", move |connection| {
            for row in rows {
                diesel::update(seo_issues::table.find(row.id)).set(row.changes()).execute(connection)?;
            }
            Ok(())
        })
        .await
    }
}

/// In two queries, since each has an index of its own.
fn known(
    connection: &mut SqliteConnection,
    place: Realm,
    url: &str,
    identities: &[Vec<u8>],
) -> Result<Vec<Issue>, Failure> {
    let own = seo_issues::workspace_id
        .eq(place.workspace_id.get())
        .and(seo_issues::environment.eq(place.environment.as_str()));
    let mut rows: Vec<IssueRow> = seo_issues::table
        .filter(own)
        .filter(seo_issues::url.eq(url))
        .filter(seo_issues::resolved_at.is_null())
        .select(IssueRow::as_select())
        .load(connection)?;
    let resolved: Vec<IssueRow> = seo_issues::table
        .filter(own)
        .filter(seo_issues::identity.eq_any(identities))
        .filter(seo_issues::resolved_at.is_not_null())
        .select(IssueRow::as_select())
        .load(connection)?;
    rows.extend(resolved);
    rows.sort_by_key(|row| row.id);
    Ok(rows.into_iter().map(Issue::try_from).collect::<Result<_, _>>()?)
}

/// Adds to the totals of the place.
fn count(connection: &mut SqliteConnection, place: Realm, reports: i64, issues: i64) -> Result<(), Failure> {
    let first = (
        seo_totals::workspace_id.eq(place.workspace_id.get()),
        seo_totals::environment.eq(place.environment.as_str()),
        seo_totals::report_count.eq(reports),
        seo_totals::issue_count.eq(issues),
    );
    let more = (
        seo_totals::report_count.eq(seo_totals::report_count + reports),
        seo_totals::issue_count.eq(seo_totals::issue_count + issues),
    );
    diesel::insert_into(seo_totals::table)
        .values(first)
        .on_conflict((seo_totals::workspace_id, seo_totals::environment))
        .do_update()
        .set(more)
        .execute(connection)?;
    Ok(())
}
