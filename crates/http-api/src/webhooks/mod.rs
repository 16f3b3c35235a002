//! Webhooks and their deliveries (reference: Webhooks).

pub(crate) mod deliveries;
mod delivery_dto;
mod dto;
pub(crate) mod handlers;
mod includes;
mod params;
pub(crate) mod statistics;
pub(crate) mod test;
