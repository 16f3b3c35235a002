//! SEO reports (reference: SEO Reports).

mod body;
mod dto;
pub(crate) mod handlers;
mod params;
mod submitted;

pub(crate) use submitted::{MAX_REPORT_BYTES, REPORT_PATH};
