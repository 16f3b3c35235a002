#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod answer;
mod fault;
mod options;
mod resolver;
mod sender;

pub use options::{EgressProxy, InvalidOptions, InvalidProxy, SenderOptions};
pub use resolver::{Lookup, SystemLookup};
pub use sender::ReqwestSender;
