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
mod memberships;
mod migrations;
mod pixel;
mod pool;
mod schema;
mod store;
mod time;
mod tx;
mod workspaces;

pub use connector::ConnectError;
pub use pool::PgOptions;
pub use store::PgStore;
pub use tx::PgTx;
