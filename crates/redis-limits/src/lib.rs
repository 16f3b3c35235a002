#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod breaker;
mod denials;
mod error;
mod limiter;
mod link;
mod script;

pub use error::{ConnectError, Unreachable};
pub use limiter::{RedisOptions, RedisRateLimiter};
