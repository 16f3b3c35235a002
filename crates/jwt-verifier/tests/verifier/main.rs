//! Which tokens are good, against real keys and a real HTTP server.
//!
//! Tokens are put together and signed here with `aws-lc-rs` itself, so that they can be wrong in every way. All keys
//! are made anew in each run.

mod any_text;
mod attacks;
mod claims;
mod good;
mod key_sets;
mod keys;
mod rotation;
mod server;
mod stage;
