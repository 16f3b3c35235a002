use serde_json::{Map, Value, json};

use crate::{JsonObject, clean};

/// How many references are followed, and how deep composition is looked into.
const MAX_HOPS: usize = 8;
/// The kinds of schema keywords that a parameter shows beside its type.
const SHOWN: [&str; 4] = ["default", "enum", "format", "items"];

/// The flat map of a tool's parameters (reference: List Server Tools), from its JSON Schema: by name and in the
/// schema's order, each with `type`, `description` and `required`, and what the schema says of `default`, `enum`,
/// `format`, `items` and `nullable`.
///
/// What the map can't tell has the type `any`; the whole schema tells it. It never fails.
pub fn parameters(schema: &Value) -> JsonObject {
    let mut found = Found::default();
    found.collect(schema, schema, MAX_HOPS);
    found
        .properties
        .into_iter()
        .map(|(name, property)| {
            let is_required = found.required.contains(&name);
            (name, parameter(schema, property, is_required))
        })
        .collect()
}

/// What the root of a schema says of properties, through references and `allOf`.
#[derive(Default)]
struct Found<'s> {
    properties: Vec<(String, &'s Value)>,
    required: Vec<String>,
}

impl<'s> Found<'s> {
    fn collect(&mut self, root: &'s Value, schema: &'s Value, hops: usize) {
        let Some(hops) = hops.checked_sub(1) else { return };
        if let Some(target) = reference(root, schema) {
            self.collect(root, target, hops);
        }
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if !self.properties.iter().any(|(known, _)| known == name) {
                self.properties.push((name.clone(), property));
            }
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        self.required.extend(required.filter_map(Value::as_str).map(str::to_owned));
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.collect(root, part, hops);
        }
    }
}

fn parameter(root: &Value, property: &Value, is_required: bool) -> Value {
    let kind = kind(root, property, MAX_HOPS);
    let description = text(root, property, "description", MAX_HOPS).unwrap_or_default();
    let mut shown = Map::new();
    shown.insert("type".to_owned(), json!(kind.name));
    shown.insert("description".to_owned(), json!(clean(description)));
    shown.insert("required".to_owned(), json!(is_required));
    if kind.is_nullable {
        shown.insert("nullable".to_owned(), json!(true));
    }
    let resolved = reference(root, property);
    for keyword in SHOWN {
        let value = property.get(keyword).or_else(|| resolved.and_then(|target| target.get(keyword)));
        if let Some(value) = value {
            shown.insert(keyword.to_owned(), value.clone());
        }
    }
    Value::Object(shown)
}

/// Where a schema's `$ref` leads within the document.
fn reference<'s>(root: &'s Value, schema: &Value) -> Option<&'s Value> {
    let pointer = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
    root.pointer(pointer)
}

fn text<'s>(root: &'s Value, schema: &'s Value, keyword: &str, hops: usize) -> Option<&'s str> {
    let hops = hops.checked_sub(1)?;
    let own = schema.get(keyword).and_then(Value::as_str);
    own.or_else(|| text(root, reference(root, schema)?, keyword, hops))
}

struct Kind {
    name: &'static str,
    is_nullable: bool,
}

const ANY: Kind = Kind { name: "any", is_nullable: false };

fn kind(root: &Value, schema: &Value, hops: usize) -> Kind {
    let Some(hops) = hops.checked_sub(1) else { return ANY };
    match schema.get("type") {
        Some(Value::String(word)) => return Kind { name: known(word), is_nullable: word == "null" },
        Some(Value::Array(words)) => {
            return one_of(words.iter().map(|word| plain(known(word.as_str().unwrap_or_default()))));
        }
        _ => {}
    }
    if let Some(target) = reference(root, schema) {
        return kind(root, target, hops);
    }
    if let Some(value) = schema.get("const") {
        return plain(kind_of(value));
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return one_of(values.iter().map(|value| plain(kind_of(value))));
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(parts) = schema.get(keyword).and_then(Value::as_array) {
            return one_of(parts.iter().map(|part| kind(root, part, hops)));
        }
    }
    if let Some([part]) = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
        return kind(root, part, hops);
    }
    ANY
}

fn plain(name: &'static str) -> Kind {
    Kind { name, is_nullable: name == "null" }
}

/// The one kind that all of these are, null aside.
fn one_of(kinds: impl Iterator<Item = Kind>) -> Kind {
    let (mut name, mut is_nullable) = (None, false);
    for kind in kinds {
        is_nullable |= kind.is_nullable;
        match name {
            _ if kind.name == "null" => {}
            None => name = Some(kind.name),
            Some(known) if known == kind.name => {}
            Some(_) => name = Some("any"),
        }
    }
    let name = name.unwrap_or(if is_nullable { "null" } else { "any" });
    Kind { name, is_nullable }
}

fn known(word: &str) -> &'static str {
    const WORDS: [&str; 7] = ["string", "number", "integer", "boolean", "object", "array", "null"];
    WORDS.into_iter().find(|known| *known == word).unwrap_or("any")
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
