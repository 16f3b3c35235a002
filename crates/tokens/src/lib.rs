#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod authenticator;
mod claims;
mod error;
mod ports;

pub use authenticator::TokenAuthenticator;
pub use claims::{Claims, InvalidSubject, Subject};
pub use error::{AuthenticateError, Rejection, VerifyTokenError};
pub use ports::{AccountDirectory, KnownAccount, TokenVerifier};

#[cfg(feature = "mocks")]
pub use ports::{MockAccountDirectory, MockTokenVerifier};

/// The longest token, in bytes. A longer one is refused unread.
pub const MAX_TOKEN_LEN: usize = 16 * 1024;
