use core_domain::{BoxError, Constraint, StorageError};
use diesel::result::{DatabaseErrorKind, Error as DriverError};

/// What can go wrong inside an operation, before it is known which operation it was.
#[derive(Debug)]
pub(crate) enum Failure {
    Driver(DriverError),
    Unreadable(StorageError),
    Other(BoxError),
}

impl From<DriverError> for Failure {
    fn from(error: DriverError) -> Self {
        Self::Driver(error)
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::Unreadable(error)
    }
}

impl Failure {
    pub(crate) fn within(self, operation: &'static str) -> StorageError {
        match self {
            Self::Driver(error) => storage_error(operation, error),
            Self::Unreadable(error) => error,
            Self::Other(source) => StorageError::Unavailable { operation, source },
        }
    }
}

fn storage_error(operation: &'static str, error: DriverError) -> StorageError {
    match &error {
        DriverError::DatabaseError(DatabaseErrorKind::UniqueViolation, facts) => match broken_rule(facts.message()) {
            Some(constraint) => StorageError::Conflict { constraint },
            None => StorageError::Unavailable { operation, source: error.into() },
        },
        _ if is_busy(&error) => StorageError::Contended { operation, source: error.into() },
        _ => StorageError::Unavailable { operation, source: error.into() },
    }
}

/// SQLite names the columns, not the index.
fn broken_rule(message: &str) -> Option<Constraint> {
    match message.strip_prefix("UNIQUE constraint failed: ")? {
        "accounts.email" => Some(Constraint::AccountEmail),
        "workspaces.slug" => Some(Constraint::WorkspaceSlug),
        "api_keys.digest" => Some(Constraint::ApiKeyDigest),
        _ => None,
    }
}

/// `SQLITE_BUSY` and `SQLITE_LOCKED`; diesel passes on their texts but not their codes.
pub(crate) fn is_busy(error: &DriverError) -> bool {
    const TEXTS: [&str; 2] = ["database is locked", "database table is locked"];
    matches!(error, DriverError::DatabaseError(_, facts) if TEXTS.iter().any(|text| facts.message().starts_with(text)))
}

/// A stored value that can't be read back is [`StorageError::Corrupt`].
pub(crate) trait OrCorrupt<T> {
    fn or_corrupt(self, table: &'static str, column: &'static str) -> Result<T, StorageError>;
}

impl<T, E: Into<BoxError>> OrCorrupt<T> for Result<T, E> {
    fn or_corrupt(self, table: &'static str, column: &'static str) -> Result<T, StorageError> {
        self.map_err(|error| StorageError::corrupt(table, column, error))
    }
}

impl<T> OrCorrupt<T> for Option<T> {
    fn or_corrupt(self, table: &'static str, column: &'static str) -> Result<T, StorageError> {
        self.ok_or_else(|| StorageError::corrupt(table, column, "not a known value"))
    }
}
