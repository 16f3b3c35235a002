use std::collections::HashSet;

use serde_json::Value;

use crate::{ToolAnswer, UpstreamError};

/// What a tool answered, as callers get it (reference: Call MCP Tool).
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// The text blocks, joined by line feeds; without any, the structured content as JSON, else nothing. A text that is
    /// JSON stays a text.
    pub content: String,
    /// All blocks.
    pub blocks: Vec<Value>,
    /// The structured content; `Some(Value::Null)` where the tool gave null.
    pub structured_content: Option<Value>,
    /// Whether the tool says that it failed.
    pub is_error: bool,
}

impl ToolResult {
    /// # Errors
    /// [`UpstreamError::TooLarge`] when the answer holds more than `limit` bytes. What the structured content repeats of
    /// the blocks counts once.
    pub fn of(answer: ToolAnswer, limit: usize) -> Result<Self, UpstreamError> {
        let ToolAnswer { blocks, structured_content, is_error } = answer;
        if counted_bytes(&blocks, structured_content.as_ref()) > limit {
            return Err(UpstreamError::TooLarge { limit });
        }
        let texts = blocks.iter().filter(|block| block.get("type").is_some_and(|kind| kind == "text"));
        let texts: Vec<&str> = texts.filter_map(|block| block.get("text")?.as_str()).collect();
        let content = match &structured_content {
            Some(structured) if texts.is_empty() => structured.to_string(),
            _ => texts.join("\n"),
        };
        Ok(Self { content, blocks, structured_content, is_error })
    }

    /// The UTF-8 bytes of the content.
    pub fn size(&self) -> usize {
        self.content.len()
    }
}

/// Texts shorter than this are counted wherever they are: looking for their twin costs more than they do.
const MIN_SHARED_BYTES: usize = 64;

/// What an answer holds: the bytes of its texts, and a few for each value.
fn counted_bytes(blocks: &[Value], structured: Option<&Value>) -> usize {
    let mut long = HashSet::new();
    let in_blocks: usize = blocks
        .iter()
        .map(|block| {
            bytes(block, &mut |text| {
                long.insert(text);
                true
            })
        })
        .sum();
    let beside = structured.map_or(0, |value| bytes(value, &mut |text| !long.contains(text)));
    in_blocks + beside
}

fn bytes<'v>(value: &'v Value, counts: &mut impl FnMut(&'v str) -> bool) -> usize {
    const OF_A_VALUE: usize = 8;
    match value {
        Value::String(text) if text.len() < MIN_SHARED_BYTES || counts(text) => text.len() + OF_A_VALUE,
        Value::Array(items) => items.iter().map(|item| bytes(item, counts)).sum::<usize>() + OF_A_VALUE,
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| key.len() + bytes(value, counts)).sum::<usize>() + OF_A_VALUE
        }
        _ => OF_A_VALUE,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn result(blocks: Vec<Value>, structured_content: Option<Value>) -> ToolResult {
        ToolResult::of(ToolAnswer { blocks, structured_content, is_error: false }, 10_000).unwrap()
    }

    #[test]
    fn texts_are_joined_and_sized_in_bytes() {
        let text = |text: &str| json!({ "type": "text", "text": text });
        let image = json!({ "type": "image", "data": "aGk=", "mimeType": "image/png" });
        let both = result(vec![text("é"), image.clone(), text("{\"a\":1}")], None);
        assert_eq!((both.content.as_str(), both.size()), ("é\n{\"a\":1}", 10));
        assert_eq!(both.blocks.len(), 3);
        assert_eq!(result(vec![image], None).content, "");
        assert_eq!(result(vec![], Some(json!({ "b": 1, "a": 2 }))).content, "{\"b\":1,\"a\":2}");
        let null = result(vec![], Some(Value::Null));
        assert_eq!((null.content.as_str(), null.structured_content), ("null", Some(Value::Null)));
        assert_eq!(
            result(vec![], None),
            ToolResult { content: String::new(), blocks: vec![], structured_content: None, is_error: false }
        );
    }

    #[test]
    fn what_is_said_twice_counts_once() {
        let data = "A".repeat(600);
        let image = json!({ "type": "image", "data": data, "mimeType": "image/png" });
        let answer = |structured| ToolAnswer {
            blocks: vec![image.clone()],
            structured_content: Some(structured),
            is_error: false,
        };
        assert!(ToolResult::of(answer(json!({ "content": [image.clone()] })), 1_000).is_ok());
        let refused = ToolResult::of(answer(json!({ "other": "B".repeat(600) })), 1_000);
        assert_eq!(refused, Err(UpstreamError::TooLarge { limit: 1_000 }));
    }
}
