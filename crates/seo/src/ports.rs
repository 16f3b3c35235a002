use async_trait::async_trait;
use core_domain::{Outbox, Page, SeoIssueId, SeoReportId, StorageError, Transaction, WorkspaceId};

use crate::{Issue, IssueIdentity, IssueQuery, PageUrl, Realm, Report, ReportQuery};

/// Reports and issues, within a transaction.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SeoRepository: Send {
    /// Keeps every other report of this page out until the transaction ends.
    ///
    /// MUST come before any other method of this port, and once only: it is what keeps concurrent reports from
    /// doubling an issue and from waiting for each other in a circle.
    async fn lock_page(&mut self, place: Realm, url: &PageUrl) -> Result<(), StorageError>;

    /// Takes the next report id. Ids grow; gaps are allowed.
    async fn next_report_id(&mut self) -> Result<SeoReportId, StorageError>;

    /// Takes so many issue ids, in growing order.
    async fn next_issue_ids(&mut self, count: u32) -> Result<Vec<SeoIssueId>, StorageError>;

    /// The report of this page with the highest id.
    async fn latest_report(&mut self, place: Realm, url: &PageUrl) -> Result<Option<Report>, StorageError>;

    /// The open issues of the page, and those among `identities` that are resolved; each once, by id.
    async fn known_issues(
        &mut self,
        place: Realm,
        url: &PageUrl,
        identities: &[IssueIdentity],
    ) -> Result<Vec<Issue>, StorageError>;

    /// Stores a new report, and counts it.
    async fn insert_report(&mut self, report: &Report) -> Result<(), StorageError>;

    /// Stores new issues, and counts them.
    async fn insert_issues(&mut self, issues: &[Issue]) -> Result<(), StorageError>;

    /// Replaces what can change of issues that [`known_issues`](Self::known_issues) gave: everything but id, place, url, type, element and
    /// the time they were first seen.
    async fn update_issues(&mut self, issues: &[Issue]) -> Result<(), StorageError>;
}

/// What the use cases of this crate need of a transaction.
pub trait SeoTx: SeoRepository + Outbox + Transaction {}

impl<T: SeoRepository + Outbox + Transaction> SeoTx for T {}

/// Reads outside a transaction. What belongs to a deleted workspace MUST look as if it was never there.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SeoReader: Send + Sync {
    /// The report, if it belongs to the place.
    async fn find_report(&self, place: Realm, id: SeoReportId) -> Result<Option<Report>, StorageError>;

    /// One page of the place's reports.
    ///
    /// The cost MUST NOT grow with the number of rows in the store, but for those that the filter leaves to be
    /// counted or passed over.
    async fn list_reports(&self, place: Realm, query: &ReportQuery) -> Result<Page<Report>, StorageError>;

    /// One page of the place's issues; its cost as that of [`list_reports`](Self::list_reports).
    async fn list_issues(&self, place: Realm, query: &IssueQuery) -> Result<Page<Issue>, StorageError>;

    /// The reports of the workspace with these ids, in any order; others are left out.
    async fn reports_by_id(&self, workspace: WorkspaceId, ids: &[SeoReportId]) -> Result<Vec<Report>, StorageError>;
}
