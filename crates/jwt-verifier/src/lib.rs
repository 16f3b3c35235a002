#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod claims;
mod fetch;
mod header;
mod key_cache;
mod key_set;
mod options;
mod secret;
mod sign;
mod verifier;

pub use fetch::FetchError;
pub use key_set::UnusableKeySet;
pub use options::{InvalidJwksUrl, InvalidOptions, JwksUrl, JwtOptions, KeySource};
pub use secret::{Hs256Secret, InvalidSecret};
pub use sign::{NewToken, SignError, sign_hs256};
pub use verifier::JwtVerifier;
