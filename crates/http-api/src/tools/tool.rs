use std::sync::{Arc, LazyLock};

use core_domain::Permission;
use serde_json::{Map, Value, json};

use super::Hints;
use super::document::{Document, placeholders};
use super::entry::Entry;
use super::table::entries;
use crate::extract::permission::named;

type Object = Map<String, Value>;

/// A route of the API as assistants see it.
#[derive(Debug)]
pub struct Tool {
    /// `[a-z_]+`, at most 64 characters.
    pub name: &'static str,
    /// A few words.
    pub title: String,
    /// What it does.
    pub description: String,
    /// JSON Schema (2020-12) of its arguments: an object.
    pub input_schema: Arc<Object>,
    /// JSON Schema of what it answers, be it a success or an error; `None` where a success has no body.
    pub output_schema: Option<Arc<Object>>,
    /// What it does to the world.
    pub hints: Hints,
    /// What its caller must hold; `None`: any credential will do.
    pub(super) permission: Option<Permission>,
    /// In lower case.
    pub(super) method: &'static str,
    /// The placeholders are names of arguments.
    pub(super) path: &'static str,
    /// Whether arguments of no other place are the fields of a body.
    pub(super) has_body: bool,
    places: Vec<(String, Place)>,
}

/// Where in a request an argument belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    /// The header of this name.
    Header(&'static str),
    Body,
}

/// The headers that may be arguments, and their names as such.
const HEADERS: [(&str, &str); 2] = [("x-workspace-id", "workspace_id"), ("idempotency-key", "idempotency_key")];

/// Every tool there is.
pub(super) fn toolbox() -> &'static [Tool] {
    static TOOLBOX: LazyLock<Vec<Tool>> = LazyLock::new(|| {
        let document = Document::read();
        entries().filter_map(|entry| Tool::read(entry, &document)).collect()
    });
    &TOOLBOX
}

impl Tool {
    /// `None` when the document does not know the route; a test sees to it that it does.
    fn read(entry: &'static Entry, document: &Document) -> Option<Self> {
        let (operation, names) = document.operation(entry.method, entry.path)?;
        let mut arguments = Arguments::default();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            arguments.add_parameter(parameter, &names, entry.path);
        }
        let body = operation["requestBody"]["content"]["application/json"].get("schema");
        let body = body.map(|schema| document.resolved(schema));
        if let Some(body) = body {
            arguments.add_body(body);
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().replace('\n', " ");
        let title = text(&operation["summary"]);
        let told = [text(&operation["description"]), body.map(|body| text(&body["description"])).unwrap_or_default()];
        let told: Vec<&str> = told.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        let scope = operation["security"][0]["api_key"][0].as_str();
        Some(Self {
            name: entry.name,
            description: if told.is_empty() { format!("{title}.") } else { format!("{title}. {}", told.join(" ")) },
            title,
            input_schema: Arc::new(document.standing_alone(arguments.schema())),
            output_schema: document.answer(operation).map(Arc::new),
            hints: entry.hints,
            permission: scope.and_then(named),
            method: entry.method,
            path: entry.path,
            has_body: body.is_some(),
            places: arguments.places,
        })
    }

    /// Where an argument belongs; `None` for one that is not known.
    pub(super) fn place(&self, argument: &str) -> Option<Place> {
        self.places.iter().find(|(name, _)| name == argument).map(|(_, place)| *place)
    }

    /// The names of all arguments.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|(name, _)| name.as_str())
    }
}

/// Parameters of all kinds and the fields of the body, side by side.
#[derive(Default)]
struct Arguments {
    places: Vec<(String, Place)>,
    properties: Object,
    required: Vec<Value>,
}

impl Arguments {
    fn add_parameter(&mut self, parameter: &Value, placeholders_there: &[&str], path: &str) {
        let name = parameter["name"].as_str().unwrap_or_default();
        let (name, place) = match parameter["in"].as_str() {
            Some("path") => {
                let nth = placeholders_there.iter().position(|known| *known == name);
                (nth.and_then(|nth| placeholders(path).nth(nth)).unwrap_or(name), Place::Path)
            }
            Some("query") => (name, Place::Query),
            _ => match HEADERS.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)) {
                // What is in the path already needs no header.
                Some((header, argument)) if !placeholders(path).any(|known| known == *argument) => {
                    (*argument, Place::Header(header))
                }
                _ => return,
            },
        };
        let mut schema = parameter["schema"].clone();
        schema["description"] = match (&parameter["description"], name.strip_suffix("_id")) {
            (Value::Null, Some(what)) => format!("The {what}'s id.").into(),
            (description, _) => description.clone(),
        };
        self.add(name, place, schema, parameter["required"] == json!(true));
    }

    fn add_body(&mut self, body: &Value) {
        let required = body["required"].as_array();
        for (name, schema) in body["properties"].as_object().into_iter().flatten() {
            let is_required = required.is_some_and(|names| names.iter().any(|known| known == name));
            self.add(name, Place::Body, schema.clone(), is_required);
        }
    }

    fn add(&mut self, name: &str, place: Place, schema: Value, is_required: bool) {
        self.places.push((name.to_owned(), place));
        self.properties.insert(name.to_owned(), schema);
        if is_required {
            self.required.push(name.into());
        }
    }

    fn schema(&self) -> Object {
        let mut schema = Object::new();
        schema.insert("type".to_owned(), "object".into());
        schema.insert("properties".to_owned(), Value::Object(self.properties.clone()));
        if !self.required.is_empty() {
            schema.insert("required".to_owned(), Value::Array(self.required.clone()));
        }
        schema.insert("additionalProperties".to_owned(), false.into());
        schema
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_entry_is_a_route_whose_arguments_have_one_place_each() {
        assert_eq!(toolbox().len(), entries().count());
        let names: BTreeSet<&str> = toolbox().iter().map(|tool| tool.name).collect();
        assert_eq!(names.len(), toolbox().len());
        for tool in toolbox() {
            let arguments: BTreeSet<&str> = tool.arguments().collect();
            assert_eq!(arguments.len(), tool.places.len(), "{}", tool.name);
            assert!(placeholders(tool.path).all(|name| tool.place(name) == Some(Place::Path)), "{}", tool.name);
            assert!(!tool.title.is_empty() && tool.description.len() > tool.title.len(), "{}", tool.name);
        }
    }

    #[test]
    fn every_tool_that_writes_can_be_repeated_safely() {
        for tool in toolbox() {
            let key = tool.place("idempotency_key");
            assert_eq!(key.is_some(), !tool.hints.is_read_only, "{}", tool.name);
            assert_eq!(tool.hints.is_read_only, tool.method == "get", "{}", tool.name);
        }
    }

    #[test]
    fn only_the_caller_itself_is_shown_to_any_credential() {
        let open: Vec<&str> = toolbox().iter().filter(|tool| tool.permission.is_none()).map(|tool| tool.name).collect();
        assert_eq!(open, ["show_caller"]);
    }

    #[test]
    fn schemas_stand_alone() {
        fn references(schema: &Value, found: &mut Vec<String>) {
            match schema {
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                _ => {}
            }
        }
        for tool in toolbox() {
            for schema in [Some(&tool.input_schema), tool.output_schema.as_ref()].into_iter().flatten() {
                let schema = Value::Object((**schema).clone());
                let mut found = Vec::new();
                references(&schema, &mut found);
                for reference in found {
                    let name = reference.strip_prefix("#/$defs/").unwrap();
                    assert!(schema["$defs"][name].is_object(), "{}: {reference}", tool.name);
                }
            }
        }
    }
}
