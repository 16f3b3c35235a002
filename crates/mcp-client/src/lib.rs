#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod connection;
mod era;
mod fleet;
mod gateway;
mod http;
mod listener;
mod meters;
mod options;
mod outcome;
mod policy;
mod process;
mod reading;
mod server;
mod session;
mod shapes;
mod shared;
mod stage;
mod state;
mod stdio;
mod subscription;
mod supervisor;
mod ticket;
mod turns;

pub use gateway::Gateway;
pub use options::Options;
