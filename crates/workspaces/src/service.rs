use std::sync::Arc;

use core_domain::{
    AccountId, Clock, Constraint, DomainEvent, Entropy, Environment, EventKind, StorageError, Tier, WorkspaceContext,
};
use serde_json::{Map, Value};

use crate::{
    Account, CreateWorkspaceError, DeleteWorkspaceError, Email, Settings, Slug, UpdateWorkspaceError, Workspace,
    WorkspaceName, WorkspaceTx, policy,
};

/// A workspace to be made.
#[derive(Debug, Clone)]
pub struct CreateWorkspace {
    /// Its owner.
    pub owner: AccountId,
    /// Its name.
    pub name: WorkspaceName,
    /// Its slug; made from the name when missing.
    pub slug: Option<Slug>,
    /// Its tier.
    pub tier: Tier,
    /// The world that its event belongs to.
    pub environment: Environment,
}

/// A change to a workspace; what is missing stays.
#[derive(Debug, Clone, Default)]
pub struct UpdateWorkspace {
    /// The new name.
    pub name: Option<WorkspaceName>,
    /// The new slug.
    pub slug: Option<Slug>,
    /// The new tier.
    pub tier: Option<Tier>,
    /// A JSON merge patch on the settings.
    pub settings: Option<Map<String, Value>>,
}

/// The use cases of accounts and workspaces. Each works within the transaction it is given and commits nothing.
#[derive(Clone)]
pub struct WorkspaceService {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for WorkspaceService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkspaceService").finish_non_exhaustive()
    }
}

impl WorkspaceService {
    /// How often a slug made from a name is tried again with a new random tail.
    const SLUG_ATTEMPTS: u32 = 8;

    /// A service on this time and randomness.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy }
    }

    /// The account with this email, made when there is none.
    pub async fn ensure_account(&self, tx: &mut dyn WorkspaceTx, email: Email) -> Result<Account, StorageError> {
        if let Some(account) = tx.find_account_by_email(&email).await? {
            return Ok(account);
        }
        let account = Account { id: tx.next_account_id().await?, email, created_at: self.clock.now() };
        tx.insert_account(&account).await?;
        Ok(account)
    }

    /// Makes a workspace and announces it.
    ///
    /// # Errors
    /// [`CreateWorkspaceError::SlugTaken`] only for a slug that was asked for: one made from the name gets a random
    /// tail instead.
    pub async fn create(
        &self,
        tx: &mut dyn WorkspaceTx,
        command: CreateWorkspace,
    ) -> Result<Workspace, CreateWorkspaceError> {
        let now = self.clock.now();
        let mut workspace = Workspace {
            id: tx.next_workspace_id().await?,
            slug: command.slug.clone().unwrap_or_else(|| Slug::from_name(command.name.as_str())),
            name: command.name,
            tier: command.tier,
            settings: Settings::default(),
            created_at: now,
            updated_at: now,
        };
        let base = workspace.slug.clone();
        let mut attempts = 0;
        loop {
            match tx.insert_workspace(&workspace, command.owner).await {
                Ok(()) => break,
                Err(error) if error.is_conflict_on(Constraint::WorkspaceSlug) => {
                    attempts += 1;
                    if command.slug.is_some() || attempts > Self::SLUG_ATTEMPTS {
                        return Err(CreateWorkspaceError::SlugTaken(base));
                    }
                    workspace.slug = base.with_tail(&*self.entropy);
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.announce(tx, EventKind::WorkspaceCreated, &workspace, command.environment).await?;
        Ok(workspace)
    }

    /// Changes the workspace and announces it.
    pub async fn update(
        &self,
        tx: &mut dyn WorkspaceTx,
        context: WorkspaceContext,
        change: UpdateWorkspace,
        environment: Environment,
    ) -> Result<Workspace, UpdateWorkspaceError> {
        if !context.may_manage() {
            return Err(UpdateWorkspaceError::Role);
        }
        let current = tx.lock_workspace(context.id).await?.ok_or(UpdateWorkspaceError::NotFound)?;
        let changed = policy::changed(&current, change, self.clock.now())?;
        tx.update_workspace(&changed).await.map_err(|error| {
            if error.is_conflict_on(Constraint::WorkspaceSlug) {
                UpdateWorkspaceError::SlugTaken(changed.slug.clone())
            } else {
                error.into()
            }
        })?;
        self.announce(tx, EventKind::WorkspaceUpdated, &changed, environment).await?;
        Ok(changed)
    }

    /// Deletes the workspace and announces it.
    pub async fn delete(
        &self,
        tx: &mut dyn WorkspaceTx,
        context: WorkspaceContext,
        environment: Environment,
    ) -> Result<(), DeleteWorkspaceError> {
        if !context.may_delete() {
            return Err(DeleteWorkspaceError::Role);
        }
        let workspace = tx.lock_workspace(context.id).await?.ok_or(DeleteWorkspaceError::NotFound)?;
        if !tx.delete_workspace(context.id, self.clock.now()).await? {
            return Err(DeleteWorkspaceError::NotFound);
        }
        self.announce(tx, EventKind::WorkspaceDeleted, &workspace, environment).await?;
        Ok(())
    }

    async fn announce(
        &self,
        tx: &mut dyn WorkspaceTx,
        kind: EventKind,
        workspace: &Workspace,
        environment: Environment,
    ) -> Result<(), StorageError> {
        let data = policy::event_data(workspace);
        let event = DomainEvent::own(kind, workspace.id, environment, data, self.clock.now(), &*self.entropy);
        tx.append(&event).await
    }
}
