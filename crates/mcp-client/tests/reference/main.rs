//! The gateway with the reference servers, at the versions that `cargo xtask test` installs.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on is to fail")]

mod everything;
mod filesystem;
mod others;
mod stage;
