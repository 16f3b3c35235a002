//! The gateway to MCP servers (reference: MCP).

pub(crate) mod call;
pub(crate) mod calls;
mod dto;
mod failures;
pub(crate) mod handlers;
mod params;
pub(crate) mod resources;
mod sight;

/// What is below this path may take as long as a server's `timeout_seconds` allows.
pub(crate) const PATH: &str = "/api/v1/mcp/";
