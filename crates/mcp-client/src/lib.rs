//! x
mod stdio;
mod ticket;
