//! The contract, fact by fact.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is to panic")]

mod authentication;
mod bad_input;
mod command_line;
mod crash;
mod crash_retries;
mod entitlement_crashes;
mod entitlement_limits;
mod entitlement_overrides;
mod entitlement_reservations;
mod entitlements;
mod events;
mod isolation;
mod keys;
mod lists;
mod mcp;
mod mcp_resources;
mod me;
mod properties;
mod rate_limits;
mod replicas;
mod retries;
mod rotation;
mod scopes;
mod seo;
mod service;
mod stopping;
mod tokens;
mod webhook_deliveries;
mod webhook_tests;
mod webhooks;
mod workspace_context;
mod workspaces;
