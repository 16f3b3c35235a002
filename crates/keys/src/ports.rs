use async_trait::async_trait;
use core_domain::{
    AccountId, ApiKeyId, Outbox, Page, Principal, StorageError, Tier, Timestamp, Transaction, WorkspaceContext,
    WorkspaceId,
};

use crate::{ApiKey, KeyDigest, KeyQuery, PepperVersion};

/// Which keys a caller can reach: those of a workspace, and an account's own account-level ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyReach {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The account, when the caller's credential is account-level.
    pub account_id: Option<AccountId>,
}

impl KeyReach {
    /// What `caller` reaches from the workspace it acts in.
    pub fn of(caller: &Principal, context: WorkspaceContext) -> Self {
        Self { workspace_id: context.id, account_id: caller.bound_to.is_none().then_some(caller.account_id) }
    }
}

/// Keys, within a transaction.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait KeyRepository: Send {
    /// Takes the next key id. Ids grow; gaps are allowed.
    async fn next_key_id(&mut self) -> Result<ApiKeyId, StorageError>;

    /// Stores a new key.
    ///
    /// # Errors
    /// MUST be [`StorageError::Conflict`] on [`Constraint::ApiKeyDigest`](core_domain::Constraint) when the digest is
    /// stored already.
    async fn insert_key(&mut self, key: &ApiKey) -> Result<(), StorageError>;

    /// The key, if it can be reached. Keys of deleted workspaces can't.
    async fn find_key_for_change(&mut self, reach: KeyReach, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError>;

    /// Gives the key its end, if at `now` it is neither rotated, revoked nor expired.
    ///
    /// One atomic step: of two at once, one MUST get `false`.
    async fn begin_grace_period(
        &mut self,
        id: ApiKeyId,
        ends_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StorageError>;

    /// Revokes the key, if it is not. Returns whether it did.
    async fn revoke_key(&mut self, id: ApiKeyId, now: Timestamp) -> Result<bool, StorageError>;
}

/// What the use cases of this crate need of a transaction.
pub trait KeyTx: KeyRepository + Outbox + Transaction {}

impl<T: KeyRepository + Outbox + Transaction> KeyTx for T {}

/// Reads outside a transaction.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait KeyReader: Send + Sync {
    /// The key, if it can be reached; revoked ones too. Keys of deleted workspaces can't.
    async fn find_key(&self, reach: KeyReach, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError>;

    /// One page of a workspace's keys as they stand at `now`.
    ///
    /// The cost MUST NOT grow with the number of rows in the store, but for those that the filter leaves to be
    /// counted or passed over.
    async fn list_keys(
        &self,
        workspace: WorkspaceId,
        query: &KeyQuery,
        now: Timestamp,
    ) -> Result<Page<ApiKey>, StorageError>;

    /// All keys of an account that are not revoked, account-level ones included, by id. For the operator.
    async fn list_keys_of_account(&self, account: AccountId) -> Result<Vec<ApiKey>, StorageError>;

    /// Every pepper version that keys in the store were made under.
    async fn list_pepper_versions(&self) -> Result<Vec<PepperVersion>, StorageError>;
}

/// A key, with what authentication needs to know besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCredential {
    /// The key.
    pub key: ApiKey,
    /// The tier of its workspace; for an account-level key the highest of its account's workspaces, or
    /// [`Tier::Free`] without any.
    pub ceiling: Tier,
}

/// What authenticating needs of a store.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait CredentialStore: Send + Sync {
    /// The key stored under one of these digests, revoked and ended ones included; but none whose workspace is
    /// deleted. One query.
    async fn find_credential(&self, digests: &[KeyDigest]) -> Result<Option<StoredCredential>, StorageError>;

    /// Notes when keys were last used. A later time already stored MUST stay.
    async fn record_last_used(&self, uses: &[(ApiKeyId, Timestamp)]) -> Result<(), StorageError>;
}
