//! What tests and benches need and production must not have.
//!
//! [`ManualClock`] and [`SeededEntropy`] stand in for the machine's time and randomness. [`servers`] starts real PostgreSQL and Redis servers that live as long as a value and leave
//! nothing behind.

mod clock;
mod entropy;
pub mod servers;

pub use clock::ManualClock;
pub use entropy::SeededEntropy;
