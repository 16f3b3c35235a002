use std::sync::Arc;

use core_domain::{Clock, DomainEvent, Entropy, EventKind, SeoIssueId, StorageError, Timestamp};
use serde_json::{Map, Value, json};

use crate::{Drop, Finding, Issue, Realm, Report, SeoTx, Submission, drops, weigh};

/// The use cases of SEO reports. Each works within the transaction it is given and commits nothing.
#[derive(Clone)]
pub struct SeoService {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for SeoService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeoService").finish_non_exhaustive()
    }
}

/// A report that was taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct Submitted {
    /// The report.
    pub report: Report,
    /// The page's report before it, whatever tool made that.
    pub previous: Option<Report>,
    /// The scores that fell since then.
    pub drops: Vec<Drop>,
}

impl SeoService {
    /// The use cases on this time and randomness.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy }
    }

    /// Takes a report in: stores it, updates the issues of its page, and announces it.
    pub async fn submit(
        &self,
        tx: &mut dyn SeoTx,
        place: Realm,
        submission: &Submission,
    ) -> Result<Submitted, StorageError> {
        let url = &submission.url;
        tx.lock_page(place, url).await?;
        let previous = tx.latest_report(place, url).await?;
        let identities: Vec<_> = submission.findings.iter().map(|finding| finding.identity(url)).collect();
        let known = tx.known_issues(place, url, &identities).await?;
        let id = tx.next_report_id().await?;
        let now = self.clock.now();
        let weighed = weigh(known, submission, id, now);
        let report = Report {
            id,
            place,
            url: url.clone(),
            tool: submission.tool.clone(),
            scores: submission.scores,
            extra_scores: submission.extra_scores.clone(),
            issues_count: u32::try_from(submission.findings.len()).unwrap_or(u32::MAX),
            omitted: submission.omitted,
            changes: weighed.changes,
            created_at: now,
        };
        let ids = tx.next_issue_ids(weighed.changes.new).await?;
        let new: Vec<Issue> =
            ids.into_iter().zip(weighed.new).map(|(id, finding)| first_seen(id, finding, &report, now)).collect();
        tx.update_issues(&weighed.changed).await?;
        tx.insert_issues(&new).await?;
        tx.insert_report(&report).await?;
        let drops = previous.as_ref().map_or_else(Vec::new, |previous| {
            drops((&previous.scores, &previous.extra_scores), (&report.scores, &report.extra_scores))
        });
        let submitted = Submitted { report, previous, drops };
        let data = event_data(&submitted);
        let kind = EventKind::SeoReportCreated;
        let event = DomainEvent::own(kind, place.workspace_id, place.environment, data, now, &*self.entropy);
        tx.append(&event).await?;
        Ok(submitted)
    }
}

fn first_seen(id: SeoIssueId, finding: Finding, report: &Report, now: Timestamp) -> Issue {
    Issue {
        id,
        place: report.place,
        url: report.url.clone(),
        issue_type: finding.issue_type,
        element: finding.element,
        severity: finding.severity,
        details: finding.details,
        occurrences: finding.occurrences,
        tool: report.tool.name().to_owned(),
        report_id: report.id,
        absences: 0,
        first_seen_at: now,
        last_seen_at: now,
        resolved_at: None,
        updated_at: now,
    }
}

/// What an event tells of a report.
fn event_data(submitted: &Submitted) -> Value {
    let Submitted { report, previous, drops } = submitted;
    let scores: Map<String, Value> =
        report.scores.named().into_iter().map(|(name, score)| (name.to_owned(), json!(score))).collect();
    json!({
        "id": report.id.get(),
        "url": report.url.as_str(),
        "tool": report.tool.name(),
        "tool_version": report.tool.version(),
        "scores": scores,
        "extra_scores": report.extra_scores,
        "issues_count": report.issues_count,
        "issues": {
            "new": report.changes.new,
            "persisted": report.changes.persisted,
            "reopened": report.changes.reopened,
            "resolved": report.changes.resolved,
        },
        "previous_report": previous.as_ref().map(|previous| json!({ "id": previous.id.get(), "tool": previous.tool.name() })),
        "drops": drops,
    })
}
