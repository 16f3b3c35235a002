//! Results of the `lighthouse` tool (versions 5 to 13), as it writes them, and as `PageSpeed` Insights wraps them.
//!
//! Only what reports are made of is read; screenshots, traces, network logs and source texts are passed over unread.

mod lenient;
mod mapping;
mod result;
mod severity;

pub use mapping::InvalidResult;
pub use result::{LighthouseResult, PageSpeedResult};
