#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod claimer;
mod desk;
mod dispatcher;
mod options;
mod publisher;
mod settler;

pub use dispatcher::Dispatcher;
pub use options::Options;
pub use publisher::Publisher;
