use core_domain::{Realm, SeoReportId, Timestamp};

use crate::{ExtraScores, PageUrl, Scores, Tool};

/// A stored report.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Its id.
    pub id: SeoReportId,
    /// Where it belongs.
    pub place: Realm,
    /// The page.
    pub url: PageUrl,
    /// Who made it.
    pub tool: Tool,
    /// The known scores.
    pub scores: Scores,
    /// The scores of further categories.
    pub extra_scores: ExtraScores,
    /// How many different issues it holds.
    pub issues_count: u32,
    /// How many it held beyond what is kept.
    pub omitted: u32,
    /// What it did to the page's issues.
    pub changes: Changes,
    /// When it came in.
    pub created_at: Timestamp,
}

/// What a report did to the issues of its page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Seen for the first time.
    pub new: u32,
    /// Open before and seen again.
    pub persisted: u32,
    /// Resolved before and seen again.
    pub reopened: u32,
    /// Open before and now resolved.
    pub resolved: u32,
}
