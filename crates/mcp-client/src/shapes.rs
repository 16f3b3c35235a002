//! From the wire to the domain's values. What can't be read is left out, and never takes its siblings with it.

use mcp::{Resource, ResourceBody, ResourceContents, ResourceTemplate, ToolAnswer, ToolDefinition};
use serde_json::Value;

/// A tool; `None` without a name. Its schema may be anything: whoever checks arguments judges it.
pub(crate) fn tool(value: &Value) -> Option<ToolDefinition> {
    Some(ToolDefinition {
        name: text(value, "name")?,
        title: text(value, "title"),
        description: text(value, "description"),
        input_schema: value.get("inputSchema").cloned().unwrap_or(Value::Null),
        output_schema: present(value, "outputSchema"),
        annotations: present(value, "annotations"),
    })
}

pub(crate) fn resource(value: &Value) -> Option<Resource> {
    let uri = text(value, "uri")?;
    Some(Resource {
        name: text(value, "name").unwrap_or_else(|| uri.clone()),
        uri,
        title: text(value, "title"),
        description: text(value, "description"),
        mime_type: text(value, "mimeType"),
        size: value.get("size").and_then(Value::as_u64),
    })
}

pub(crate) fn template(value: &Value) -> Option<ResourceTemplate> {
    let uri_template = text(value, "uriTemplate")?;
    Some(ResourceTemplate {
        name: text(value, "name").unwrap_or_else(|| uri_template.clone()),
        uri_template,
        title: text(value, "title"),
        description: text(value, "description"),
        mime_type: text(value, "mimeType"),
    })
}

pub(crate) fn answer(mut value: Value) -> ToolAnswer {
    let blocks = match value.get_mut("content").map(Value::take) {
        Some(Value::Array(blocks)) => blocks.into_iter().filter(|block| text_of(block, "type").is_some()).collect(),
        _ => Vec::new(),
    };
    ToolAnswer {
        blocks,
        structured_content: value.get_mut("structuredContent").map(Value::take),
        is_error: value.get("isError").and_then(Value::as_bool).unwrap_or(false),
    }
}

pub(crate) fn contents(value: &Value) -> Vec<ResourceContents> {
    let parts = value.get("contents").and_then(Value::as_array);
    parts.into_iter().flatten().filter_map(part).collect()
}

fn part(value: &Value) -> Option<ResourceContents> {
    let body = match (text(value, "text"), text(value, "blob")) {
        (Some(text), _) => ResourceBody::Text(text),
        (None, Some(blob)) => ResourceBody::Blob(blob),
        (None, None) => return None,
    };
    Some(ResourceContents { uri: text(value, "uri")?, mime_type: text(value, "mimeType"), body })
}

fn text(value: &Value, field: &str) -> Option<String> {
    text_of(value, field).map(str::to_owned)
}

fn text_of<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Value::as_str)
}

fn present(value: &Value, field: &str) -> Option<Value> {
    value.get(field).filter(|value| !value.is_null()).cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_null_result_differs_from_none() {
        assert_eq!(answer(json!({"structuredContent": null})).structured_content, Some(Value::Null));
        assert_eq!(answer(json!({})), ToolAnswer::default());
    }

    #[test]
    fn blocks_stay_as_they_were_sent() {
        let block = json!({"type": "hologram", "odd": [1.0]});
        let answer = answer(json!({"content": [block, "text", {"x": 1}], "isError": true}));
        assert_eq!((answer.blocks, answer.is_error), (vec![block], true));
    }

    #[test]
    fn contents_without_a_body_are_left_out() {
        let read = contents(
            &json!({"contents": [{"uri": "a:1"}, {"uri": "a:2", "text": ""}, {"uri": "a:3", "blob": "AA=="}]}),
        );
        assert_eq!(read.len(), 2);
        assert_eq!(read[1].body, ResourceBody::Blob("AA==".to_owned()));
    }

    #[test]
    fn any_schema_makes_a_tool() {
        for schema in [json!(true), json!("text"), json!({"type": 7}), Value::Null] {
            let read = tool(&json!({"name": "t", "inputSchema": schema.clone()}));
            assert_eq!(read.map(|tool| tool.input_schema), Some(schema));
        }
        assert_eq!(tool(&json!({"title": "no name"})), None);
    }
}
