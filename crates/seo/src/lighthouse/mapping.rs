use serde_json::{Map, Value};

use super::lenient::Text;
use super::result::{Audit, Category, Item, LighthouseResult, PageSpeedResult};
use super::severity::{self, PASSED};
use crate::scores::MAX_EXTRA_SCORES;
use crate::{
    CategoryName, Coverage, Details, Element, ExtraScores, Finding, InvalidScore, InvalidTool, InvalidUrl, IssueType,
    PageUrl, Score, Scores, Severity, Submission, Tool,
};

/// A result that can't be taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResult {
    /// It names no page.
    #[error("the result names no page")]
    NoUrl,
    /// It names a page that can't be reported on.
    #[error("{1}")]
    Url(&'static str, #[source] InvalidUrl),
    /// A category's score is out of bounds.
    #[error("the score must be a number between 0 and 1, or null")]
    Score(String),
    /// It holds too many categories.
    #[error("the categories must not be more than 24")]
    TooManyCategories,
    /// Its version can't be one.
    #[error("{0}")]
    Tool(#[from] InvalidTool),
}

impl InvalidResult {
    /// The path of the field at fault.
    pub fn field(&self) -> String {
        match self {
            Self::NoUrl => "finalDisplayedUrl".to_owned(),
            Self::Url(field, _) => (*field).to_owned(),
            Self::Score(category) => format!("categories.{category}.score"),
            Self::TooManyCategories => "categories".to_owned(),
            Self::Tool(_) => "lighthouseVersion".to_owned(),
        }
    }
}

impl TryFrom<PageSpeedResult> for Submission {
    type Error = InvalidResult;

    fn try_from(result: PageSpeedResult) -> Result<Self, InvalidResult> {
        result.lighthouse_result.try_into()
    }
}

impl TryFrom<LighthouseResult> for Submission {
    type Error = InvalidResult;

    fn try_from(result: LighthouseResult) -> Result<Self, InvalidResult> {
        let (scores, extra_scores) = scores(&result.categories.0)?;
        let mut types = std::collections::BTreeSet::new();
        let mut findings = Vec::new();
        for (id, audit) in &result.audits.0 {
            // A newer version may use other letters; such an audit has no place in a list of issues.
            let Ok(issue_type) = IssueType::try_from(id.as_str()) else { continue };
            if !has_run(audit) {
                continue;
            }
            if has_failed(audit) {
                findings.extend(of_audit(&issue_type, audit, &result.categories.0));
            }
            let left_out = audit.details.0.as_ref().map_or(0, |details| details.items.left_out);
            if left_out == 0 {
                types.insert(issue_type);
            }
        }
        let tool = Tool::new(Some("lighthouse"), Some(&result.lighthouse_version))?;
        let coverage = Coverage::Types(types);
        let url = url(&result)?;
        Ok(Self { url, tool, scores, extra_scores, findings, coverage, omitted: 0 }.settled())
    }
}

/// Where the visit ended, else where it was to go.
fn url(result: &LighthouseResult) -> Result<PageUrl, InvalidResult> {
    let told = [
        ("finalDisplayedUrl", &result.final_displayed_url),
        ("finalUrl", &result.final_url),
        ("requestedUrl", &result.requested_url),
    ];
    let told = told.into_iter().find_map(|(field, url)| Some((field, url.as_deref().filter(|url| !url.is_empty())?)));
    let (field, url) = told.ok_or(InvalidResult::NoUrl)?;
    PageUrl::try_from(url).map_err(|error| InvalidResult::Url(field, error))
}

fn scores(categories: &[(String, Category)]) -> Result<(Scores, ExtraScores), InvalidResult> {
    let (mut known, mut extra) = (Scores::default(), ExtraScores::new());
    for (id, category) in categories {
        let score = category.score.map(Score::from_fraction).transpose();
        let score = score.map_err(|InvalidScore| InvalidResult::Score(id.chars().take(64).collect()))?;
        if let Some(place) = known.named_mut(&id.replace('-', "_")) {
            *place = score;
        } else if let Ok(name) = CategoryName::try_from(id.as_str()) {
            extra.insert(name, score);
        }
    }
    if extra.len() > MAX_EXTRA_SCORES { Err(InvalidResult::TooManyCategories) } else { Ok((known, extra)) }
}

fn mode(audit: &Audit) -> &str {
    audit.score_display_mode.0.as_deref().unwrap_or("binary")
}

/// Whether the audit looked at the page: then what it does not tell is not there.
fn has_run(audit: &Audit) -> bool {
    match mode(audit) {
        "error" | "manual" => false,
        mode => is_unscored(mode) || audit.score.is_some(),
    }
}

fn has_failed(audit: &Audit) -> bool {
    !is_unscored(mode(audit)) && audit.score.is_some_and(|score| score < PASSED)
}

fn is_unscored(mode: &str) -> bool {
    matches!(mode, "informative" | "notApplicable" | "not-applicable")
}

/// One finding for each row of the audit's table, or one in all where it has none.
fn of_audit(issue_type: &IssueType, audit: &Audit, categories: &[(String, Category)]) -> Vec<Finding> {
    let severity = severity::of(audit, issue_type.as_str(), categories);
    let about = about(issue_type, audit, categories);
    let table =
        audit.details.0.as_ref().filter(|details| matches!(details.kind.0.as_deref(), Some("table" | "opportunity")));
    let items = table.map_or(&[][..], |details| &details.items.kept);
    if items.is_empty() {
        return vec![finding(issue_type, severity, &about, None)];
    }
    items.iter().map(|item| finding(issue_type, severity, &about, item.0.as_deref())).collect()
}

/// What is told with every issue of an audit.
fn about(issue_type: &IssueType, audit: &Audit, categories: &[(String, Category)]) -> Map<String, Value> {
    let has_it = |category: &Category| category.audit_refs.kept.iter().any(|audit| audit.id == issue_type.as_str());
    let named =
        categories.iter().filter(|(id, category)| has_it(category) && CategoryName::try_from(id.as_str()).is_ok());
    let named: Vec<Value> = named.map(|(id, _)| id.as_str().into()).collect();
    let mut about = Map::new();
    put(&mut about, "title", &audit.title);
    put(&mut about, "display_value", &audit.display_value);
    about.insert("categories".to_owned(), named.into());
    about
}

fn finding(issue_type: &IssueType, severity: Severity, about: &Map<String, Value>, item: Option<&Item>) -> Finding {
    let mut fields = about.clone();
    if let Some(item) = item {
        describe(&mut fields, item);
    }
    Finding {
        issue_type: issue_type.clone(),
        element: item.and_then(element),
        severity,
        // The texts are cut, so that together they stay below the bound.
        details: Details::try_from(fields).unwrap_or_default(),
        occurrences: 1,
    }
}

fn element(item: &Item) -> Option<Element> {
    let node = item.node.0.as_ref()?;
    node.path.0.clone().or_else(|| Element::try_from(node.selector.0.as_deref()?).ok())
}

fn describe(fields: &mut Map<String, Value>, item: &Item) {
    if let Some(node) = &item.node.0 {
        put(fields, "selector", &node.selector);
        put(fields, "snippet", &node.snippet);
        put(fields, "label", &node.label);
        put(fields, "explanation", &node.explanation);
    }
    put(fields, "item_url", &without_query(&item.url));
    put(fields, "href", &without_query(&item.href));
    put(fields, "text", &item.text);
    put(fields, "description", &item.description);
}

/// An address without what may be a secret in it: what follows its path, and what is embedded in it.
fn without_query(url: &Text) -> Text {
    let kept = url.0.as_deref().map(|url| {
        let end = if url.starts_with("data:") { "data:".len() } else { url.find(['?', '#']).unwrap_or(url.len()) };
        url[..end].to_owned()
    });
    Text(kept.filter(|url| !url.is_empty()))
}

fn put(fields: &mut Map<String, Value>, name: &str, text: &Text) {
    if let Some(text) = &text.0 {
        fields.insert(name.to_owned(), text.as_str().into());
    }
}
