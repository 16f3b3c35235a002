#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod authenticator;
mod error;
mod model;
mod policy;
mod ports;
mod query;
mod service;

pub use authenticator::{Authenticator, LastUsed};
pub use error::{AuthenticateError, IssueKeyError, Rejection, RevokeKeyError, RotateKeyError};
pub use model::digest::{KeyDigest, KeyHasher, PepperVersion};
pub use model::key::{ApiKey, InvalidKeyName, KeyName, KeyStatus};
pub use model::token::{MalformedToken, Token};
pub use policy::GrantError;
pub use ports::{CredentialStore, KeyReach, KeyReader, KeyRepository, KeyTx, StoredCredential};
pub use query::{KeyFilter, KeyQuery, KeySort, TierFilter};
pub use service::{GracePeriod, InvalidGracePeriod, IssueKey, IssuedKey, KeyService, RotateKey};

#[cfg(feature = "mocks")]
pub use ports::{MockCredentialStore, MockKeyReader, MockKeyRepository};
