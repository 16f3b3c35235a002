use std::fmt;

/// The cause behind an error, whatever library it came from.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A uniqueness rule that the store enforces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Constraint {
    /// One account per email address.
    AccountEmail,
    /// One live workspace per slug.
    WorkspaceSlug,
    /// One key per digest.
    ApiKeyDigest,
    /// One site for each domain.
    SiteDomain,
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccountEmail => "account email",
            Self::WorkspaceSlug => "workspace slug",
            Self::ApiKeyDigest => "API key digest",
            Self::SiteDomain => "site domain",
        })
    }
}

/// What can go wrong in a store.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A unique value is taken. The transaction MUST stay usable after it.
    #[error("another {constraint} already holds this value")]
    Conflict {
        /// The rule that refused the write.
        constraint: Constraint,
    },
    /// Another transaction was in the way; the same work may be tried again from its beginning.
    #[error("{operation} lost a race and may be retried")]
    Contended {
        /// The port method.
        operation: &'static str,
        /// The driver's error.
        #[source]
        source: BoxError,
    },
    /// The store can't be reached, or refused for a reason of its own.
    #[error("{operation} failed")]
    Unavailable {
        /// The port method.
        operation: &'static str,
        /// The driver's error.
        #[source]
        source: BoxError,
    },
    /// A stored value breaks a rule that was checked when it was written.
    #[error("{table}.{column} holds an unreadable value")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// Why the value can't be read.
        #[source]
        source: BoxError,
    },
}

impl StorageError {
    /// Whether running the same transaction again from its beginning may succeed at once.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Contended { .. })
    }

    /// Whether `constraint` refused the write.
    pub fn is_conflict_on(&self, constraint: Constraint) -> bool {
        matches!(self, Self::Conflict { constraint: broken } if *broken == constraint)
    }

    /// A [`StorageError::Corrupt`] for one column.
    pub fn corrupt(table: &'static str, column: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Corrupt { table, column, source: source.into() }
    }
}
