//! The storage suite on PostgreSQL, and what this store promises beyond it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is to fail")]

mod idempotency;
mod migrations;
mod partitions;
mod plans;
mod signals;
mod support;
mod transactions;

use port_conformance::storage_conformance;
use support::TestDatabase;

mod ports {
    use super::*;

    storage_conformance!(TestDatabase::migrated().await);
}
