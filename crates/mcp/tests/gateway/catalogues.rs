use core_domain::Timestamp;
use mcp::{Catalogue, Pins, QuarantineReason, ServerConfig, ToolDefinition};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::arguments::any_json;
use crate::{raw, server, tool};

fn assemble(
    config: &ServerConfig,
    pins: &mut Pins,
    tools: &[ToolDefinition],
) -> (Vec<String>, Vec<(String, QuarantineReason)>) {
    let catalogue = Catalogue::assemble(config, pins, raw(tools.to_vec()), Timestamp::MIN);
    let kept = catalogue.tools.iter().map(|tool| tool.definition.name.clone()).collect();
    (kept, catalogue.quarantined.iter().map(|it| (it.name.clone(), it.reason)).collect())
}

#[test]
fn a_pinned_tool_that_changes_is_put_into_quarantine() {
    let config = server(&json!({ "command": "x", "pin": true }));
    let mut pins = Pins::default();
    let (read, write) = (tool("read", "reads"), tool("write", "writes"));
    assert_eq!(assemble(&config, &mut pins, &[read.clone(), write.clone()]).1, []);
    let changed = tool("read", "reads, and sends it elsewhere");
    let (kept, quarantined) = assemble(&config, &mut pins, &[changed, write.clone(), tool("reed", "reads")]);
    assert_eq!(kept, ["write"]);
    let expected = [("read".to_owned(), QuarantineReason::Changed), ("reed".to_owned(), QuarantineReason::Added)];
    assert_eq!(quarantined, expected);
    assert_eq!(
        assemble(&config, &mut pins, &[read, write]).0,
        ["read", "write"],
        "back as it was, it is trusted again"
    );
}

#[test]
fn approved_definitions_hold_from_the_first_catalogue() {
    let read = tool("read", "reads");
    let config = server(&json!({ "command": "x", "pin": { "read": read.digest().to_string() } }));
    let (kept, quarantined) = assemble(&config, &mut Pins::default(), &[read, tool("write", "")]);
    assert_eq!((kept, quarantined), (vec!["read".to_owned()], vec![("write".to_owned(), QuarantineReason::Added)]));
    let off = server(&json!({ "command": "x" }));
    let mut pins = Pins::default();
    assemble(&off, &mut pins, &[tool("a", "1")]);
    assert_eq!(assemble(&off, &mut pins, &[tool("a", "2"), tool("b", "")]).0, ["a", "b"]);
}

#[test]
fn one_bad_tool_spoils_no_other() {
    let config = server(&json!({ "command": "x" }));
    let broken = ToolDefinition { input_schema: json!({ "$ref": "https://example.com/x" }), ..tool("broken", "") };
    let hiding = ToolDefinition { title: Some("T\u{202e}".to_owned()), ..tool("good", "say\u{200b} hi\u{1b}") };
    let tools = [broken, tool("a b", ""), tool("", ""), hiding, tool("good", "twin"), tool("no\u{200b}pe", "")];
    let (kept, quarantined) = assemble(&config, &mut Pins::default(), &tools);
    assert_eq!(kept, ["broken", "good"]);
    let names: Vec<&str> = quarantined.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a b", "", "good", "nope"]);
    let catalogue = Catalogue::assemble(&config, &mut Pins::default(), raw(tools.to_vec()), Timestamp::MIN);
    let good = catalogue.tool("good").unwrap();
    assert_eq!((good.definition.title.as_deref(), good.definition.description.as_deref()), (Some("T"), Some("say hi")));
    assert!(catalogue.tool("broken").unwrap().arguments.fault().is_some());
}

fn shuffled(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.iter().rev().map(|(key, value)| (key.clone(), shuffled(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(shuffled).collect()),
        plain => plain.clone(),
    }
}

proptest! {
    #[test]
    fn a_digest_knows_content_and_not_the_order_of_keys(schema in any_json(), other in any_json()) {
        let with = |schema: &Value| ToolDefinition { input_schema: schema.clone(), ..tool("a", "b") }.digest();
        prop_assert_eq!(with(&schema), with(&shuffled(&schema)));
        prop_assert_eq!(with(&schema) == with(&other), schema == other);
    }
}
