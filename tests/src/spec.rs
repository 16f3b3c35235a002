use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

/// Requests are counted before it is known what they are for.
const TOO_MANY: u16 = 429;

/// The server's own description of itself.
#[derive(Debug)]
pub struct Spec {
    document: Value,
    operations: Vec<Operation>,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// One method of one path.
#[derive(Debug, Clone)]
pub struct Operation {
    /// In upper case.
    pub method: String,
    /// `/api/v1/workspaces/{id}`
    pub template: String,
    /// The scope it requires.
    pub scope: Option<String>,
}

impl Operation {
    /// The path with `id` for its parameters.
    pub fn path(&self, id: impl std::fmt::Display) -> String {
        let id = id.to_string();
        self.template.replace("{id}", &id).replace("{delivery_id}", &id).replace("{workspace_id}", &id)
    }

    /// Whether it is on one thing that a caller may have. What the operator's are on, nobody else has at all.
    pub fn has_id(&self) -> bool {
        (self.template.contains("{id}") || self.template.contains("{workspace_id}")) && !self.is_operators()
    }

    pub fn is_operators(&self) -> bool {
        self.template.starts_with("/api/v1/operator/")
    }

    /// Whether its parameter is a workspace.
    pub fn is_of_workspace(&self) -> bool {
        self.template.contains("/workspaces/") || self.template.contains("{workspace_id}")
    }
}

impl Spec {
    pub(crate) fn new(document: Value) -> Self {
        let operations = document["paths"].as_object().unwrap().iter().flat_map(|(template, item)| {
            item.as_object().unwrap().iter().map(|(method, operation)| Operation {
                method: method.to_uppercase(),
                template: template.clone(),
                scope: operation["security"][0]["api_key"][0].as_str().map(str::to_owned),
            })
        });
        Self { operations: operations.collect(), document, validators: Mutex::default() }
    }

    /// The document as it was served.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Everything it describes.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Whether the description tells of such an answer. `Err` says what it does not.
    pub(crate) fn check(&self, method: &str, path: &str, status: u16, body: &[u8]) -> Result<(), String> {
        let path = path.split('?').next().unwrap_or(path);
        let at_path = || self.operations.iter().filter(|operation| matches(&operation.template, path));
        if at_path().next().is_none() {
            let is_free = [404, TOO_MANY].contains(&status) || !path.starts_with("/api/");
            return if is_free { Ok(()) } else { Err(format!("{path} is not described, and answered {status}")) };
        }
        let described_as = if method == "HEAD" { "GET" } else { method };
        let Some(operation) = at_path().find(|operation| operation.method == described_as) else {
            let told = format!("{method} {path} is not described, and answered {status}");
            return if [405, TOO_MANY].contains(&status) { Ok(()) } else { Err(told) };
        };
        let answer = self
            .document
            .pointer(&format!(
                "/paths/{}/{}/responses/{status}",
                operation.template.replace('~', "~0").replace('/', "~1"),
                operation.method.to_lowercase()
            ))
            .ok_or_else(|| format!("{method} {path} is described without {status}"))?;
        let schema = &answer["content"]["application/json"]["schema"];
        if schema.is_null() {
            return if body.is_empty() { Ok(()) } else { Err(format!("{status} is described without a body")) };
        }
        if method == "HEAD" {
            return Ok(());
        }
        let body: Value = serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))?;
        let name = format!("{described_as} {} {status}", operation.template);
        let faults: Vec<String> = self
            .validator(&name, schema)
            .iter_errors(&body)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(format!("the body breaks its schema: {}", faults.join("; "))) }
    }

    fn validator(&self, name: &str, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap();
        let made = || {
            let whole = json!({ "allOf": [schema], "components": self.document["components"] });
            let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
            Arc::new(options.build(&whole).unwrap())
        };
        Arc::clone(validators.entry(name.to_owned()).or_insert_with(made))
    }
}

fn matches(template: &str, path: &str) -> bool {
    // A resource's URI has slashes of its own.
    if let Some(before) = template.strip_suffix("{uri}") {
        return path.strip_prefix(before).is_some_and(|uri| !uri.is_empty());
    }
    let (wanted, given) = (template.split('/'), path.split('/'));
    wanted.clone().count() == given.clone().count()
        && wanted.zip(given).all(|(wanted, given)| wanted == given || (wanted.starts_with('{') && !given.is_empty()))
}
