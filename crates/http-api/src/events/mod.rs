//! An application's events (contract: Events and webhooks).

mod dto;
pub(crate) mod handlers;
mod params;

pub(crate) use dto::EventView;
