mod list;
mod lock;
pub(crate) mod purge;
mod read;
mod row;
mod save;
mod standing;
mod write;
