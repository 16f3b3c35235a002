use core_domain::{Timestamp, WireWord as _};
use mcp::{
    Call, JsonObject, Quarantined, Reading, ReadingPart, ResourceBody, ServerState, ServerStatus, Tool, ToolResult,
    View, parameters,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use validator::Validate;

use crate::extract::{Body, not_null};
use crate::list::Selectable;

/// An MCP server. With `fields`, only those and `id` are present.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = McpServer)]
pub(crate) struct ServerView {
    #[schema(example = "filesystem")]
    pub(super) id: String,
    #[schema(required = false)]
    pub(super) name: String,
    #[schema(required = false)]
    pub(super) description: String,
    /// The names of its tools that this credential may call, as last known; with `include=tools` the tools themselves.
    #[schema(required = false)]
    tools: Vec<NamedTool>,
    #[schema(required = false, value_type = StatusWord)]
    status: &'static str,
    /// When a server that failed is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>, format = DateTime)]
    retry_at: Option<Timestamp>,
    #[schema(required = false, value_type = TransportWord)]
    transport: &'static str,
    /// The protocol revision that it speaks; null before it was first asked.
    protocol_version: Option<String>,
    /// Whether the tools may have changed since they were last read; also before they are first known.
    #[schema(required = false)]
    tools_stale: bool,
    /// Its tools that nobody may call, since their definition changed.
    #[schema(required = false)]
    quarantined: Vec<QuarantinedView>,
    /// How it wants to be used: its own words.
    instructions: Option<String>,
    /// What it calls itself.
    #[schema(value_type = Option<Object>)]
    server_info: Option<Value>,
}

/// A tool's name, or the tool.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = McpNamedTool)]
pub(crate) enum NamedTool {
    Name(String),
    Tool(Box<ToolView>),
}

/// A tool that nobody may call.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = McpQuarantinedTool)]
pub(crate) struct QuarantinedView {
    name: String,
    /// `changed`, `added`, `invalid_name` or `duplicate`.
    reason: &'static str,
    /// Of the definition that it has now: what an operator puts under `pin` to approve it.
    digest: String,
}

impl From<&Quarantined> for QuarantinedView {
    fn from(it: &Quarantined) -> Self {
        Self { name: it.name.clone(), reason: it.reason.as_str(), digest: it.digest.to_string() }
    }
}

/// What a server is doing.
#[derive(ToSchema)]
#[schema(as = McpServerStatus)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents the words")]
pub(crate) enum StatusWord {
    Stopped,
    Starting,
    Ready,
    BackingOff,
    Disabled,
}

/// How a server is reached.
#[derive(ToSchema)]
#[schema(as = McpTransport)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "documents the words")]
pub(crate) enum TransportWord {
    Stdio,
    Http,
}

impl Selectable for ServerView {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "name",
        "description",
        "tools",
        "status",
        "retry_at",
        "transport",
        "protocol_version",
        "tools_stale",
        "quarantined",
        "instructions",
        "server_info",
    ];
    const INCLUDES: &'static [&'static str] = &["tools"];
}

impl ServerView {
    pub(super) fn new(view: &View, status: &ServerStatus, with_tools: bool) -> Self {
        let catalogue = status.catalogue.as_deref();
        let named = |tool: &Tool| {
            if with_tools {
                NamedTool::Tool(Box::new(ToolView::from(tool)))
            } else {
                NamedTool::Name(tool.definition.name.clone())
            }
        };
        let allowed = |it: &&Quarantined| view.allows(&it.name);
        Self {
            id: view.server.id.to_string(),
            name: view.server.name.clone(),
            description: view.server.description.clone(),
            tools: catalogue.map(|it| view.tools(it).map(named).collect()).unwrap_or_default(),
            status: status.state.word().as_str(),
            retry_at: match status.state {
                ServerState::BackingOff { until } => Some(until),
                _ => None,
            },
            transport: view.server.transport.kind().as_str(),
            protocol_version: status.protocol_version.clone(),
            tools_stale: catalogue.is_none() || status.catalogue_stale,
            quarantined: catalogue
                .map(|it| it.quarantined.iter().filter(allowed).map(QuarantinedView::from).collect())
                .unwrap_or_default(),
            instructions: catalogue.and_then(|it| it.instructions.clone()),
            server_info: catalogue.and_then(|it| it.server_info.clone()).filter(Value::is_object),
        }
    }

    /// The text that a search looks in.
    pub(super) fn search_text(&self) -> String {
        core_domain::fold_for_search(&[&self.id, &self.name, &self.description])
    }
}

