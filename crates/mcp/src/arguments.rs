use std::collections::BTreeMap;
use std::fmt;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, PatternOptions, Retrieve, Uri, ValidationError, Validator};
use serde_json::Value;

use crate::{JsonObject, clean};

/// What checks the arguments of a tool, compiled once from its JSON Schema.
///
/// The schema is read as its `$schema` says (draft 4 to 2020-12), else as 2020-12. `format` is not checked: servers
/// disagree on it. Nothing is ever fetched: a `$ref` to elsewhere makes the schema unusable.
pub struct ArgumentSchema(Result<Validator, SchemaFault>);

/// Why a tool's schema can't be used. Its tool is listed, but can't be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaFault {
    /// More than 256 KiB, 20,000 values, or 64 levels.
    #[error("the schema is too large")]
    TooLarge,
    /// It is no JSON Schema, or refers to what is not in it.
    #[error("the schema can't be read: {0}")]
    Unreadable(String),
}

/// Why arguments were refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentFault {
    /// They break the schema: messages by field, as `arguments.path.0`; at most 50 fields.
    Invalid(BTreeMap<String, Vec<String>>),
    /// They can't be checked.
    Schema(SchemaFault),
}

const MAX_SCHEMA_BYTES: usize = 256 * 1024;
const MAX_SCHEMA_VALUES: usize = 20_000;
const MAX_DEPTH: usize = 64;
const MAX_FIELDS: usize = 50;

impl fmt::Debug for ArgumentSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ArgumentSchema").field(&self.0.as_ref().map(|_| ())).finish()
    }
}

impl ArgumentSchema {
    /// Compiles a schema. A fault is told when arguments are checked.
    pub fn compile(schema: &Value) -> Self {
        Self(compile(schema))
    }

    /// Why the schema can't be used, if it can't.
    pub fn fault(&self) -> Option<&SchemaFault> {
        self.0.as_ref().err()
    }

    /// Checks arguments.
    ///
    /// # Errors
    /// [`ArgumentFault`]; its messages do not repeat the arguments' values.
    pub fn check(&self, arguments: &JsonObject) -> Result<(), ArgumentFault> {
        let validator = self.0.as_ref().map_err(|fault| ArgumentFault::Schema(fault.clone()))?;
        let given = Value::Object(arguments.clone());
        if depth_and_count(&given, MAX_DEPTH, usize::MAX).is_none() {
            let message = format!("The arguments must not be nested deeper than {MAX_DEPTH} levels.");
            return Err(ArgumentFault::Invalid(BTreeMap::from([("arguments".to_owned(), vec![message])])));
        }
        let mut fields = BTreeMap::<String, Vec<String>>::new();
        for error in validator.iter_errors(&given) {
            for (field, message) in messages(&error) {
                if fields.len() >= MAX_FIELDS && !fields.contains_key(&field) {
                    return Err(ArgumentFault::Invalid(fields));
                }
                let known = fields.entry(field).or_default();
                if known.len() < 10 && !known.contains(&message) {
                    known.push(message);
                }
            }
        }
        if fields.is_empty() { Ok(()) } else { Err(ArgumentFault::Invalid(fields)) }
    }
}

fn compile(schema: &Value) -> Result<Validator, SchemaFault> {
    depth_and_count(schema, MAX_DEPTH, MAX_SCHEMA_VALUES).ok_or(SchemaFault::TooLarge)?;
    if schema.to_string().len() > MAX_SCHEMA_BYTES {
        return Err(SchemaFault::TooLarge);
    }
    let patterns = PatternOptions::fancy_regex().backtrack_limit(100_000).size_limit(1 << 20).dfa_size_limit(1 << 20);
    jsonschema::options()
        .with_draft(draft(schema))
        .with_retriever(Nothing)
        .with_pattern_options(patterns)
        .should_validate_formats(false)
        .should_ignore_unknown_formats(true)
        .build(schema)
        .map_err(|error| SchemaFault::Unreadable(clean(&error.masked().to_string()).chars().take(300).collect()))
}

/// The draft that `$schema` names; the protocol's own for none, and for one that nobody knows.
fn draft(schema: &Value) -> Draft {
    let named = schema.get("$schema").and_then(Value::as_str).unwrap_or_default();
    match named.trim_end_matches(['#', '/']).rsplit_once("json-schema.org/").map(|(_, name)| name) {
        Some("draft-04/schema") => Draft::Draft4,
        Some("draft-06/schema") => Draft::Draft6,
        Some("draft-07/schema") => Draft::Draft7,
        Some("draft/2019-09/schema") => Draft::Draft201909,
        _ => Draft::Draft202012,
    }
}

/// Finds no schema but those that the library knows itself.
struct Nothing;

impl Retrieve for Nothing {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("{uri} is not part of it").into())
    }
}

/// Whether a value keeps to these bounds. Recursion ends at the depth, so that none is deep enough to break the stack.
fn depth_and_count(value: &Value, depth: usize, count: usize) -> Option<usize> {
    let depth = depth.checked_sub(1)?;
    let left = count.checked_sub(1)?;
    match value {
        Value::Array(items) => items.iter().try_fold(left, |left, item| depth_and_count(item, depth, left)),
        Value::Object(fields) => fields.values().try_fold(left, |left, item| depth_and_count(item, depth, left)),
        _ => Some(left),
    }
}

/// What is wrong, by field.
fn messages(error: &ValidationError<'_>) -> Vec<(String, String)> {
    let field = field(&error.instance_path().to_string());
    let below = |name: &str| format!("{field}.{}", shown(name));
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let field = below(property.as_str().unwrap_or_default());
            let message = format!("The {field} field is required.");
            vec![(field, message)]
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|name| (below(name), format!("The {} field is not known.", below(name)))).collect()
        }
        ValidationErrorKind::Type { kind } => {
            let kinds = match kind {
                TypeKind::Single(kind) => kind.to_string(),
                TypeKind::Multiple(kinds) => kinds.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or "),
            };
            vec![(field.clone(), format!("The {field} must be of type {kinds}."))]
        }
        _ => {
            let shown = shown_message(&error.masked_with("value").to_string());
            vec![(field.clone(), format!("The {field} is not accepted: {shown}."))]
        }
    }
}

/// `/path/0` as `arguments.path.0`.
fn field(pointer: &str) -> String {
    let mut field = "arguments".to_owned();
    for part in pointer.split('/').skip(1) {
        field.push('.');
        field.push_str(&shown(&part.replace("~1", "/").replace("~0", "~")));
    }
    field
}

fn shown(name: &str) -> String {
    clean(name).chars().take(64).collect()
}

fn shown_message(text: &str) -> String {
    clean(text).trim_end_matches('.').chars().take(300).collect()
}
