use std::collections::BTreeSet;

use crate::finding::merged;
use crate::{ExtraScores, Finding, IssueType, PageUrl, Scores, Tool};

/// What a tool has to say of a page, whatever form it came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// The page.
    pub url: PageUrl,
    /// Who says it.
    pub tool: Tool,
    /// The known scores.
    pub scores: Scores,
    /// The scores of further categories.
    pub extra_scores: ExtraScores,
    /// What was found; each (type, element) once, at most [`Submission::MAX_FINDINGS`].
    pub findings: Vec<Finding>,
    /// What was looked for.
    pub coverage: Coverage,
    /// How many findings were left out for being too many.
    pub omitted: u32,
}

/// What a report looked for: only of that does it say that it is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// Everything that its tool ever looks for.
    Everything,
    /// These types alone.
    Types(BTreeSet<IssueType>),
}

impl Coverage {
    /// Whether the absence of this type tells anything.
    pub fn covers(&self, issue_type: &IssueType) -> bool {
        match self {
            Self::Everything => true,
            Self::Types(types) => types.contains(issue_type),
        }
    }

    fn exclude(&mut self, issue_type: &IssueType) {
        if let Self::Types(types) = self {
            types.remove(issue_type);
        }
    }
}

impl Submission {
    /// The most findings that one report keeps.
    pub const MAX_FINDINGS: usize = 1_000;

    /// The same with its findings merged, and of too many the worst: of the types that lost some, nothing counts as gone.
    #[must_use]
    pub fn settled(mut self) -> Self {
        self.findings = merged(self.findings);
        if self.findings.len() > Self::MAX_FINDINGS {
            self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
            for left_out in self.findings.drain(Self::MAX_FINDINGS..) {
                self.coverage.exclude(&left_out.issue_type);
                self.omitted += 1;
            }
        }
        self
    }
}
