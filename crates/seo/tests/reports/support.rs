use std::fs;
use std::path::Path;

use core_domain::{Environment, SeoIssueId, SeoReportId, Timestamp, WorkspaceId};
use seo::{
    Coverage, Details, Element, ExtraScores, Finding, Issue, IssueType, LighthouseResult, PageUrl, Realm, Scores,
    Severity, Submission, Tool, Weighed, weigh,
};

pub(crate) fn text(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/lighthouse");
    fs::read_to_string(folder.join(name)).unwrap()
}

pub(crate) fn read(text: &str) -> Submission {
    serde_json::from_str::<LighthouseResult>(text).unwrap().try_into().unwrap()
}

pub(crate) fn finding(issue_type: &str, element: Option<&str>) -> Finding {
    Finding {
        issue_type: IssueType::try_from(issue_type).unwrap(),
        element: element.map(|element| Element::try_from(element).unwrap()),
        severity: Severity::Warning,
        details: Details::default(),
        occurrences: 1,
    }
}

pub(crate) fn submission(tool: &str, findings: Vec<Finding>) -> Submission {
    let submission = Submission {
        url: PageUrl::try_from("https://example.com/page").unwrap(),
        tool: Tool::new(Some(tool), None).unwrap(),
        scores: Scores::default(),
        extra_scores: ExtraScores::new(),
        findings,
        coverage: Coverage::Everything,
        omitted: 0,
    };
    submission.settled()
}

/// A page's issues, kept as a store would keep them.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) issues: Vec<Issue>,
    reports: i64,
}

impl Shelf {
    pub(crate) fn take(&mut self, submission: &Submission) -> Weighed {
        self.reports += 1;
        let report = SeoReportId::try_from(self.reports).unwrap();
        let now = Timestamp::from_unix_micros(self.reports).unwrap();
        let weighed = weigh(self.issues.clone(), submission, report, now);
        for changed in &weighed.changed {
            *self.issues.iter_mut().find(|issue| issue.id == changed.id).unwrap() = changed.clone();
        }
        for finding in &weighed.new {
            let id = SeoIssueId::try_from(i64::try_from(self.issues.len()).unwrap() + 1).unwrap();
            self.issues.push(Issue {
                id,
                place: Realm { workspace_id: WorkspaceId::try_from(1).unwrap(), environment: Environment::Live },
                url: submission.url.clone(),
                issue_type: finding.issue_type.clone(),
                element: finding.element.clone(),
                severity: finding.severity,
                details: finding.details.clone(),
                occurrences: finding.occurrences,
                tool: submission.tool.name().to_owned(),
                report_id: report,
                absences: 0,
                first_seen_at: now,
                last_seen_at: now,
                resolved_at: None,
                updated_at: now,
            });
        }
        weighed
    }
}
