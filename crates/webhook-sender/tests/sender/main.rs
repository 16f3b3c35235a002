//! Sending, against real receivers on the loopback.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is to fail")]

mod answers;
mod deadline;
mod faults;
mod guard;
mod proxy;
mod receiver;
mod stage;
mod tls;
