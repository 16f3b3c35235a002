#![doc = include_str!("../README.md")]

mod handler;
mod result;
mod server;
mod unreadable;

pub use server::McpServer;
