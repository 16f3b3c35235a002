use ::seo::{
    CategoryName, Changes, ExtraScores, InvalidScore, Issue, IssueType, PageUrl, Realm, Report, Score, Scores,
    Severity, Tool,
};
use chrono::{DateTime, Utc};
use core_domain::{Environment, StorageError, Timestamp, WireWord as _};
use diesel::prelude::*;

use crate::error::OrCorrupt as _;
use crate::schema::{seo_issues, seo_reports};
use crate::time;

pub(super) const REPORTS: &str = "seo_reports";
pub(super) const ISSUES: &str = "seo_issues";

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = seo_reports)]
pub(super) struct ReportRow {
    id: i64,
    workspace_id: i64,
    environment: String,
    url: String,
    tool: String,
    tool_version: Option<String>,
    performance: Option<i16>,
    accessibility: Option<i16>,
    best_practices: Option<i16>,
    seo: Option<i16>,
    extra_scores: String,
    issues_count: i64,
    omitted: i64,
    new_count: i64,
    persisted_count: i64,
    reopened_count: i64,
    resolved_count: i64,
    created_at: DateTime<Utc>,
}

impl From<&Report> for ReportRow {
    fn from(report: &Report) -> Self {
        let number = |score: Option<Score>| score.map(|score| i16::from(score.get()));
        Self {
            id: report.id.get(),
            workspace_id: report.place.workspace_id.get(),
            environment: report.place.environment.as_str().to_owned(),
            url: report.url.as_str().to_owned(),
            tool: report.tool.name().to_owned(),
            tool_version: report.tool.version().map(str::to_owned),
            performance: number(report.scores.performance),
            accessibility: number(report.scores.accessibility),
            best_practices: number(report.scores.best_practices),
            seo: number(report.scores.seo),
            extra_scores: serde_json::json!(report.extra_scores).to_string(),
            issues_count: report.issues_count.into(),
            omitted: report.omitted.into(),
            new_count: report.changes.new.into(),
            persisted_count: report.changes.persisted.into(),
            reopened_count: report.changes.reopened.into(),
            resolved_count: report.changes.resolved.into(),
            created_at: time::stored(report.created_at),
        }
    }
}

impl TryFrom<ReportRow> for Report {
    type Error = StorageError;

    fn try_from(row: ReportRow) -> Result<Self, StorageError> {
        let score = |number: Option<i16>, column| score(number.map(i64::from)).or_corrupt(REPORTS, column);
        let count = |number: i64, column| u32::try_from(number).or_corrupt(REPORTS, column);
        Ok(Self {
            id: row.id.try_into().or_corrupt(REPORTS, "id")?,
            place: place(row.workspace_id, &row.environment, REPORTS)?,
            url: PageUrl::from_stored(row.url),
            tool: Tool::from_stored(row.tool, row.tool_version),
            scores: Scores {
                performance: score(row.performance, "performance")?,
                accessibility: score(row.accessibility, "accessibility")?,
                best_practices: score(row.best_practices, "best_practices")?,
                seo: score(row.seo, "seo")?,
            },
            extra_scores: extra_scores(&row.extra_scores)?,
            issues_count: count(row.issues_count, "issues_count")?,
            omitted: count(row.omitted, "omitted")?,
            changes: Changes {
                new: count(row.new_count, "new_count")?,
                persisted: count(row.persisted_count, "persisted_count")?,
                reopened: count(row.reopened_count, "reopened_count")?,
                resolved: count(row.resolved_count, "resolved_count")?,
            },
            created_at: time::read(row.created_at, REPORTS, "created_at")?,
        })
    }
}

fn place(workspace: i64, environment: &str, table: &'static str) -> Result<Realm, StorageError> {
    Ok(Realm {
        workspace_id: workspace.try_into().or_corrupt(table, "workspace_id")?,
        environment: Environment::from_word(environment).or_corrupt(table, "environment")?,
    })
}

fn score(number: Option<i64>) -> Result<Option<Score>, InvalidScore> {
    number.map(Score::try_from).transpose()
}

fn extra_scores(text: &str) -> Result<ExtraScores, StorageError> {
    let stored: std::collections::BTreeMap<String, Option<i64>> =
        serde_json::from_str(text).or_corrupt(REPORTS, "extra_scores")?;
    let scores = stored.into_iter().map(|(name, number)| {
        let name = CategoryName::try_from(name.as_str()).or_corrupt(REPORTS, "extra_scores")?;
        Ok((name, score(number).or_corrupt(REPORTS, "extra_scores")?))
    });
    scores.collect()
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = seo_issues)]
pub(super) struct IssueRow {
    pub(super) id: i64,
    workspace_id: i64,
    environment: String,
    identity: Vec<u8>,
    url: String,
    issue_type: String,
    element: Option<String>,
    severity: i16,
    details: String,
    occurrences: i64,
    tool: String,
    report_id: i64,
    absences: i64,
    created_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    resolved_at: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
    search_text: String,
}

impl From<&Issue> for IssueRow {
    fn from(issue: &Issue) -> Self {
        Self {
            id: issue.id.get(),
            workspace_id: issue.place.workspace_id.get(),
            environment: issue.place.environment.as_str().to_owned(),
            identity: issue.identity().as_bytes().to_vec(),
            url: issue.url.as_str().to_owned(),
            issue_type: issue.issue_type.as_str().to_owned(),
            element: issue.element.as_ref().map(|element| element.as_str().to_owned()),
            severity: issue.severity.rank(),
            details: issue.details.to_json(),
            occurrences: issue.occurrences.into(),
            tool: issue.tool.clone(),
            report_id: issue.report_id.get(),
            absences: issue.absences.into(),
            created_at: time::stored(issue.first_seen_at),
            last_seen_at: time::stored(issue.last_seen_at),
            resolved_at: issue.resolved_at.map(time::stored),
            updated_at: time::stored(issue.updated_at),
            search_text: issue.search_text(),
        }
    }
}

impl TryFrom<IssueRow> for Issue {
    type Error = StorageError;

    fn try_from(row: IssueRow) -> Result<Self, StorageError> {
        let element = row.element.map(|element| element.as_str().try_into()).transpose();
        Ok(Self {
            id: row.id.try_into().or_corrupt(ISSUES, "id")?,
            place: place(row.workspace_id, &row.environment, ISSUES)?,
            url: PageUrl::from_stored(row.url),
            issue_type: IssueType::try_from(row.issue_type.as_str()).or_corrupt(ISSUES, "issue_type")?,
            element: element.or_corrupt(ISSUES, "element")?,
            severity: Severity::from_rank(row.severity).or_corrupt(ISSUES, "severity")?,
            details: ::seo::Details::from_stored(&row.details).or_corrupt(ISSUES, "details")?,
            occurrences: row.occurrences.try_into().or_corrupt(ISSUES, "occurrences")?,
            tool: row.tool,
            report_id: row.report_id.try_into().or_corrupt(ISSUES, "report_id")?,
            absences: row.absences.try_into().or_corrupt(ISSUES, "absences")?,
            first_seen_at: moment(row.created_at, "created_at")?,
            last_seen_at: moment(row.last_seen_at, "last_seen_at")?,
            resolved_at: row.resolved_at.map(|stored| moment(stored, "resolved_at")).transpose()?,
            updated_at: moment(row.updated_at, "updated_at")?,
        })
    }
}

fn moment(stored: DateTime<Utc>, column: &'static str) -> Result<Timestamp, StorageError> {
    time::read(stored, ISSUES, column)
}
