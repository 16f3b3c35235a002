//! API keys (reference: API Keys).

mod dto;
pub(crate) mod handlers;
mod includes;
mod params;

pub(crate) use dto::EnvironmentWord;
