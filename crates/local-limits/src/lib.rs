#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod limiter;
mod shard;

pub use limiter::LocalRateLimiter;
