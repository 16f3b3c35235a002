//! Reports as tools write them, and what becomes of the issues of a page.

#![expect(clippy::unwrap_used, reason = "a test that fails is to say so")]

mod lighthouse;
mod rules;
mod sequences;
mod support;
