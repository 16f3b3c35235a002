use seo::{IssueFilter, IssueQuery, IssueSort, IssueType, PageUrl, ReportFilter, ReportQuery, ReportSort};

use super::dto::{IssueView, ReportView};
use crate::ApiError;
use crate::extract::QueryReader;
use crate::list::{Common, Selection, list_params};

list_params! {
    /// What a list of issues can be asked for.
    IssueListParams {
        /// `open` or `resolved`; both when not given.
        status,
        /// `info`, `warning`, `error` or `critical`.
        severity,
        /// Of this type.
        issue_type,
        /// Of this page, brought to the same form as in reports.
        url,
    }
}

list_params! {
    /// What a list of reports can be asked for.
    ReportListParams {
        /// Of this page, brought to the same form as in reports.
        url,
        /// Made by this tool.
        tool,
    }
}

impl IssueListParams {
    pub(crate) fn read(&self) -> Result<(IssueQuery, Selection), ApiError> {
        let mut reader = QueryReader::default();
        let status = reader.word("status", self.status.as_deref());
        let severity = reader.word("severity", self.severity.as_deref());
        let issue_type = reader.parsed::<IssueType>("issue_type", self.issue_type.as_deref());
        let url = reader.parsed::<PageUrl>("url", self.url.as_deref());
        let Common { created, updated, search, sort, page, selection } =
            self.common::<IssueView, _>(&mut reader, IssueSort::DEFAULT);
        reader.finish()?;
        let filter = IssueFilter { status, severity, issue_type, url, created, updated, search };
        Ok((IssueQuery { filter, sort, page }, selection))
    }
}

impl ReportListParams {
    /// A report never changes: it was last changed when it was made.
    pub(crate) fn read(&self) -> Result<(ReportQuery, Selection), ApiError> {
        let mut reader = QueryReader::default();
        let url = reader.parsed::<PageUrl>("url", self.url.as_deref());
        let Common { created, updated, search, sort, page, selection } =
            self.common::<ReportView, _>(&mut reader, ReportSort::DEFAULT);
        reader.finish()?;
        let created = core_domain::TimeRange {
            from: created.from.max(updated.from),
            to: [created.to, updated.to].into_iter().flatten().min(),
        };
        let filter = ReportFilter { url, tool: self.tool.clone(), created, search };
        Ok((ReportQuery { filter, sort, page }, selection))
    }

    /// The same for one page's history, which must be named.
    pub(crate) fn read_history(&self) -> Result<(ReportQuery, Selection), ApiError> {
        if self.url.is_none() {
            return Err(ApiError::field("url", "The url parameter is required."));
        }
        self.read()
    }
}
