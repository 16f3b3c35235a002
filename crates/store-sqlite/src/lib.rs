#![doc = include_str!("../README.md")]

mod account_directory;
mod accounts;
mod credentials;
mod entitlements;
mod error;
mod events;
mod idempotency;
mod ids;
mod keys;
mod lease;
mod mcp;
mod memberships;
mod migrations;
mod open;
#[cfg(test)]
mod plan;
mod pool;
mod schema;
mod search;
mod seo;
mod store;
mod tx;
mod webhooks;
mod workspaces;

pub use store::{SqliteOptions, SqliteStore};
pub use tx::SqliteTx;
