//! The ground of the acceptance tests: the real binary on a database of its own, and a client that holds every
//! answer against the server's own description and the contract.
//!
//! A test sets a [`Stage`] and plays on it. Nothing is shared between tests but the PostgreSQL server, on which each
//! has a database of its own.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that can't go on is to panic")]

mod client;
mod contract;
mod database;
mod mcp_servers;
mod moment;
mod official;
mod raw;
mod receiver;
mod server;
mod spec;
mod stage;

pub use client::{Answer, Api, Request};
pub use contract::{NOT_FOUND, UNAUTHORIZED, denied, validation};
pub use database::{Backend, Database};
pub use mcp_servers::McpServers;
pub use moment::{eventually, is_moment, moment, random_below, seconds_from_now, shifted};
pub use official::{Verdict, verify_officially};
pub use raw::{Raw, percent_encoded};
pub use receiver::{Received, Receiver, Reply};
pub use server::{PATIENCE, Server, Settings, run};
pub use spec::{Operation, Spec};
pub use stage::{NewKey, Stage, Tenant, made_up_key};

/// Makes two tests of every named function, `sqlite::name` and `postgres::name`: each is given the [`Backend`].
///
/// A function that is not named is reported by the compiler as unused.
#[macro_export]
macro_rules! on_both_stores {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name($crate::Backend::Sqlite).await; })+
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name($crate::Backend::Postgres).await; })+
        }
    };
}

/// As [`on_both_stores!`], for functions that are not asynchronous.
#[macro_export]
macro_rules! blocking_on_both_stores {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name($crate::Backend::Sqlite); })+
        }
        mod postgres {
            $(#[test] fn $name() { super::$name($crate::Backend::Postgres); })+
        }
    };
}
