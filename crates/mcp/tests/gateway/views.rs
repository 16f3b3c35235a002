use core_domain::{Environment, McpServers, Tier};
use mcp::{Catalogue, Pins, View, Viewer};
use proptest::prelude::*;
use serde_json::json;

use crate::{parse, raw, realm, tool};

#[test]
fn workspace_tier_and_key_must_all_allow_a_server() {
    let registry = parse(&json!({
        "all": { "command": "x" }, "one": { "command": "x", "workspaces": [1] }, "paid": { "command": "x", "tiers": ["pro"] },
        "none": { "command": "x", "workspaces": [] }, "own": { "command": "x", "isolation": "per_workspace" },
    }))
    .unwrap();
    let seen = |workspace, tier, servers: Option<&McpServers>| {
        let views = View::all(&registry, &Viewer { realm: realm(workspace), tier, servers });
        views.iter().map(|view| view.server.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(seen(1, Tier::Free, None), ["all", "one", "own"]);
    assert_eq!(seen(2, Tier::Pro, None), ["all", "own", "paid"]);
    let key: McpServers = ["paid", "unknown", "one"].map(str::to_owned).into_iter().collect();
    assert_eq!(seen(1, Tier::Pro, Some(&key)), ["one", "paid"]);
    assert!(seen(1, Tier::Pro, Some(&McpServers::from_iter([]))).is_empty());
}

#[test]
fn each_world_of_a_workspace_has_its_own_copy_where_they_are_apart() {
    let registry =
        parse(&json!({ "own": { "command": "x", "isolation": "per_workspace" }, "shared": { "command": "x" } }))
            .unwrap();
    let copies = |workspace, environment| {
        let realm = core_domain::Realm { environment, ..realm(workspace) };
        View::all(&registry, &Viewer { realm, tier: Tier::Free, servers: None })
            .into_iter()
            .map(|view| view.instance)
            .collect::<Vec<_>>()
    };
    let (live, test, other) =
        (copies(1, Environment::Live), copies(1, Environment::Test), copies(2, Environment::Live));
    assert!(live[0] != test[0] && live[0] != other[0] && test[0] != other[0]);
    assert!(live[1] == test[1] && live[1] == other[1]);
}

proptest! {
    /// What a list shows is what can be called, and nothing else.
    #[test]
    fn lists_and_calls_see_the_same_tools(
        offered in prop::collection::vec("[a-c]{1,2}", 0..8), allowed in prop::option::of(prop::collection::vec("[a-d]{1,2}", 0..6)), name in "[a-d]{1,2}",
    ) {
        let mut fields = json!({ "command": "x" });
        if let Some(allowed) = &allowed {
            fields["tools"] = json!(allowed);
        }
        let registry = parse(&json!({ "it": fields }))?;
        let view = View::all(&registry, &Viewer { realm: realm(1), tier: Tier::Free, servers: None }).remove(0);
        let raw = raw(offered.iter().map(|name| tool(name, "")).collect());
        let catalogue = Catalogue::assemble(&view.server, &mut Pins::default(), raw, core_domain::Timestamp::MIN);
        let listed = view.tools(&catalogue).any(|tool| tool.definition.name == name);
        prop_assert_eq!(listed, view.tool(&catalogue, &name).is_some());
        prop_assert_eq!(listed, offered.contains(&name) && allowed.is_none_or(|allowed| allowed.contains(&name)));
    }
}
