mod batch;
mod list;
mod read;
mod row;
mod stats;
pub(crate) mod upkeep;
mod write;
