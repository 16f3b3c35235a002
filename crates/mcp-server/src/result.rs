use http_api::{Outcome, Tool};
use rmcp::model::{CallToolResult, ContentBlock, Tool as WireTool, ToolAnnotations};
use serde_json::Value;

/// A tool as the protocol shows it.
pub(crate) fn shown(tool: &'static Tool) -> WireTool {
    let mut wire = WireTool::new(tool.name, tool.description.as_str(), tool.input_schema.clone());
    wire.title = Some(tool.title.clone());
    wire.output_schema.clone_from(&tool.output_schema);
    let hints = tool.hints;
    wire.annotations = Some(
        ToolAnnotations::new()
            .read_only(hints.is_read_only)
            .destructive(hints.is_destructive)
            .idempotent(hints.is_idempotent)
            .open_world(hints.is_open_world),
    );
    wire
}

/// How a call went, as the protocol says it: the API's own body, as text and as a value, be it an error or not.
pub(crate) fn told(outcome: &Outcome) -> CallToolResult {
    let text = match &outcome.body {
        Some(body) => String::from_utf8_lossy(body).into_owned(),
        None if outcome.is_error => "The service did not answer.".to_owned(),
        None => "Done.".to_owned(),
    };
    let value = outcome.body.as_ref().and_then(|body| serde_json::from_slice::<Value>(body).ok());
    let content = vec![ContentBlock::text(text)];
    let mut result = if outcome.is_error { CallToolResult::error(content) } else { CallToolResult::success(content) };
    result.structured_content = value;
    result
}
