use core_domain::{SeoIssueId, SeoReportId, Timestamp};
use sha2::{Digest, Sha256};

use crate::{Details, Element, Finding, IssueType, PageUrl, Realm, Severity};

/// A problem of a page, from the first report that found it on.
#[derive(Debug, Clone, PartialEq)]
pub struct Issue {
    /// Its id, which it keeps for good.
    pub id: SeoIssueId,
    /// Where it belongs.
    pub place: Realm,
    /// The page.
    pub url: PageUrl,
    /// What it is about.
    pub issue_type: IssueType,
    /// Where on the page it is.
    pub element: Option<Element>,
    /// How bad it was when last seen.
    pub severity: Severity,
    /// What else was told of it when last seen.
    pub details: Details,
    /// How often the last report that saw it holds it; at least 1.
    pub occurrences: u32,
    /// The name of the tool that saw it last: what others don't find says nothing of it.
    pub tool: String,
    /// The last report that saw it.
    pub report_id: SeoReportId,
    /// How many of its tool's reports in a row have not found it.
    pub absences: u32,
    /// When it was first seen.
    pub first_seen_at: Timestamp,
    /// When it was last seen.
    pub last_seen_at: Timestamp,
    /// Since when it counts as gone.
    pub resolved_at: Option<Timestamp>,
    /// When it was last seen, missed or resolved.
    pub updated_at: Timestamp,
}

/// Whether an issue is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IssueStatus {
    /// It is.
    Open,
    /// It was not found any more.
    Resolved,
}

core_domain::wire_words!(IssueStatus { Open = "open", Resolved = "resolved" });

/// What makes an issue the same one: SHA-256 of page, type and element, since together they are too long for an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssueIdentity([u8; 32]);

impl IssueIdentity {
    /// The identity of such an issue.
    pub fn of(url: &PageUrl, issue_type: &IssueType, element: Option<&Element>) -> Self {
        let mut hash = Sha256::new();
        // Neither an address nor a type holds a NUL, and no element is empty: no two issues make the same text.
        for part in [url.as_str(), "\0", issue_type.as_str(), "\0", element.map_or("", Element::as_str)] {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Issue {
    /// What makes it the same one.
    pub fn identity(&self) -> IssueIdentity {
        IssueIdentity::of(&self.url, &self.issue_type, self.element.as_ref())
    }

    /// Whether it is still there.
    pub fn status(&self) -> IssueStatus {
        if self.resolved_at.is_some() { IssueStatus::Resolved } else { IssueStatus::Open }
    }

    /// The text that a search looks in: url and type.
    pub fn search_text(&self) -> String {
        core_domain::fold_for_search(&[self.url.as_str(), self.issue_type.as_str()])
    }
}

impl Finding {
    /// What makes it the same issue, on this page.
    pub fn identity(&self, url: &PageUrl) -> IssueIdentity {
        IssueIdentity::of(url, &self.issue_type, self.element.as_ref())
    }
}
