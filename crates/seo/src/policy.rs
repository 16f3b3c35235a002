use std::collections::HashMap;

use core_domain::{SeoReportId, Timestamp};

use crate::{Changes, Finding, Issue, IssueIdentity, Submission};

/// How many reports in a row must miss an issue before it counts as gone.
///
/// One, where it has a place on the page. Issues without (errors in the console, scripts, third parties) come and go
/// between two runs of the same page: of those that vanished, four in five did.
fn absences_to_resolve(issue: &Issue) -> u32 {
    if issue.element.is_some() { 1 } else { 2 }
}

/// What a report means for the issues of its page.
#[derive(Debug, Clone, PartialEq)]
pub struct Weighed {
    /// The known issues that it changes, by id.
    pub changed: Vec<Issue>,
    /// The findings that no known issue stands for, in their order.
    pub new: Vec<Finding>,
    /// The counts of both.
    pub changes: Changes,
}

/// Weighs a report of `submission`'s page, which becomes the report `report`, against what is known of the page.
///
/// - Found again: the issue keeps its id and first time, takes over what the report tells, and is open.
/// - Not found by the tool that saw it last, though it was looked for: an absence; after enough of them in a row it is
///   resolved. Reports of other tools leave it alone.
pub fn weigh(known: Vec<Issue>, submission: &Submission, report: SeoReportId, now: Timestamp) -> Weighed {
    let mut found: HashMap<IssueIdentity, &Finding> =
        submission.findings.iter().map(|finding| (finding.identity(&submission.url), finding)).collect();
    let mut counts = Changes::default();
    let mut changed = Vec::new();
    for issue in known {
        if let Some(finding) = found.remove(&issue.identity()) {
            match issue.resolved_at {
                None => counts.persisted += 1,
                Some(_) => counts.reopened += 1,
            }
            changed.push(seen(issue, finding, submission, report, now));
        } else if issue.resolved_at.is_none() && is_missed(&issue, submission) {
            let missed = missed(issue, now);
            counts.resolved += u32::from(missed.resolved_at.is_some());
            changed.push(missed);
        }
    }
    changed.sort_by_key(|issue| issue.id);
    let is_new = |finding: &&Finding| found.contains_key(&finding.identity(&submission.url));
    let new: Vec<Finding> = submission.findings.iter().filter(is_new).cloned().collect();
    counts.new = u32::try_from(new.len()).unwrap_or(u32::MAX);
    Weighed { changed, new, changes: counts }
}

fn is_missed(issue: &Issue, submission: &Submission) -> bool {
    issue.tool == submission.tool.name() && submission.coverage.covers(&issue.issue_type)
}

/// Times never go back, whatever the clock does.
fn seen(issue: Issue, finding: &Finding, submission: &Submission, report: SeoReportId, now: Timestamp) -> Issue {
    Issue {
        severity: finding.severity,
        details: finding.details.clone(),
        occurrences: finding.occurrences,
        tool: submission.tool.name().to_owned(),
        report_id: report,
        absences: 0,
        last_seen_at: now.max(issue.last_seen_at),
        resolved_at: None,
        updated_at: now.max(issue.updated_at),
        ..issue
    }
}

fn missed(issue: Issue, now: Timestamp) -> Issue {
    let absences = issue.absences + 1;
    let is_gone = absences >= absences_to_resolve(&issue);
    let updated_at = now.max(issue.updated_at);
    Issue { absences, resolved_at: is_gone.then_some(updated_at), updated_at, ..issue }
}
