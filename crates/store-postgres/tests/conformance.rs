//! The storage suite on PostgreSQL.

mod support;

use port_conformance::storage_conformance;
use support::TestDatabase;

storage_conformance!(TestDatabase::migrated().await);
