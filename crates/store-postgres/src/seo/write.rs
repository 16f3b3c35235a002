use ::seo::{Issue, IssueIdentity, PageUrl, Realm, Report, SeoRepository};
use async_trait::async_trait;
use core_domain::{SeoIssueId, SeoReportId, StorageError, WireWord as _};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;

use super::row::{ISSUES, IssueRow, REPORTS, ReportRow};
use crate::PgTx;
use crate::error::OrCorrupt as _;
use crate::schema::{nextval, seo_issues, seo_reports, seo_totals};

/// A statement takes at most 65,535 parameters.
const ROWS_AT_ONCE: usize = 1_000;

#[derive(QueryableByName)]
struct Drawn {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

#[async_trait]
impl SeoRepository for PgTx {
    /// A lock of one number, as that of the migrations is: should a page's hash ever be the same, a report waits for a
    /// migration.
    async fn lock_page(&mut self, place: Realm, url: &PageUrl) -> Result<(), StorageError> {
        const OPERATION: &str = "lock_page";
        let page = format!("{} {} {url}", place.workspace_id, place.environment);
        let locked = diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind::<Text, _>(page)
            .execute(self.start(OPERATION)?)
            .await;
        self.finish(OPERATION, locked).map(drop)
    }

    async fn next_report_id(&mut self) -> Result<SeoReportId, StorageError> {
        const OPERATION: &str = "next_report_id";
        let next = diesel::select(nextval("seo_report_ids")).get_result::<i64>(self.start(OPERATION)?).await;
        self.finish(OPERATION, next)?.try_into().or_corrupt(REPORTS, "id")
    }

    async fn next_issue_ids(&mut self, count: u32) -> Result<Vec<SeoIssueId>, StorageError> {
        const OPERATION: &str = "next_issue_ids";
        if count == 0 {
            return Ok(Vec::new());
        }
        let drawn = diesel::sql_query("SELECT nextval('seo_issue_ids') AS id FROM generate_series(1, $1)")
            .bind::<BigInt, _>(i64::from(count))
            .load::<Drawn>(self.start(OPERATION)?)
            .await;
        let mut drawn: Vec<i64> = self.finish(OPERATION, drawn)?.into_iter().map(|drawn| drawn.id).collect();
        drawn.sort_unstable();
        drawn.into_iter().map(|id| id.try_into().or_corrupt(ISSUES, "id")).collect()
    }

    async fn latest_report(&mut self, place: Realm, url: &PageUrl) -> Result<Option<Report>, StorageError> {
        const OPERATION: &str = "latest_report";
        let row = seo_reports::table
            .filter(seo_reports::workspace_id.eq(place.workspace_id.get()))
            .filter(seo_reports::environment.eq(place.environment.as_str()))
            .filter(seo_reports::url.eq(url.as_str()))
            .order_by(seo_reports::id.desc())
            .select(ReportRow::as_select())
            .first(self.start(OPERATION)?)
            .await
            .optional();
        self.finish(OPERATION, row)?.map(Report::try_from).transpose()
    }

    /// In two queries, since each has an index of its own.
    async fn known_issues(
        &mut self,
        place: Realm,
        url: &PageUrl,
        identities: &[IssueIdentity],
    ) -> Result<Vec<Issue>, StorageError> {
        const OPERATION: &str = "known_issues";
        let own = seo_issues::workspace_id
            .eq(place.workspace_id.get())
            .and(seo_issues::environment.eq(place.environment.as_str()));
        let open = seo_issues::table
            .filter(own)
            .filter(seo_issues::url.eq(url.as_str()))
            .filter(seo_issues::resolved_at.is_null())
            .select(IssueRow::as_select())
            .load(self.start(OPERATION)?)
            .await;
        let mut rows: Vec<IssueRow> = self.finish(OPERATION, open)?;
        let identities: Vec<&[u8]> = identities.iter().map(|identity| identity.as_bytes().as_slice()).collect();
        let resolved = seo_issues::table
            .filter(own)
            .filter(seo_issues::identity.eq_any(identities))
            .filter(seo_issues::resolved_at.is_not_null())
            .select(IssueRow::as_select())
            .load(self.start(OPERATION)?)
            .await;
        rows.extend(self.finish(OPERATION, resolved)?);
        rows.sort_by_key(|row: &IssueRow| row.id);
        rows.into_iter().map(Issue::try_from).collect()
    }

    async fn insert_report(&mut self, report: &Report) -> Result<(), StorageError> {
        const OPERATION: &str = "insert_report";
        let inserted = diesel::insert_into(seo_reports::table)
            .values((ReportRow::from(report), seo_reports::search_text.eq(report.search_text())))
            .execute(self.start(OPERATION)?)
            .await;
        self.finish(OPERATION, inserted)?;
        self.count(OPERATION, report.place, 1, 0).await
    }

    async fn insert_issues(&mut self, issues: &[Issue]) -> Result<(), StorageError> {
        const OPERATION: &str = "insert_issues";
        let Some(place) = issues.first().map(|issue| issue.place) else { return Ok(()) };
        for chunk in issues.chunks(ROWS_AT_ONCE) {
            let rows: Vec<IssueRow> = chunk.iter().map(IssueRow::from).collect();
            let inserted = diesel::insert_into(seo_issues::table).values(rows).execute(self.start(OPERATION)?).await;
            self.finish(OPERATION, inserted)?;
        }
        self.count(OPERATION, place, 0, i64::try_from(issues.len()).unwrap_or(i64::MAX)).await
    }

    /// An insert in which every row is there already: one statement for very many rows.
    async fn update_issues(&mut self, issues: &[Issue]) -> Result<(), StorageError> {
        const OPERATION: &str = "update_issues";
        for chunk in issues.chunks(ROWS_AT_ONCE) {
            let rows: Vec<IssueRow> = chunk.iter().map(IssueRow::from).collect();
            let updated = diesel::insert_into(seo_issues::table)
                .values(rows)
                .on_conflict(seo_issues::id)
                .do_update()
                .set((
                    seo_issues::severity.eq(excluded(seo_issues::severity)),
                    seo_issues::details.eq(excluded(seo_issues::details)),
                    seo_issues::occurrences.eq(excluded(seo_issues::occurrences)),
                    seo_issues::tool.eq(excluded(seo_issues::tool)),
                    seo_issues::report_id.eq(excluded(seo_issues::report_id)),
                    seo_issues::absences.eq(excluded(seo_issues::absences)),
                    seo_issues::last_seen_at.eq(excluded(seo_issues::last_seen_at)),
                    seo_issues::resolved_at.eq(excluded(seo_issues::resolved_at)),
                    seo_issues::updated_at.eq(excluded(seo_issues::updated_at)),
                ))
                .execute(self.start(OPERATION)?)
                .await;
            self.finish(OPERATION, updated)?;
        }
        Ok(())
    }
}

impl PgTx {
    /// Adds to the totals of the place: the one row that reports of different pages share, so it comes last.
    async fn count(
        &mut self,
        operation: &'static str,
        place: Realm,
        reports: i64,
        issues: i64,
    ) -> Result<(), StorageError> {
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
        let counted = diesel::insert_into(seo_totals::table)
            .values(first)
            .on_conflict((seo_totals::workspace_id, seo_totals::environment))
            .do_update()
            .set(more)
            .execute(self.start(operation)?)
            .await;
        self.finish(operation, counted).map(drop)
    }
}
