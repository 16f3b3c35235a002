use std::fmt;

use core_domain::WireWord as _;
use seo::{
    CategoryName, Coverage, Details, Element, ExtraScores, Finding, IssueType, PageUrl, Score, Scores, Severity,
    Submission, Tool,
};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::dto::SeverityWord;
use crate::{ApiError, FieldErrors};

/// A report of any tool.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SeoReport)]
pub(crate) struct ReportBody {
    /// The page. Its fragment, default port and tracking parameters are dropped.
    #[schema(required = true, nullable = false, max_length = 2048, example = "https://example.com/page")]
    url: Option<String>,
    /// At least one of the four.
    #[schema(value_type = ScoresBody, required = true, nullable = false)]
    scores: Option<Map<String, Value>>,
    /// Scores of further categories, at most 20.
    #[schema(value_type = Option<std::collections::BTreeMap<String, Option<u8>>>)]
    extra_scores: Option<Map<String, Value>>,
    /// At most 1,000.
    #[serde(default)]
    #[schema(value_type = Option<Vec<IssueBody>>, max_items = 1000)]
    issues: Option<Issues>,
    /// What made the report: what one tool does not find resolves nothing that another found.
    #[schema(max_length = 64, pattern = "^[a-z0-9_-]+$", example = "my-crawler")]
    tool: Option<String>,
    #[schema(min_length = 1, max_length = 64, example = "1.2.0")]
    tool_version: Option<String>,
}

/// Whole numbers from 0 to 100; null for what was not measured.
#[derive(ToSchema)]
#[schema(as = SeoScores)]
#[expect(dead_code, reason = "documents the known names")]
pub(crate) struct ScoresBody {
    #[schema(maximum = 100, example = 85)]
    performance: Option<u8>,
    #[schema(maximum = 100, example = 92)]
    accessibility: Option<u8>,
    #[schema(maximum = 100, example = 88)]
    best_practices: Option<u8>,
    #[schema(maximum = 100, example = 95)]
    seo: Option<u8>,
}

/// Something wrong with the page. Other fields than these become its `details`.
#[derive(ToSchema)]
#[schema(as = SeoReportIssue)]
#[expect(dead_code, reason = "documents the known fields")]
pub(crate) struct IssueBody {
    #[schema(rename = "type", max_length = 100, pattern = "^[a-z0-9_-]+$", example = "missing_alt")]
    r#type: String,
    #[schema(value_type = SeverityWord)]
    severity: String,
    /// Where on the page it is.
    #[schema(min_length = 1, max_length = 2048, example = "img.hero-image")]
    element: Option<String>,
}

/// A result as the `lighthouse` tool writes it, taken as it is.
#[derive(ToSchema)]
#[schema(as = LighthouseResult)]
#[expect(dead_code, reason = "documents what is read of it")]
#[serde(rename_all = "camelCase")]
pub(crate) struct LighthouseBody {
    #[schema(example = "13.4.1")]
    lighthouse_version: String,
    final_displayed_url: String,
    categories: Map<String, Value>,
    audits: Map<String, Value>,
}

/// An answer of `PageSpeed` Insights, taken as it is.
#[derive(ToSchema)]
#[schema(as = PageSpeedResult)]
#[expect(dead_code, reason = "documents what is read of it")]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageSpeedBody {
    lighthouse_result: LighthouseBody,
}

/// A report in one of its forms.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "documents the forms")]
pub(crate) enum SubmittedBody {
    Report(ReportBody),
    Lighthouse(LighthouseBody),
    PageSpeed(PageSpeedBody),
}

/// The issues, each as the text it was sent as; beyond the most there may be, they are counted and not kept.
#[derive(Default)]
pub(crate) struct Issues {
    kept: Vec<Box<RawValue>>,
    are_too_many: bool,
}

impl<'de> Deserialize<'de> for Issues {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Reading;

        impl<'de> Visitor<'de> for Reading {
            type Value = Issues;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sequence")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Issues, A::Error> {
                let mut issues = Issues::default();
                while issues.kept.len() < Submission::MAX_FINDINGS {
                    match list.next_element()? {
                        Some(issue) => issues.kept.push(issue),
                        None => return Ok(issues),
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    issues.are_too_many = true;
                }
                Ok(issues)
            }
        }

        reader.deserialize_seq(Reading)
    }
}

/// The longest text of one issue, white space and all.
const MAX_ISSUE_BYTES: usize = 2 * Details::MAX_BYTES;

impl ReportBody {
    pub(crate) fn into_submission(self) -> Result<Submission, ApiError> {
        let mut errors = FieldErrors::default();
        let url = match self.url {
            Some(url) => errors.keep("url", PageUrl::try_from(url.as_str())),
            None => required(&mut errors, "url"),
        };
        let tool = Tool::new(self.tool.as_deref(), self.tool_version.as_deref());
        let tool = match tool {
            Err(fault @ seo::InvalidTool::Version) => errors.keep("tool_version", Err(fault)),
            tool => errors.keep("tool", tool),
        };
        let scores = match self.scores {
            Some(scores) => read_scores(&mut errors, &scores),
            None => required(&mut errors, "scores").unwrap_or_default(),
        };
        let extra_scores = read_extra_scores(&mut errors, &self.extra_scores.unwrap_or_default());
        let findings = read_issues(&mut errors, &self.issues.unwrap_or_default())?;
        errors.into_result()?;
        let (Some(url), Some(tool)) = (url, tool) else { return Err(ApiError::Validation(FieldErrors::default())) };
        let coverage = Coverage::Everything;
        Ok(Submission { url, tool, scores, extra_scores, findings, coverage, omitted: 0 }.settled())
    }
}

