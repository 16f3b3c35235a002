mod list;
mod reach;
mod read;
mod row;
mod write;

pub(crate) use row::KeyRow;
