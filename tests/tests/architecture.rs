//! The arrows between the crates (docs/architecture.md), read off `cargo metadata`.

#![expect(clippy::expect_used, reason = "a test that can't go on is to panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

const KERNEL: &str = "core-domain";
const ADAPTERS: &[&str] = &[
    "store-sqlite",
    "store-postgres",
    "system",
    "local-limits",
    "redis-limits",
    "jwt-verifier",
    "webhook-sender",
    "dispatcher",
    "mcp-client",
];
const DOMAIN: &[&str] =
    &["workspaces", "keys", "tokens", "limits", "idempotency", "entitlements", "webhooks", "seo", "mcp"];
const HTTP: &str = "http-api";
const BINARY: &str = "core-api";
const TEST_SUPPORT: &[&str] = &["port-conformance", "testkit", "xtask", "acceptance"];

/// What the domain must compile without.
const KEPT_OUT_OF_THE_DOMAIN: &[&str] = &[
    "tokio",
    "diesel",
    "diesel-async",
    "actix-web",
    "reqwest",
    "redis",
    "deadpool",
    "jsonwebtoken",
    "rmcp",
    "getrandom",
    "rand",
];

/// Each member with the names of its dependencies, those for tests and builds left out.
fn members() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies");
            let names = dependencies
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| text(&dependency["name"]));
            (text(&package["name"]), names.collect())
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a name").to_owned()
}

/// The workspace's own crates that `name` depends on.
fn own(members: &BTreeMap<String, BTreeSet<String>>, name: &str) -> BTreeSet<String> {
    members[name].iter().filter(|dependency| members.contains_key(*dependency)).cloned().collect()
}

fn is_domain(name: &str) -> bool {
    name == KERNEL || DOMAIN.contains(&name)
}

#[test]
fn every_crate_has_its_layer() {
    let known: BTreeSet<&str> =
        [&[KERNEL, HTTP, BINARY], DOMAIN, ADAPTERS, TEST_SUPPORT].into_iter().flatten().copied().collect();
    let members = members();
    let found: BTreeSet<&str> = members.keys().map(String::as_str).collect();
    assert_eq!(found, known, "a new crate belongs into this test and into docs/architecture.md");
}

#[test]
fn domain_crates_know_the_kernel_alone() {
    let members = members();
    assert_eq!(own(&members, KERNEL), BTreeSet::new());
    for name in DOMAIN {
        assert_eq!(own(&members, name), BTreeSet::from([KERNEL.to_owned()]), "{name}");
    }
}

#[test]
fn the_domain_is_free_of_runtimes_and_drivers() {
    let members = members();
    for name in DOMAIN.iter().chain([&KERNEL]) {
        for unwanted in KEPT_OUT_OF_THE_DOMAIN {
            assert!(!members[*name].contains(*unwanted), "{name} depends on {unwanted}");
        }
    }
}

#[test]
fn adapters_and_delivery_know_the_domain_alone() {
    let members = members();
    for name in ADAPTERS.iter().chain([&HTTP]) {
        let strangers: Vec<String> = own(&members, name).into_iter().filter(|own| !is_domain(own)).collect();
        assert!(strangers.is_empty(), "{name} depends on {strangers:?}");
    }
}

#[test]
fn the_binary_alone_names_adapters() {
    let members = members();
    for name in members.keys().filter(|name| *name != BINARY) {
        // Tests ask the machine for the time through the one crate that may.
        let may_ask = |own: &str| name == "acceptance" && own == "system";
        let named: Vec<String> =
            own(&members, name).into_iter().filter(|own| ADAPTERS.contains(&own.as_str()) && !may_ask(own)).collect();
        assert!(named.is_empty(), "{name} depends on {named:?}");
    }
}
