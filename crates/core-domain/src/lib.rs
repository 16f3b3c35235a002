#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod context;
mod entropy;
mod environment;
mod error;
mod event;
mod ids;
mod list;
mod mcp_servers;
mod network;
mod principal;
mod scope;
mod tier;
mod time;
mod transaction;

pub use context::{Role, WorkspaceContext};
pub use entropy::{Entropy, random_base62};
pub use environment::Environment;
pub use error::{BoxError, Constraint, StorageError};
pub use event::{DomainEvent, EventKind};
pub use ids::{AccountId, ApiKeyId, EventId, InvalidId, LineageId, WorkspaceId};
pub use list::{InvalidPage, ListQuery, Order, Page, PageRequest, Sort, TimeRange, fold_for_search};
pub use mcp_servers::McpServers;
pub use network::{AllowedIps, InvalidNetwork, parse_network};
pub use principal::{Credential, Principal};
pub use scope::{InvalidScope, Permission, Scope, ScopeSet};
pub use tier::{RateLimit, Tier};
pub use time::{Clock, InvalidTimestamp, Monotonic, Timestamp};
pub use transaction::{Outbox, Transaction};

#[cfg(feature = "mocks")]
pub use {entropy::MockEntropy, time::MockClock, transaction::MockOutbox, transaction::MockTransaction};

/// Parses a closed set of wire words: `as_str`, `FromStr`, `Display` and `ALL` from one table.
#[macro_export]
macro_rules! wire_words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used on the wire and in storage.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value a wire word stands for, if any. Case matters.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
