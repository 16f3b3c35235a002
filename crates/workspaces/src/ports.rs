use async_trait::async_trait;
use core_domain::{AccountId, Outbox, Page, StorageError, Timestamp, Transaction, WorkspaceId};

use crate::{Account, Email, Member, Membership, Workspace, WorkspaceQuery};

/// Accounts, within a transaction.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AccountRepository: Send {
    /// Takes the next account id. Ids grow; gaps are allowed.
    async fn next_account_id(&mut self) -> Result<AccountId, StorageError>;

    /// Stores a new account.
    ///
    /// # Errors
    /// MUST be [`StorageError::Conflict`] on [`Constraint::AccountEmail`](core_domain::Constraint) when the email is
    /// taken.
    async fn insert_account(&mut self, account: &Account) -> Result<(), StorageError>;

    /// The account with this email.
    async fn find_account_by_email(&mut self, email: &Email) -> Result<Option<Account>, StorageError>;
}

/// Workspaces, within a transaction. Deleted ones MUST look as if they were never there.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait WorkspaceRepository: Send {
    /// Takes the next workspace id. Ids grow; gaps are allowed.
    async fn next_workspace_id(&mut self) -> Result<WorkspaceId, StorageError>;

    /// Stores a new workspace with its owner's membership.
    ///
    /// # Errors
    /// MUST be [`StorageError::Conflict`] on [`Constraint::WorkspaceSlug`](core_domain::Constraint) when a live
    /// workspace holds the slug; the transaction MUST stay usable.
    async fn insert_workspace(&mut self, workspace: &Workspace, owner: AccountId) -> Result<(), StorageError>;

    /// The workspace, locked against other writers until the transaction ends.
    async fn lock_workspace(&mut self, id: WorkspaceId) -> Result<Option<Workspace>, StorageError>;

    /// Replaces name, slug, tier, settings and `updated_at` of a workspace that was locked before.
    ///
    /// # Errors
    /// As [`insert_workspace`](Self::insert_workspace) for a slug that is taken.
    async fn update_workspace(&mut self, workspace: &Workspace) -> Result<(), StorageError>;

    /// Marks the workspace deleted: it frees its slug, and everything in it stops.
    ///
    /// Returns whether it was there.
    async fn delete_workspace(&mut self, id: WorkspaceId, now: Timestamp) -> Result<bool, StorageError>;

    /// Removes for good up to `limit` workspaces that were deleted before `before`, with all that they held.
    ///
    /// Returns how many were removed.
    async fn purge_workspaces(&mut self, before: Timestamp, limit: u32) -> Result<u64, StorageError>;
}

/// What the use cases of this crate need of a transaction.
pub trait WorkspaceTx: AccountRepository + WorkspaceRepository + Outbox + Transaction {}

impl<T: AccountRepository + WorkspaceRepository + Outbox + Transaction> WorkspaceTx for T {}

/// Reads outside a transaction. Deleted workspaces MUST look as if they were never there.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait WorkspaceReader: Send + Sync {
    /// The workspace.
    async fn find_workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>, StorageError>;

    /// The workspace, if the account is a member of it.
    async fn find_workspace_of(&self, account: AccountId, id: WorkspaceId) -> Result<Option<Workspace>, StorageError>;

    /// One page of the workspaces that the account is a member of.
    ///
    /// The cost MUST NOT grow with the number of rows in the store, but for those that the filter leaves to be
    /// counted or passed over.
    async fn list_workspaces_of(
        &self,
        account: AccountId,
        query: &WorkspaceQuery,
    ) -> Result<Page<Workspace>, StorageError>;

    /// The account's membership of the workspace.
    async fn find_membership(
        &self,
        account: AccountId,
        workspace: WorkspaceId,
    ) -> Result<Option<Membership>, StorageError>;

    /// The account's first `limit` memberships, by workspace id.
    async fn list_memberships(&self, account: AccountId, limit: u32) -> Result<Vec<Membership>, StorageError>;

    /// Up to `limit` workspaces of all accounts, by id, those after `after` only. For the operator.
    async fn list_all_workspaces(&self, after: Option<WorkspaceId>, limit: u32)
    -> Result<Vec<Workspace>, StorageError>;

    /// The members of all these workspaces, by workspace, then account id. One query however many there are.
    async fn list_members(&self, workspaces: &[WorkspaceId]) -> Result<Vec<Member>, StorageError>;

    /// The accounts with these ids, in any order; unknown ids are left out.
    async fn list_accounts(&self, ids: &[AccountId]) -> Result<Vec<Account>, StorageError>;
}
