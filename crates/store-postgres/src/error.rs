use core_domain::{BoxError, Constraint, StorageError};
use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};

/// The domain's name for what went wrong in the database.
pub(crate) fn storage(operation: &'static str) -> impl Fn(Error) -> StorageError {
    move |error| {
        if let Error::DatabaseError(kind, information) = &error {
            if let Some(constraint) = broken_constraint(*kind, &**information) {
                return StorageError::Conflict { constraint };
            }
            if lost_a_race(*kind, &**information) {
                return StorageError::Contended { operation, source: error.into() };
            }
        }
        StorageError::Unavailable { operation, source: error.into() }
    }
}

fn broken_constraint(kind: DatabaseErrorKind, information: &dyn DatabaseErrorInformation) -> Option<Constraint> {
    match (kind, information.constraint_name()?) {
        (DatabaseErrorKind::UniqueViolation, "accounts_email_key") => Some(Constraint::AccountEmail),
        (DatabaseErrorKind::UniqueViolation, "workspaces_slug_key") => Some(Constraint::WorkspaceSlug),
        (DatabaseErrorKind::UniqueViolation, "api_keys_digest_key") => Some(Constraint::ApiKeyDigest),
        _ => None,
    }
}

/// Diesel has no kind for a deadlock (40P01) or a lock timeout (55P03), and hides the code: the message is all there is.
/// On a server that speaks another language they come out as unavailable, which a client may retry as well.
fn lost_a_race(kind: DatabaseErrorKind, information: &dyn DatabaseErrorInformation) -> bool {
    const RACES: [&str; 2] = ["deadlock detected", "canceling statement due to lock timeout"];
    match kind {
        DatabaseErrorKind::SerializationFailure => true,
        DatabaseErrorKind::Unknown => RACES.contains(&information.message()),
        _ => false,
    }
}

/// Says which column a value that can't be read comes from.
pub(crate) trait OrCorrupt<T> {
    fn or_corrupt(self, table: &'static str, column: &'static str) -> Result<T, StorageError>;
}

impl<T, E: Into<BoxError>> OrCorrupt<T> for Result<T, E> {
    fn or_corrupt(self, table: &'static str, column: &'static str) -> Result<T, StorageError> {
        self.map_err(|source| StorageError::corrupt(table, column, source))
    }
}

impl<T> OrCorrupt<T> for Option<T> {
    fn or_corrupt(self, table: &'static str, column: &'static str) -> Result<T, StorageError> {
        self.ok_or("an unknown value").or_corrupt(table, column)
    }
}
