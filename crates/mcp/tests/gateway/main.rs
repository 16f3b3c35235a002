//! What the gateway decides, without a server.
#![expect(clippy::unwrap_used, reason = "a test that can't go on is to panic")]

mod arguments;
mod catalogues;
mod configuration;
mod parameters;
mod resources;
mod views;

use core_domain::{Environment, Realm, Timestamp, WorkspaceId};
use mcp::{
    Catalogue, ConfigError, Pins, RawCatalogue, Registry, Resource, ResourceTemplate, ServerConfig, ToolDefinition,
};
use serde_json::{Value, json};

fn parse(servers: &Value) -> Result<Registry, ConfigError> {
    Registry::parse(&json!({ "mcpServers": servers }).to_string(), &|name| {
        (name == "TOKEN").then(|| "t0p-s3cret".to_owned())
    })
}

fn server(fields: &Value) -> ServerConfig {
    let registry = parse(&json!({ "it": fields })).unwrap();
    registry.get(&"it".try_into().unwrap()).unwrap().as_ref().clone()
}

fn realm(workspace: i64) -> Realm {
    Realm { workspace_id: WorkspaceId::try_from(workspace).unwrap(), environment: Environment::Live }
}

fn tool(name: &str, description: &str) -> ToolDefinition {
    ToolDefinition {
        name: name.to_owned(),
        title: None,
        description: Some(description.to_owned()),
        input_schema: json!({ "type": "object", "properties": { "path": { "type": "string" } }, "required": ["path"] }),
        output_schema: None,
        annotations: None,
    }
}

fn raw(tools: Vec<ToolDefinition>) -> RawCatalogue {
    RawCatalogue { tools, protocol_version: "2025-11-25".to_owned(), ..RawCatalogue::default() }
}

fn with_resources(uris: &[&str], templates: &[&str]) -> Catalogue {
    let resource = |uri: &&str| Resource {
        uri: (*uri).to_owned(),
        name: String::new(),
        title: None,
        description: None,
        mime_type: None,
        size: None,
    };
    let template = |uri: &&str| ResourceTemplate {
        uri_template: (*uri).to_owned(),
        name: String::new(),
        title: None,
        description: None,
        mime_type: None,
    };
    let raw = RawCatalogue {
        resources: uris.iter().map(resource).collect(),
        templates: templates.iter().map(template).collect(),
        ..raw(vec![])
    };
    Catalogue::assemble(&server(&json!({ "command": "x" })), &mut Pins::default(), raw, Timestamp::MIN)
}