/// A tool. With `fields`, only those are present.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = McpTool)]
pub(crate) struct ToolView {
    #[schema(required = false)]
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    title: Option<String>,
    /// The server's own words; empty when it has none.
    #[schema(required = false)]
    pub(super) description: String,
    /// By name: `type`, `description`, `required` and more. What it can't tell has the type `any`.
    #[schema(required = false, value_type = std::collections::BTreeMap<String, ParameterView>)]
    parameters: JsonObject,
    /// The whole JSON Schema of the arguments.
    #[schema(required = false)]
    input_schema: Value,
    /// The JSON Schema of the structured result.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_schema: Option<Value>,
    /// What the server says of the tool's nature: hints, not promises.
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Value>,
    /// Of the whole definition: what an operator puts under `pin` to approve it.
    #[schema(required = false)]
    digest: String,
}

/// One parameter of a tool.
#[derive(ToSchema)]
#[schema(as = McpParameter)]
#[expect(dead_code, reason = "documents what the domain makes")]
pub(crate) struct ParameterView {
    r#type: String,
    description: String,
    required: bool,
    #[schema(required = false)]
    nullable: bool,
    #[schema(required = false)]
    default: Value,
    #[schema(required = false)]
    r#enum: Value,
    #[schema(required = false)]
    format: Value,
    #[schema(required = false)]
    items: Value,
}

impl Selectable for ToolView {
    const FIELDS: &'static [&'static str] =
        &["name", "title", "description", "parameters", "input_schema", "output_schema", "annotations", "digest"];
    const INCLUDES: &'static [&'static str] = &[];
}

impl From<&Tool> for ToolView {
    fn from(tool: &Tool) -> Self {
        let definition = &tool.definition;
        Self {
            name: definition.name.clone(),
            title: definition.title.clone(),
            description: definition.description.clone().unwrap_or_default(),
            parameters: parameters(&definition.input_schema),
            input_schema: definition.input_schema.clone(),
            output_schema: definition.output_schema.clone(),
            annotations: definition.annotations.clone(),
            digest: tool.digest.to_string(),
        }
    }
}

impl ToolView {
    /// The text that a search looks in.
    pub(super) fn search_text(&self) -> String {
        core_domain::fold_for_search(&[&self.name, self.title.as_deref().unwrap_or_default(), &self.description])
    }
}

/// A call of a tool.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CallMcpTool)]
pub(crate) struct CallBody {
    #[validate(required(message = "The server field is required."))]
    #[schema(required = true, nullable = false, example = "filesystem")]
    pub(super) server: Option<String>,
    #[validate(required(message = "The tool field is required."))]
    #[schema(required = true, nullable = false, example = "read_file")]
    pub(super) tool: Option<String>,
    /// What the tool's `input_schema` asks for.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false, value_type = Option<Object>)]
    pub(super) arguments: Option<JsonObject>,
}

impl Body for CallBody {}

/// The answer to a call.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = McpCallAnswer)]
pub(crate) struct CallAnswer {
    result: ResultView,
}

/// What a tool answered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = McpToolResult)]
pub(crate) struct ResultView {
    /// The text blocks, joined by line feeds; without any, the structured content as JSON.
    content: String,
    /// The UTF-8 bytes of `content`.
    size: usize,
    /// Whether the tool says that it failed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    is_error: bool,
    /// When the tool gives it: any JSON, null too.
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<Value>,
    /// All blocks as the server sent them: `text`, `image`, `audio`, `resource_link`, `resource`.
    #[schema(value_type = Vec<Object>)]
    blocks: Vec<Value>,
}

impl From<ToolResult> for CallAnswer {
    fn from(result: ToolResult) -> Self {
        let size = result.size();
        let ToolResult { content, blocks, structured_content, is_error } = result;
        let blocks = blocks.into_iter().map(|block| if block.is_object() { block } else { json!({ "value": block }) });
        Self { result: ResultView { content, size, is_error, structured_content, blocks: blocks.collect() } }
    }
}

/// A resource that was read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = McpResourceContent)]
pub(crate) struct ReadingView {
    uri: String,
    server: String,
    /// What the server says it is. Servers err in this.
    mime_type: Option<String>,
    /// Text; of several texts all of it, joined by line feeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    content: Option<String>,
    /// Bytes, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    blob: Option<String>,
    /// In bytes, all parts together.
    size: usize,
    /// The parts, where there are none or several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parts: Option<Vec<PartView>>,
}

/// One part of a resource.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = McpResourcePart)]
pub(crate) struct PartView {
    uri: String,
    mime_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    blob: Option<String>,
    size: usize,
}

impl From<ReadingPart> for PartView {
    fn from(part: ReadingPart) -> Self {
        let (content, blob) = match part.contents.body {
            ResourceBody::Text(text) => (Some(text), None),
            ResourceBody::Blob(text) => (None, Some(text)),
        };
        Self { uri: part.contents.uri, mime_type: part.contents.mime_type, content, blob, size: part.size }
    }
}

