use std::collections::BTreeMap;

use core_domain::{Timestamp, WireWord as _};
use seo::{Changes, Issue, Report, Scores};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::list::Selectable;

/// A report. With `fields`, only those and `id` are present.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = StoredSeoReport)]
pub(crate) struct ReportView {
    #[schema(minimum = 1)]
    id: i64,
    #[schema(required = false)]
    url: String,
    #[schema(required = false)]
    tool: String,
    tool_version: Option<String>,
    #[schema(required = false)]
    scores: ScoresView,
    /// The scores of further categories.
    #[schema(required = false, value_type = BTreeMap<String, Option<u8>>)]
    extra_scores: BTreeMap<String, Option<u8>>,
    /// How many different issues it holds.
    #[schema(required = false)]
    issues_count: u32,
    /// How many it held beyond the 1,000 that are kept.
    #[schema(required = false)]
    issues_omitted: u32,
    #[schema(required = false)]
    issues: ChangesView,
    #[schema(required = false, value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// Null for what was not measured.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ScoresView {
    #[schema(required, maximum = 100)]
    performance: Option<u8>,
    #[schema(required, maximum = 100)]
    accessibility: Option<u8>,
    #[schema(required, maximum = 100)]
    best_practices: Option<u8>,
    #[schema(required, maximum = 100)]
    seo: Option<u8>,
}

/// What a report did to the issues of its page.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ChangesView {
    /// Seen for the first time.
    new: u32,
    /// Open before and seen again.
    persisted: u32,
    /// Resolved before and seen again.
    reopened: u32,
    /// Open before and now resolved.
    resolved: u32,
}

impl Selectable for ReportView {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "url",
        "tool",
        "tool_version",
        "scores",
        "extra_scores",
        "issues_count",
        "issues_omitted",
        "issues",
        "created_at",
    ];
    const INCLUDES: &'static [&'static str] = &[];
}

impl From<Scores> for ScoresView {
    fn from(scores: Scores) -> Self {
        let number = |score: Option<seo::Score>| score.map(seo::Score::get);
        Self {
            performance: number(scores.performance),
            accessibility: number(scores.accessibility),
            best_practices: number(scores.best_practices),
            seo: number(scores.seo),
        }
    }
}

impl From<Changes> for ChangesView {
    fn from(changes: Changes) -> Self {
        let Changes { new, persisted, reopened, resolved } = changes;
        Self { new, persisted, reopened, resolved }
    }
}

impl From<&Report> for ReportView {
    fn from(report: &Report) -> Self {
        let extra = report.extra_scores.iter();
        Self {
            id: report.id.get(),
            url: report.url.as_str().to_owned(),
            tool: report.tool.name().to_owned(),
            tool_version: report.tool.version().map(str::to_owned),
            scores: report.scores.into(),
            extra_scores: extra.map(|(name, score)| (name.as_str().to_owned(), score.map(seo::Score::get))).collect(),
            issues_count: report.issues_count,
            issues_omitted: report.omitted,
            issues: report.changes.into(),
            created_at: report.created_at,
        }
    }
}

/// An issue of a page. With `fields`, only those and `id` are present.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SeoIssue)]
pub(crate) struct IssueView {
    /// It stays when the issue is resolved and comes back.
    #[schema(minimum = 1)]
    id: i64,
    #[schema(required = false)]
    url: String,
    #[schema(required = false)]
    issue_type: String,
    #[schema(required = false, value_type = SeverityWord)]
    severity: &'static str,
    /// Where on the page it is; for Lighthouse the way from the document's root.
    element: Option<String>,
    #[schema(required = false, value_type = IssueStatusWord)]
    status: &'static str,
    /// How often the last report that saw it holds it.
    #[schema(required = false, minimum = 1)]
    occurrences: u32,
    /// What else the last report that saw it tells.
    #[schema(required = false)]
    details: Map<String, Value>,
    /// The tool that saw it last.
    #[schema(required = false)]
    tool: String,
    /// The last report that saw it.
    #[schema(required = false, minimum = 1)]
    pub(crate) report_id: i64,
    #[schema(required = false, value_type = String, format = DateTime)]
    first_seen_at: Timestamp,
    #[schema(required = false, value_type = String, format = DateTime)]
    last_seen_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    resolved_at: Option<Timestamp>,
    #[schema(required = false, value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(required = false, value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// With `include=report`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) report: Option<ReportView>,
}

impl Selectable for IssueView {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "url",
        "issue_type",
        "severity",
        "element",
        "status",
        "occurrences",
        "details",
        "tool",
        "report_id",
        "first_seen_at",
        "last_seen_at",
        "resolved_at",
        "created_at",
        "updated_at",
    ];
    const INCLUDES: &'static [&'static str] = &["report"];
}

impl From<&Issue> for IssueView {
    fn from(issue: &Issue) -> Self {
        Self {
            id: issue.id.get(),
            url: issue.url.as_str().to_owned(),
            issue_type: issue.issue_type.as_str().to_owned(),
            severity: issue.severity.as_str(),
            element: issue.element.as_ref().map(|element| element.as_str().to_owned()),
            status: issue.status().as_str(),
            occurrences: issue.occurrences,
            details: issue.details.as_object().clone(),
            tool: issue.tool.clone(),
            report_id: issue.report_id.get(),
            first_seen_at: issue.first_seen_at,
            last_seen_at: issue.last_seen_at,
            resolved_at: issue.resolved_at,
            created_at: issue.first_seen_at,
            updated_at: issue.updated_at,
            report: None,
        }
    }
}

/// How bad an issue is.
#[derive(ToSchema)]
#[schema(as = SeoSeverity, rename_all = "lowercase")]
#[expect(dead_code, reason = "documents the wire words")]
pub(crate) enum SeverityWord {
    Info,
    Warning,
    Error,
    Critical,
}

/// Whether an issue is still there.
#[derive(ToSchema)]
#[schema(as = SeoIssueStatus, rename_all = "lowercase")]
#[expect(dead_code, reason = "documents the wire words")]
pub(crate) enum IssueStatusWord {
    Open,
    Resolved,
}