fn required<T>(errors: &mut FieldErrors, field: &str) -> Option<T> {
    errors.add(field, format!("The {field} field is required."));
    None
}

fn read_scores(errors: &mut FieldErrors, given: &Map<String, Value>) -> Scores {
    let mut scores = Scores::default();
    for (name, value) in given {
        let field = format!("scores.{}", shown(name));
        match scores.named_mut(name) {
            Some(place) => *place = read_score(errors, &field, value),
            None => errors.add(
                &field,
                "The category is not known. Allowed: performance, accessibility, best_practices, seo; \
                 others belong into extra_scores.",
            ),
        }
    }
    if given.values().all(Value::is_null) {
        errors.add("scores", "The scores must hold at least one of performance, accessibility, best_practices, seo.");
    }
    scores
}

fn read_extra_scores(errors: &mut FieldErrors, given: &Map<String, Value>) -> ExtraScores {
    if given.len() > 20 {
        errors.add("extra_scores", "The extra_scores must not be more than 20.");
        return ExtraScores::new();
    }
    let mut scores = ExtraScores::new();
    for (name, value) in given {
        let field = format!("extra_scores.{}", shown(name));
        if let Some(known) = errors.keep(&field, CategoryName::try_from(name.as_str())) {
            scores.insert(known, read_score(errors, &field, value));
        }
    }
    scores
}

fn read_score(errors: &mut FieldErrors, field: &str, value: &Value) -> Option<Score> {
    if value.is_null() {
        return None;
    }
    let score = value.as_i64().and_then(|number| Score::try_from(number).ok());
    if score.is_none() {
        errors.add(field, format!("The {field} must be an integer between 0 and 100."));
    }
    score
}

/// # Errors
/// [`ApiError::BadRequest`] for an issue whose text is no JSON after all.
fn read_issues(errors: &mut FieldErrors, issues: &Issues) -> Result<Vec<Finding>, ApiError> {
    if issues.are_too_many {
        errors.add("issues", "The issues must not be more than 1000.");
        return Ok(Vec::new());
    }
    let mut findings = Vec::with_capacity(issues.kept.len());
    for (number, text) in issues.kept.iter().enumerate() {
        let field = format!("issues.{number}");
        if text.get().len() > MAX_ISSUE_BYTES {
            errors.add(&field, format!("The {field} must not be larger than 16 KiB."));
            continue;
        }
        let value: Value = serde_json::from_str(text.get())
            .map_err(|error| ApiError::BadRequest(format!("The body is not valid JSON: {field}: {error}.")))?;
        match value {
            Value::Object(fields) => findings.extend(read_issue(errors, &field, fields)),
            _ => errors.add(&field, format!("The {field} must be an object.")),
        }
    }
    Ok(findings)
}

fn read_issue(errors: &mut FieldErrors, field: &str, mut fields: Map<String, Value>) -> Option<Finding> {
    let issue_type = match fields.shift_remove("type") {
        Some(Value::String(text)) => errors.keep(&format!("{field}.type"), IssueType::try_from(text.as_str())),
        given => text_expected(errors, &format!("{field}.type"), given.as_ref()),
    };
    let severity = match fields.shift_remove("severity") {
        Some(Value::String(word)) => read_severity(errors, &format!("{field}.severity"), &word),
        given => text_expected(errors, &format!("{field}.severity"), given.as_ref()),
    };
    let element = match fields.shift_remove("element") {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) if text.is_empty() => Some(None),
        Some(Value::String(text)) => {
            errors.keep(&format!("{field}.element"), Element::try_from(text.as_str())).map(Some)
        }
        given => text_expected(errors, &format!("{field}.element"), given.as_ref()),
    };
    let details = errors.keep(field, Details::try_from(fields));
    Some(Finding { issue_type: issue_type?, element: element?, severity: severity?, details: details?, occurrences: 1 })
}

fn text_expected<T>(errors: &mut FieldErrors, field: &str, given: Option<&Value>) -> Option<T> {
    let message = match given {
        None => format!("The {field} field is required."),
        Some(_) => format!("The {field} must be a string."),
    };
    errors.add(field, message);
    None
}

fn read_severity(errors: &mut FieldErrors, field: &str, word: &str) -> Option<Severity> {
    let severity = Severity::from_word(word);
    if severity.is_none() {
        let words: Vec<_> = Severity::ALL.iter().map(|severity| severity.as_str()).collect();
        errors.add(field, format!("The {field} must be one of: {}.", words.join(", ")));
    }
    severity
}

fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}