impl ReadingView {
    pub(super) fn new(uri: &str, server: &str, reading: Reading) -> Self {
        let mut parts: Vec<PartView> = reading.parts.into_iter().map(PartView::from).collect();
        let size = parts.iter().map(|part| part.size).sum();
        let (uri, server) = (uri.to_owned(), server.to_owned());
        if let [part] = parts.as_mut_slice() {
            let (content, blob) = (part.content.take(), part.blob.take());
            return Self { uri, server, mime_type: part.mime_type.take(), content, blob, size, parts: None };
        }
        let texts: Option<Vec<&str>> = parts.iter().map(|part| part.content.as_deref()).collect();
        let content = texts.map(|texts| texts.join("\n"));
        Self { uri, server, mime_type: None, content, blob: None, size, parts: Some(parts) }
    }
}

/// A resource that can be read, by `uri`; or a family of them, by `uri_template`. With `fields`, only those are present.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = McpResource)]
pub(crate) struct ResourceView {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) uri: Option<String>,
    /// RFC 6570.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) uri_template: Option<String>,
    #[schema(required = false)]
    pub(super) server: String,
    #[schema(required = false)]
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    title: Option<String>,
    #[schema(required = false)]
    description: String,
    mime_type: Option<String>,
    /// In bytes, as the server says.
    size: Option<u64>,
}

impl Selectable for ResourceView {
    const FIELDS: &'static [&'static str] =
        &["uri", "uri_template", "server", "name", "title", "description", "mime_type", "size"];
    const INCLUDES: &'static [&'static str] = &[];
}

impl ResourceView {
    pub(super) fn listed(server: &str, resource: &mcp::Resource) -> Self {
        Self {
            uri: Some(resource.uri.clone()),
            uri_template: None,
            server: server.to_owned(),
            name: resource.name.clone(),
            title: resource.title.clone(),
            description: resource.description.clone().unwrap_or_default(),
            mime_type: resource.mime_type.clone(),
            size: resource.size,
        }
    }

    pub(super) fn family(server: &str, template: &mcp::ResourceTemplate) -> Self {
        Self {
            uri: None,
            uri_template: Some(template.uri_template.clone()),
            server: server.to_owned(),
            name: template.name.clone(),
            title: template.title.clone(),
            description: template.description.clone().unwrap_or_default(),
            mime_type: template.mime_type.clone(),
            size: None,
        }
    }

    /// Its URI, or its family's.
    pub(super) fn place(&self) -> &str {
        self.uri.as_deref().or(self.uri_template.as_deref()).unwrap_or_default()
    }

    /// The text that a search looks in.
    pub(super) fn search_text(&self) -> String {
        core_domain::fold_for_search(&[self.place(), &self.name, &self.description])
    }
}

/// A call that was made. With `fields`, only those and `id` are present.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = McpCall)]
pub(crate) struct CallView {
    #[schema(minimum = 1)]
    id: i64,
    #[schema(required = false)]
    server: String,
    #[schema(required = false)]
    tool: String,
    /// Without secrets, and cut where they are long.
    #[schema(required = false, value_type = Object)]
    arguments: Value,
    /// `success`, `tool_error`, `refused`, `not_sent`, `gone`, `timed_out`, `too_large`; `unknown` while it is under way,
    /// and for good when the service ended before the call did.
    #[schema(required = false)]
    outcome: &'static str,
    error: Option<String>,
    /// The bytes of the content.
    size: Option<u64>,
    duration_ms: Option<u64>,
    #[schema(required = false, minimum = 1)]
    account_id: i64,
    /// Null for a signed token.
    #[schema(minimum = 1)]
    api_key_id: Option<i64>,
    #[schema(required = false)]
    request_id: String,
    #[schema(required = false, value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl Selectable for CallView {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "server",
        "tool",
        "arguments",
        "outcome",
        "error",
        "size",
        "duration_ms",
        "account_id",
        "api_key_id",
        "request_id",
        "created_at",
    ];
    const INCLUDES: &'static [&'static str] = &[];
}

impl From<&Call> for CallView {
    fn from(call: &Call) -> Self {
        let (note, end) = (&call.note, call.end.as_ref());
        Self {
            id: call.id.get(),
            server: note.server.clone(),
            tool: note.tool.clone(),
            arguments: serde_json::from_str(&note.arguments).unwrap_or_else(|_| json!({})),
            outcome: call.outcome().as_str(),
            error: end.and_then(|end| end.error.clone()),
            size: end.and_then(|end| end.size),
            duration_ms: end.map(|end| u64::try_from(end.duration.as_millis()).unwrap_or(u64::MAX)),
            account_id: note.account_id.get(),
            api_key_id: note.api_key_id.map(core_domain::ApiKeyId::get),
            request_id: note.request_id.clone(),
            created_at: note.created_at,
        }
    }
}
