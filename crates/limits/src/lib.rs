#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

#[cfg(feature = "conformance")]
pub mod conformance;
mod decision;
mod policy;
mod ports;
mod subject;
mod window;

pub use decision::{Decision, Refusal, Standing};
pub use policy::{ANONYMOUS, FAILED_CREDENTIALS, PIXEL};
pub use ports::RateLimiter;
pub use subject::{AddressBlock, Subject};
pub use window::Window;

#[cfg(feature = "mocks")]
pub use ports::MockRateLimiter;
