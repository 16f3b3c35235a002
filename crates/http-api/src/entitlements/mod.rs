//! Entitlements (reference: Entitlements).

mod batches;
mod dto;
mod front;
pub(crate) mod handlers;
pub(crate) mod overrides;
mod params;
mod refusals;
pub(crate) mod reservations;
mod standings;

pub use front::Entitlements;
