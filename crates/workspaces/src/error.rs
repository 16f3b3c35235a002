use core_domain::StorageError;

use crate::{InvalidSettings, Slug};

/// Why a workspace was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateWorkspaceError {
    /// A live workspace holds the slug that was asked for.
    #[error("the slug {0} is taken")]
    SlugTaken(Slug),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a workspace was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateWorkspaceError {
    /// There is no such workspace.
    #[error("no such workspace")]
    NotFound,
    /// The account's role does not allow it.
    #[error("only an owner or admin may change a workspace")]
    Role,
    /// Another live workspace holds the slug.
    #[error("the slug {0} is taken")]
    SlugTaken(Slug),
    /// The settings break a rule.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a workspace was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteWorkspaceError {
    /// There is no such workspace.
    #[error("no such workspace")]
    NotFound,
    /// The account's role does not allow it.
    #[error("only an owner may delete a workspace")]
    Role,
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
