//! Which tokens are good, against real keys and a real HTTP server.
//!
//! Tokens are put together and signed here with `aws-lc-rs` itself, so that they can be wrong in every way. All keys
//! are made anew in each run.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is to fail")]

mod algorithms;
mod any_text;
mod claims;
mod good;
mod key_sets;
mod keys;
mod rotation;
mod server;
mod shapes;
mod signatures;
mod stage;
