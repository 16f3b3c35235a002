//! What the OpenAPI document says of an operation, as schemas that stand alone.

use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

const COMPONENTS: &str = "#/components/schemas/";

/// The OpenAPI document, as JSON.
pub(super) struct Document(Value);

impl Document {
    pub(super) fn read() -> Self {
        Self(serde_json::to_value(crate::openapi()).unwrap_or_default())
    }

    /// The operation of a route whose placeholders may have other names; with the names they have here.
    pub(super) fn operation(&self, method: &str, path: &str) -> Option<(&Value, Vec<&str>)> {
        let is_same = |known: &str| {
            known.split('/').count() == path.split('/').count()
                && known
                    .split('/')
                    .zip(path.split('/'))
                    .all(|(known, given)| if known.starts_with('{') { given.starts_with('{') } else { known == given })
        };
        let (known, item) = self.0["paths"].as_object()?.iter().find(|(known, _)| is_same(known))?;
        Some((item.get(method)?, placeholders(known).collect()))
    }

    /// What a reference stands for; the first of several forms.
    pub(super) fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let schema = schema["oneOf"].get(0).unwrap_or(schema);
        let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(COMPONENTS));
        name.map_or(schema, |name| self.component(name))
    }

    /// The same schema with what it refers to inside it.
    pub(super) fn standing_alone(&self, mut schema: Object) -> Object {
        let mut wanted = Vec::new();
        schema.values_mut().for_each(|value| point_inside(value, &mut wanted));
        let mut definitions = Object::new();
        while let Some(name) = wanted.pop() {
            if !definitions.contains_key(&name) {
                let mut definition = self.component(&name).clone();
                point_inside(&mut definition, &mut wanted);
                definitions.insert(name, definition);
            }
        }
        if !definitions.is_empty() {
            schema.insert("$defs".to_owned(), Value::Object(definitions));
        }
        schema
    }

    /// The schema of what an operation answers, be it a success or an error; `None` where a success has no body.
    pub(super) fn answer(&self, operation: &Value) -> Option<Object> {
        let (_, success) = operation["responses"].as_object()?.iter().find(|(status, _)| status.starts_with('2'))?;
        let success = success["content"]["application/json"].get("schema")?;
        // Not the whole of it: it would be said again with every tool.
        let error = json!({ "required": ["error", "message"] });
        let mut schema = Object::new();
        schema.insert("type".to_owned(), "object".into());
        schema.insert("anyOf".to_owned(), json!([success, error]));
        Some(self.standing_alone(schema))
    }

    fn component(&self, name: &str) -> &Value {
        &self.0["components"]["schemas"][name]
    }
}

/// The names in braces, in their order.
pub(super) fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// Points references to where [`Document::standing_alone`] puts what they refer to, and notes their names.
fn point_inside(schema: &mut Value, wanted: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str().and_then(|text| text.strip_prefix(COMPONENTS)) {
                    Some(name) if key == "$ref" => {
                        wanted.push(name.to_owned());
                        *value = format!("#/$defs/{name}").into();
                    }
                    _ => point_inside(value, wanted),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| point_inside(item, wanted)),
        _ => {}
    }
}
