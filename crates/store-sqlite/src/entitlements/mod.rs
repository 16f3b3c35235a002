mod list;
pub(crate) mod purge;
mod read;
mod row;
mod standing;
mod write;
