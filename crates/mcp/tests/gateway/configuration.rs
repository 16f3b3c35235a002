use std::time::Duration;

use core_domain::Tier;
use mcp::{Isolation, PinPolicy, ProtocolHint, Registry, Transport};
use proptest::prelude::*;
use serde_json::json;

use crate::{parse, server};

#[test]
fn a_process_is_read_whole() {
    let it = server(&json!({
        "command": "uvx", "args": ["server", "--key=${TOKEN}"], "env": { "KEY": "${TOKEN}", "NONE": "${NONE:-fallback}" },
        "cwd": "/srv", "user": "nobody", "memory_limit_mib": 256, "name": "It", "description": "Does it",
        "workspaces": [1, 2], "tiers": ["pro", "agency"], "tools": ["a"], "timeout_seconds": 5, "isolation": "per_workspace",
        "pin": true, "protocol": "legacy", "concurrency": 3, "queue": 0, "idle_seconds": 60, "start_timeout_seconds": 7,
        "max_result_bytes": 2048, "resources": false,
    }));
    let Transport::Stdio(process) = &it.transport else { panic!("{it:?}") };
    assert_eq!(process.args[1].expose(), "--key=t0p-s3cret");
    assert_eq!((process.env["KEY"].expose(), process.env["NONE"].expose()), ("t0p-s3cret", "fallback"));
    assert_eq!((process.user.as_deref(), process.memory_limit_mib), (Some("nobody"), Some(256)));
    assert_eq!(it.tiers.iter().flatten().copied().collect::<Vec<_>>(), [Tier::Pro, Tier::Agency]);
    assert_eq!(
        (it.isolation, it.pin.clone(), it.protocol),
        (Isolation::PerWorkspace, PinPolicy::FirstSeen, ProtocolHint::Legacy)
    );
    assert_eq!((it.timeout, it.idle), (Duration::from_secs(5), Some(Duration::from_mins(1))));
    assert_eq!((it.concurrency, it.queue, it.max_result_bytes, it.resources), (3, 0, 2048, false));
    assert!(!format!("{it:?}").contains("s3cret"), "{it:?}");
}

#[test]
fn what_is_left_out_has_defaults() {
    let it = server(
        &json!({ "url": "https://example.com/mcp?key=${TOKEN}", "headers": { "Authorization": "Bearer ${TOKEN}" } }),
    );
    let Transport::Http(http) = &it.transport else { panic!("{it:?}") };
    assert_eq!(http.headers["authorization"].expose(), "Bearer t0p-s3cret");
    assert_eq!((it.name.as_str(), it.description.as_str(), it.timeout), ("it", "", Duration::from_secs(30)));
    assert_eq!((it.workspaces, it.tiers, it.tools.clone(), it.pin.clone()), (None, None, None, PinPolicy::Off));
    assert!(!format!("{http:?}").contains("s3cret"));
}

#[test]
fn a_fault_names_its_field_and_no_secret() {
    let cases = [
        (json!({}), "mcpServers.it", "needs command or url"),
        (json!({ "command": "a", "url": "http://x" }), "mcpServers.it", "both"),
        (json!({ "type": "sse", "url": "http://x" }), "mcpServers.it.type", "not spoken"),
        (json!({ "command": "./a" }), "mcpServers.it.command", "absolute path"),
        (json!({ "command": "a", "cwd": "b" }), "mcpServers.it.cwd", "absolute"),
        (json!({ "command": "a", "args": ["${MISSING}"] }), "mcpServers.it.args.0", "environment variable MISSING"),
        (json!({ "command": "a", "env": { "A": 1 } }), "mcpServers.it.env.A", "text"),
        (json!({ "command": "a", "timeout_seconds": 0 }), "mcpServers.it.timeout_seconds", "from 1 to 600"),
        (json!({ "command": "a", "workspace": [1] }), "mcpServers.it.workspace", "not known"),
        (json!({ "command": "a", "workspaces": ["1"] }), "mcpServers.it.workspaces", "workspace ids"),
        (json!({ "command": "a", "tiers": ["gold"] }), "mcpServers.it.tiers", "free, starter"),
        (json!({ "command": "a", "isolation": "none" }), "mcpServers.it.isolation", "shared, per_workspace"),
        (json!({ "command": "a", "pin": { "t": "abc" } }), "mcpServers.it.pin", "sha256"),
        (json!({ "command": "a", "headers": { "x": "y" } }), "mcpServers.it.headers", "not known"),
        (json!({ "url": "ftp://x" }), "mcpServers.it.url", "http or https"),
        (json!({ "url": "http://a:${TOKEN}@x" }), "mcpServers.it.url", "neither user"),
        (
            json!({ "url": "http://x", "headers": { "Mcp-Session-Id": "y" } }),
            "mcpServers.it.headers.Mcp-Session-Id",
            "no header",
        ),
        (
            json!({ "url": "http://x", "headers": { "x": "${TOKEN}\r\ny: z" } }),
            "mcpServers.it.headers.x",
            "visible ASCII",
        ),
    ];
    for (fields, field, reason) in cases {
        let fault = parse(&json!({ "it": fields })).unwrap_err();
        assert_eq!(fault.field, field, "{fault}");
        assert!(fault.reason.contains(reason) && !fault.to_string().contains("s3cret"), "{fault}");
    }
    let of = |text: &str| Registry::parse(text, &|_| None).unwrap_err().to_string();
    assert_eq!(of("{"), "line 1 column 1 is not JSON: it ends too early");
    assert_eq!(of("{}"), "mcpServers is missing");
    assert_eq!(of(r#"{"mcpServers":{"a b":{}}}"#).split(' ').next(), Some("mcpServers.a"));
    assert_eq!(of(r#"{"mcpServers":{"a":{"command":"x"},"a":{"command":"y"}}}"#), "mcpServers.a is there twice");
    assert!(of(r#"{"mcpServers":{},"servers":{}}"#).starts_with("servers is not known"));
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,200}", key in "[a-z_]{1,24}", value in "[\\[\\]{}\"0-9a-z$:,]{0,30}") {
        let _ = Registry::parse(&text, &|_| None);
        let _ = Registry::parse(&format!("{{\"mcpServers\":{{\"a\":{{\"command\":\"x\",\"{key}\":{value}}}}}}}"), &|_| None);
    }
}
