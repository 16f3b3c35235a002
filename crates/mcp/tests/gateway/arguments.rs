use std::collections::BTreeMap;

use mcp::{ArgumentFault, ArgumentSchema, SchemaFault};
use proptest::prelude::*;
use serde_json::{Value, json};

fn faults(schema: &Value, arguments: &Value) -> BTreeMap<String, Vec<String>> {
    match ArgumentSchema::compile(schema).check(arguments.as_object().unwrap()) {
        Ok(()) => BTreeMap::new(),
        Err(ArgumentFault::Invalid(fields)) => fields,
        Err(ArgumentFault::Schema(fault)) => panic!("{fault}"),
    }
}

#[test]
fn each_argument_has_its_own_message() {
    for dialect in
        ["http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2020-12/schema", "urn:unknown"]
    {
        let schema = json!({
            "$schema": dialect, "type": "object", "additionalProperties": false, "required": ["path", "edits"],
            "properties": {
                "path": { "type": "string", "minLength": 1 }, "head": { "type": ["integer", "null"] },
                "edits": { "type": "array", "items": { "$ref": "#/definitions/edit" } }, "kind": { "enum": ["a", "b"] },
            },
            "definitions": { "edit": { "type": "object", "properties": { "old": { "type": "string" } }, "required": ["old"] } },
        });
        let given =
            json!({ "path": "", "head": "x", "edits": [{ "old": "a" }, { "old": 1 }, {}], "kind": "c", "other": 1 });
        let found = faults(&schema, &given);
        let fields: Vec<&str> = found.keys().map(String::as_str).collect();
        let expected = [
            "arguments.edits.1.old",
            "arguments.edits.2.old",
            "arguments.head",
            "arguments.kind",
            "arguments.other",
            "arguments.path",
        ];
        assert_eq!(fields, expected);
        assert_eq!(found["arguments.edits.1.old"], ["The arguments.edits.1.old must be of type string."]);
        assert_eq!(found["arguments.edits.2.old"], ["The arguments.edits.2.old field is required."]);
        assert_eq!(found["arguments.other"], ["The arguments.other field is not known."]);
        assert_eq!(
            faults(&schema, &json!({ "edits": [] }))["arguments.path"],
            ["The arguments.path field is required."]
        );
        assert!(faults(&schema, &json!({ "path": "a", "edits": [], "head": null })).is_empty());
    }
}

#[test]
fn a_secret_value_is_not_repeated() {
    let schema =
        json!({ "properties": { "token": { "pattern": "^a+$" }, "id": { "const": 1 }, "n": { "maximum": 3 } } });
    let found = format!("{:?}", faults(&schema, &json!({ "token": "hunter2", "id": "hunter2", "n": 81729 })));
    assert!(!found.contains("hunter2") && !found.contains("81729"), "{found}");
}

#[test]
fn a_schema_is_bounded_and_fetches_nothing() {
    let deep = (0..100).fold(json!({}), |inner, _| json!({ "properties": { "a": inner } }));
    let wide = json!({ "enum": (0..30_000).collect::<Vec<_>>() });
    for large in [deep, wide] {
        assert_eq!(ArgumentSchema::compile(&large).fault(), Some(&SchemaFault::TooLarge));
    }
    for away in ["https://example.com/schema.json", "file:///etc/passwd", "other.json", "#/$defs/missing"] {
        let schema = ArgumentSchema::compile(&json!({ "properties": { "a": { "$ref": away } } }));
        assert!(matches!(schema.fault(), Some(SchemaFault::Unreadable(_))), "{away}");
        assert!(matches!(schema.check(&serde_json::Map::new()), Err(ArgumentFault::Schema(_))));
    }
    assert!(ArgumentSchema::compile(&json!({ "type": 5 })).fault().is_some());
}

#[test]
fn unusual_schemas_work() {
    assert!(faults(&json!(true), &json!({ "a": 1 })).is_empty());
    assert_eq!(faults(&json!(false), &json!({})).len(), 1);
    let tree = json!({ "type": "object", "properties": { "child": { "$ref": "#" }, "of": { "$ref": "#/properties/of2" }, "of2": { "type": "string" } } });
    assert_eq!(
        faults(&tree, &json!({ "child": { "child": { "of": 1 } } })).keys().next().unwrap(),
        "arguments.child.child.of"
    );
    let slow = json!({ "properties": { "a": { "type": "string", "pattern": "^(a+)+$" } } });
    assert_eq!(
        faults(&slow, &json!({ "a": format!("{}!", "a".repeat(4000)) })).len(),
        1,
        "a bounded match is no match"
    );
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    assert!(faults(&json!({}), &json!({ "a": deep }))["arguments"][0].contains("nested"));
}

proptest! {
    #[test]
    fn any_schema_is_taken_or_refused_without_a_panic(schema in any_json(), value in any_json()) {
        let compiled = ArgumentSchema::compile(&schema);
        if let Value::Object(arguments) = json!({ "a": value }) {
            let _ = compiled.check(&arguments);
        }
    }
}

pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("type"),
        Just("properties"),
        Just("required"),
        Just("$ref"),
        Just("items"),
        Just("anyOf"),
        Just("enum"),
        Just("const"),
        Just("description"),
        Just("allOf"),
        Just("additionalProperties"),
        Just("pattern"),
        Just("$defs"),
        Just("a"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        prop_oneof![
            Just("string"),
            Just("object"),
            Just("#"),
            Just("#/$defs/a"),
            Just("#/properties/a"),
            Just("null"),
            Just("(")
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..5).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}
