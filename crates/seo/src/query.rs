use core_domain::{ListQuery, Order, Sort, TimeRange};

use crate::{Issue, IssueStatus, IssueType, PageUrl, Report, Severity};

/// A list of issues, as asked for.
pub type IssueQuery = ListQuery<IssueFilter, IssueSort>;

/// Which issues a list shows. Every part narrows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssueFilter {
    /// Open or resolved.
    pub status: Option<IssueStatus>,
    /// Of this severity.
    pub severity: Option<Severity>,
    /// Of this type.
    pub issue_type: Option<IssueType>,
    /// Of this page.
    pub url: Option<PageUrl>,
    /// First seen in this time.
    pub created: TimeRange,
    /// Last changed in this time.
    pub updated: TimeRange,
    /// With this text, lower-cased, in url or type.
    pub search: Option<String>,
}

impl IssueFilter {
    /// Whether the list shows everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the list shows `issue`.
    pub fn matches(&self, issue: &Issue) -> bool {
        self.status.is_none_or(|status| status == issue.status())
            && self.severity.is_none_or(|severity| severity == issue.severity)
            && self.issue_type.as_ref().is_none_or(|issue_type| *issue_type == issue.issue_type)
            && self.url.as_ref().is_none_or(|url| *url == issue.url)
            && self.created.contains(issue.first_seen_at)
            && self.updated.contains(issue.updated_at)
            && self.search.as_ref().is_none_or(|text| issue.search_text().contains(text))
    }
}

/// What a list of issues can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is its wire word below")]
pub enum IssueSort {
    CreatedAt,
    Id,
    Severity,
    Url,
}

core_domain::wire_words!(IssueSort { CreatedAt = "created_at", Id = "id", Severity = "severity", Url = "url" });

impl IssueSort {
    /// The order of a list that asks for none.
    pub const DEFAULT: Sort<Self> = Sort { field: Self::CreatedAt, order: Order::Descending };
}

/// A list of reports, as asked for.
pub type ReportQuery = ListQuery<ReportFilter, ReportSort>;

/// Which reports a list shows. Every part narrows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportFilter {
    /// Of this page.
    pub url: Option<PageUrl>,
    /// Made by the tool of this name.
    pub tool: Option<String>,
    /// Made in this time.
    pub created: TimeRange,
    /// With this text, lower-cased, in the url.
    pub search: Option<String>,
}

impl ReportFilter {
    /// Whether the list shows everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the list shows `report`.
    pub fn matches(&self, report: &Report) -> bool {
        self.url.as_ref().is_none_or(|url| *url == report.url)
            && self.tool.as_ref().is_none_or(|tool| tool == report.tool.name())
            && self.created.contains(report.created_at)
            && self.search.as_ref().is_none_or(|text| report.search_text().contains(text))
    }
}

impl Report {
    /// The text that a search looks in: the url.
    pub fn search_text(&self) -> String {
        core_domain::fold_for_search(&[self.url.as_str()])
    }
}

/// What a list of reports can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is its wire word below")]
pub enum ReportSort {
    CreatedAt,
    Id,
    Url,
}

core_domain::wire_words!(ReportSort { CreatedAt = "created_at", Id = "id", Url = "url" });

impl ReportSort {
    /// The order of a list that asks for none.
    pub const DEFAULT: Sort<Self> = Sort { field: Self::CreatedAt, order: Order::Descending };
}
