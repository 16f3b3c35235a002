#![doc = include_str!("../README.md")]

mod account_directory;
mod accounts;
mod connector;
mod credentials;
mod entitlements;
mod error;
mod events;
mod idempotency;
mod keys;
mod list;
mod mcp;
mod memberships;
mod migrations;
mod pool;
mod prepared;
mod schema;
mod seo;
mod store;
mod time;
mod tx;
mod webhooks;
mod workspaces;

pub use connector::ConnectError;
pub use pool::PgOptions;
pub use store::PgStore;
pub use tx::PgTx;
