use std::sync::Arc;

use anyhow::Context;
use core_domain::{Environment, ScopeSet, Tier};
use http_api::UnitOfWork;
use keys::{IssuedKey, KeyName, KeyService};
use workspaces::{CreateWorkspace, Email, Workspace, WorkspaceName, WorkspaceService};

/// An account's first workspace and key.
pub(crate) struct Founding {
    pub(crate) workspace: Workspace,
    pub(crate) issued: IssuedKey,
}

/// What an account, a workspace and a first key are made of.
pub(crate) struct Found {
    pub(crate) email: Email,
    pub(crate) workspace: WorkspaceName,
    pub(crate) tier: Tier,
}

impl Found {
    /// For an empty embedded store: enough to try everything.
    pub(crate) fn first_start() -> anyhow::Result<Self> {
        Ok(Self {
            email: Email::try_from("owner@localhost")?,
            workspace: WorkspaceName::try_from("My workspace")?,
            tier: Tier::Pro,
        })
    }

    /// Makes them, all or nothing. An account that has the email is used again.
    pub(crate) async fn run(
        self,
        store: &Arc<dyn UnitOfWork>,
        workspaces: &WorkspaceService,
        keys: &KeyService,
    ) -> anyhow::Result<Founding> {
        let scopes: ScopeSet = "*".parse()?;
        let name = KeyName::try_from("First key")?;
        let mut tx = store.begin().await?;
        let account = workspaces.ensure_account(&mut *tx, self.email).await?;
        let command = CreateWorkspace {
            owner: account.id,
            name: self.workspace,
            slug: None,
            tier: self.tier,
            environment: Environment::Live,
        };
        let workspace = workspaces.create(&mut *tx, command).await?;
        let issued =
            keys.issue_account_key(&mut *tx, account.id, workspace.id, name, scopes, Environment::Live).await?;
        tx.commit().await.context("the first key could not be stored")?;
        Ok(Founding { workspace, issued })
    }
}
