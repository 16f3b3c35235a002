//! What the use cases of keys promise, with mocks for the store.
#![expect(clippy::unwrap_used, reason = "a test fails where it finds something else")]

mod authenticator;
mod grants;
mod support;
