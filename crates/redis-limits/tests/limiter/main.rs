//! The limiter on real Redis servers.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is to fail")]

mod conformance;
mod outage;
mod support;
