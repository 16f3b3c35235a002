//! The gateway against a server that misbehaves (`tests/hostile.py`), and against itself being killed.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on is to fail")]

mod answers;
mod catalogues;
mod eras;
mod http;
mod limits;
mod processes;
mod reloads;
mod stage;
mod starts;
