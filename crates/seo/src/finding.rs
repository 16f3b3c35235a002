use std::collections::HashMap;
use std::fmt;

use crate::scores::is_word;
use crate::{Details, Severity};

/// What an issue is about: `[a-z0-9_-]+`, at most 100 characters. For Lighthouse it is the audit's id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssueType(String);

/// A text that is no type of issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the type must be lower-case letters, digits, hyphens and underscores, at most 100")]
pub struct InvalidIssueType;

impl IssueType {
    /// The type.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for IssueType {
    type Error = InvalidIssueType;

    fn try_from(text: &str) -> Result<Self, InvalidIssueType> {
        if is_word(text, 100) { Ok(Self(text.to_owned())) } else { Err(InvalidIssueType) }
    }
}

impl fmt::Display for IssueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where on the page an issue is, in the tool's own words: 1 to 2048 characters, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Element(String);

/// A text that is no element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the element must be 1 to 2048 characters, none of them a control character")]
pub struct InvalidElement;

impl Element {
    /// The longest element, in characters.
    pub const MAX_CHARS: usize = 2048;

    /// The element.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for Element {
    type Error = InvalidElement;

    fn try_from(text: &str) -> Result<Self, InvalidElement> {
        let fits = !text.is_empty() && text.chars().count() <= Self::MAX_CHARS && !text.contains(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidElement) }
    }
}

/// One thing that a report finds wrong, the same one only once.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What it is about.
    pub issue_type: IssueType,
    /// Where it is; `None` where the tool names no place, or one that changes from run to run.
    pub element: Option<Element>,
    /// How bad it is: the worst of its occurrences.
    pub severity: Severity,
    /// What else the tool tells of its first occurrence.
    pub details: Details,
    /// How often the report holds it; at least 1.
    pub occurrences: u32,
}

/// The findings with each (type, element) once, in the order of their first occurrences.
pub(crate) fn merged(findings: impl IntoIterator<Item = Finding>) -> Vec<Finding> {
    let mut merged: Vec<Finding> = Vec::new();
    let mut places: HashMap<(IssueType, Option<Element>), usize> = HashMap::new();
    for finding in findings {
        let identity = (finding.issue_type.clone(), finding.element.clone());
        if let Some(same) = places.get(&identity).and_then(|place| merged.get_mut(*place)) {
            same.occurrences = same.occurrences.saturating_add(finding.occurrences);
            same.severity = same.severity.max(finding.severity);
        } else {
            places.insert(identity, merged.len());
            merged.push(finding);
        }
    }
    merged
}
