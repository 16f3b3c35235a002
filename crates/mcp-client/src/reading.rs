use std::collections::HashSet;

use mcp::{RawCatalogue, UpstreamError};
use rmcp::model::{ClientRequest, PaginatedRequestParams, RequestOptionalParam};
use serde_json::Value;

use crate::session::Session;
use crate::shapes;

/// The most pages of a list.
const MOST_PAGES: usize = 200;
/// The most tools, templates and resources that are kept of a server.
const MOST_TOOLS: usize = 2_000;
const MOST_TEMPLATES: usize = 1_000;
const MOST_RESOURCES: usize = 10_000;

/// Reads everything that a server offers.
///
/// Only a failure of the list of tools, or of the connection, is a failure: servers announce resources that they can't
/// list.
pub(crate) async fn read(session: &Session, server: &str, max_bytes: usize) -> Result<RawCatalogue, UpstreamError> {
    let capabilities = &session.info.capabilities;
    let mut catalogue = RawCatalogue {
        instructions: session.info.instructions.clone(),
        server_info: session.info.server_info.as_ref().and_then(|info| serde_json::to_value(info).ok()),
        protocol_version: session.info.protocol_version.to_string(),
        ..RawCatalogue::default()
    };
    let list = |kind, most| List { session, server, kind, most, max_bytes };
    if capabilities.tools.is_some() {
        let tools = list(Kind::Tools, MOST_TOOLS).items().await?;
        catalogue.tools = kept(server, "tool", &tools, shapes::tool);
    }
    if capabilities.resources.is_some() {
        let resources = optional(list(Kind::Resources, MOST_RESOURCES).items().await, server)?;
        catalogue.resources = kept(server, "resource", &resources, shapes::resource);
        let templates = optional(list(Kind::Templates, MOST_TEMPLATES).items().await, server)?;
        catalogue.templates = kept(server, "resource template", &templates, shapes::template);
    }
    Ok(catalogue)
}

fn kept<T>(server: &str, what: &str, items: &[Value], read: impl Fn(&Value) -> Option<T>) -> Vec<T> {
    let kept: Vec<T> = items.iter().filter_map(read).collect();
    if kept.len() < items.len() {
        tracing::warn!(server, what, left_out = items.len() - kept.len(), "an MCP server lists what can't be read");
    }
    kept
}

fn optional(items: Result<Vec<Value>, UpstreamError>, server: &str) -> Result<Vec<Value>, UpstreamError> {
    match items {
        Err(error @ (UpstreamError::Refused { .. } | UpstreamError::InvalidParams { .. })) => {
            tracing::debug!(server, error = &error as &dyn std::error::Error, "an MCP server can't list its resources");
            Ok(Vec::new())
        }
        other => other,
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Tools,
    Resources,
    Templates,
}

impl Kind {
    fn field(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
        }
    }

    /// The first page is asked for without parameters; any cursor, the empty one too, is sent back as it came.
    fn request(self, cursor: Option<&str>) -> ClientRequest {
        let params = cursor.map(|cursor| PaginatedRequestParams::default().with_cursor(Some(cursor.to_owned())));
        match self {
            Self::Tools => ClientRequest::ListToolsRequest(RequestOptionalParam { params, ..Default::default() }),
            Self::Resources => {
                ClientRequest::ListResourcesRequest(RequestOptionalParam { params, ..Default::default() })
            }
            Self::Templates => {
                ClientRequest::ListResourceTemplatesRequest(RequestOptionalParam { params, ..Default::default() })
            }
        }
    }
}

struct List<'a> {
    session: &'a Session,
    server: &'a str,
    kind: Kind,
    most: usize,
    max_bytes: usize,
}

impl List<'_> {
    /// Every item, of every page. A cursor that the server does not know any more begins the list anew, once.
    async fn items(&self) -> Result<Vec<Value>, UpstreamError> {
        match self.pages().await {
            Err((UpstreamError::InvalidParams { .. }, page)) if page > 0 => self.pages().await,
            other => other,
        }
        .map_err(|(error, _)| error)
    }

    async fn pages(&self) -> Result<Vec<Value>, (UpstreamError, usize)> {
        let mut items = Vec::new();
        let mut seen = HashSet::new();
        let mut cursor: Option<String> = None;
        for page in 0..MOST_PAGES {
            let asked = self.session.inquire(self.kind.request(cursor.as_deref()), self.max_bytes).await;
            let mut answer = asked.map_err(|error| (error, page))?;
            if let Some(Value::Array(more)) = answer.get_mut(self.kind.field()).map(Value::take) {
                items.extend(more);
            }
            let Some(next) = answer.get("nextCursor").and_then(Value::as_str) else { return Ok(items) };
            if items.len() >= self.most || !seen.insert(next.to_owned()) {
                break;
            }
            cursor = Some(next.to_owned());
        }
        items.truncate(self.most);
        let (server, list, kept) = (self.server, self.kind.field(), items.len());
        tracing::warn!(
            server,
            list,
            kept,
            "an MCP server's list has no end, or too many entries; the rest is left out"
        );
        Ok(items)
    }
}
