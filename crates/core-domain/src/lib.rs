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
pub use environment::{Environment, Realm};
pub use error::{BoxError, Constraint, StorageError};
pub use event::{DomainEvent, EventKind};
pub use ids::{
    AccountId, ApiKeyId, DeliveryId, EventId, InvalidId, LineageId, McpCallId, SeoIssueId, SeoReportId, SiteId,
    WebhookId, WorkspaceId,
};
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

/// A closed set of values, each with one word on the wire and in storage.
pub trait WireWord: Copy + Sized + 'static {
    /// Every value, in declaration order.
    const ALL: &'static [Self];

    /// The value's word.
    fn as_str(self) -> &'static str;

    /// The value a word stands for, if any. Case matters.
    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.as_str() == word)
    }
}

/// Implements [`WireWord`] and `Display` from one table.
#[macro_export]
macro_rules! wire_words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $crate::WireWord for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str($crate::WireWord::as_str(*self))
            }
        }
    };
}
