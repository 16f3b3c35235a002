use mcp::parameters;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::arguments::any_json;

#[test]
fn every_form_of_property_has_its_line() {
    let schema = json!({
        "type": "object",
        "properties": {
            "type": { "type": "string", "description": "a property called type" },
            "required": { "type": ["integer", "null"], "default": null },
            "maybe": { "anyOf": [{ "type": "string", "format": "uri" }, { "type": "null" }], "description": "hi\u{200b}dden" },
            "either": { "oneOf": [{ "type": "string" }, { "type": "number" }] },
            "by_ref": { "$ref": "#/$defs/unit" }, "by_property": { "$ref": "#/properties/type" }, "loop": { "$ref": "#/properties/loop" },
            "fixed": { "const": 5 }, "words": { "enum": ["a", "b"] }, "anything": true, "nothing": false, "gone": { "$ref": "#/nowhere" },
            "list": { "type": "array", "items": { "type": "string" } }, "odd": { "type": "text" }, "plain": {},
        },
        "allOf": [{ "properties": { "late": { "type": "boolean" } }, "required": ["late"] }],
        "required": ["type"],
        "$defs": { "unit": { "type": "string", "description": "a unit", "enum": ["m", "s"] } },
    });
    let map = parameters(&schema);
    let types: Vec<(&str, &str)> = map.iter().map(|(name, it)| (name.as_str(), it["type"].as_str().unwrap())).collect();
    let expected = [
        ("type", "string"),
        ("required", "integer"),
        ("maybe", "string"),
        ("either", "any"),
        ("by_ref", "string"),
        ("by_property", "string"),
        ("loop", "any"),
        ("fixed", "integer"),
        ("words", "string"),
        ("anything", "any"),
        ("nothing", "any"),
        ("gone", "any"),
        ("list", "array"),
        ("odd", "any"),
        ("plain", "any"),
        ("late", "boolean"),
    ];
    assert_eq!(types, expected);
    assert_eq!(map["type"], json!({ "type": "string", "description": "a property called type", "required": true }));
    let required =
        json!({ "type": "integer", "description": "", "required": false, "nullable": true, "default": null });
    assert_eq!(map["required"], required);
    assert_eq!(map["maybe"]["description"], "hidden");
    assert_eq!(map["by_ref"]["description"], "a unit");
    assert_eq!(map["by_ref"]["enum"], json!(["m", "s"]));
    assert_eq!(map["late"]["required"], true);
    assert_eq!(map["list"]["items"], json!({ "type": "string" }));
    for odd in [json!(true), json!({}), json!({ "properties": [] }), json!({ "$ref": "#" }), json!(null)] {
        assert!(parameters(&odd).is_empty());
    }
}

proptest! {
    #[test]
    fn any_schema_has_a_map(schema in any_json()) {
        for (_, parameter) in parameters(&schema) {
            prop_assert!(matches!(&parameter["type"], Value::String(_)) && parameter["required"].is_boolean());
        }
    }
}
