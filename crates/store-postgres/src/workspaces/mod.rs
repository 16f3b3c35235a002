mod list;
mod purge;
mod read;
mod row;
mod write;
