//! The contract, fact by fact.
