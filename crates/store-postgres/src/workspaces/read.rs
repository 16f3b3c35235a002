use ::workspaces::{Account, Member, Membership, Workspace, WorkspaceQuery, WorkspaceReader};
use async_trait::async_trait;
use core_domain::{AccountId, Page, StorageError, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::list;
use super::row::WorkspaceRow;
use crate::PgStore;
use crate::accounts::AccountRow;
use crate::error::storage;
use crate::memberships::{MemberRow, MembershipRow};
use crate::schema::{accounts, memberships, workspaces};

#[async_trait]
impl WorkspaceReader for PgStore {
    async fn find_workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>, StorageError> {
        const OPERATION: &str = "find_workspace";
        let mut connection = self.connection(OPERATION).await?;
        let row = workspaces::table
            .filter(workspaces::id.eq(id.get()))
            .filter(workspaces::deleted_at.is_null())
            .select(WorkspaceRow::as_select())
            .first(&mut connection)
            .await
            .optional()
            .map_err(storage(OPERATION))?;
        row.map(Workspace::try_from).transpose()
    }

    async fn find_workspace_of(&self, account: AccountId, id: WorkspaceId) -> Result<Option<Workspace>, StorageError> {
        const OPERATION: &str = "find_workspace_of";
        let mut connection = self.connection(OPERATION).await?;
        let row = memberships::table
            .inner_join(workspaces::table)
            .filter(memberships::account_id.eq(account.get()))
            .filter(memberships::workspace_id.eq(id.get()))
            .filter(workspaces::deleted_at.is_null())
            .select(WorkspaceRow::as_select())
            .first(&mut connection)
            .await
            .optional()
            .map_err(storage(OPERATION))?;
        row.map(Workspace::try_from).transpose()
    }

    async fn list_workspaces_of(
        &self,
        account: AccountId,
        query: &WorkspaceQuery,
    ) -> Result<Page<Workspace>, StorageError> {
        const OPERATION: &str = "list_workspaces_of";
        let mut connection = self.connection(OPERATION).await?;
        list::page(&mut connection, OPERATION, account, query).await
    }

    async fn find_membership(
        &self,
        account: AccountId,
        workspace: WorkspaceId,
    ) -> Result<Option<Membership>, StorageError> {
        const OPERATION: &str = "find_membership";
        let mut connection = self.connection(OPERATION).await?;
        let row = memberships::table
            .find((account.get(), workspace.get()))
            .select(MembershipRow::as_select())
            .first(&mut connection)
            .await
            .optional()
            .map_err(storage(OPERATION))?;
        row.map(Membership::try_from).transpose()
    }

    async fn list_memberships(&self, account: AccountId, limit: u32) -> Result<Vec<Membership>, StorageError> {
        const OPERATION: &str = "list_memberships";
        let mut connection = self.connection(OPERATION).await?;
        let rows: Vec<MembershipRow> = memberships::table
            .filter(memberships::account_id.eq(account.get()))
            .order_by(memberships::workspace_id)
            .limit(i64::from(limit))
            .select(MembershipRow::as_select())
            .load(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        rows.into_iter().map(Membership::try_from).collect()
    }

    async fn list_all_workspaces(
        &self,
        after: Option<WorkspaceId>,
        limit: u32,
    ) -> Result<Vec<Workspace>, StorageError> {
        const OPERATION: &str = "list_all_workspaces";
        let mut connection = self.connection(OPERATION).await?;
        let rows: Vec<WorkspaceRow> = workspaces::table
            .filter(workspaces::id.gt(after.map_or(0, WorkspaceId::get)))
            .filter(workspaces::deleted_at.is_null())
            .order_by(workspaces::id)
            .limit(i64::from(limit))
            .select(WorkspaceRow::as_select())
            .load(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        rows.into_iter().map(Workspace::try_from).collect()
    }

    async fn list_members(&self, workspaces: &[WorkspaceId]) -> Result<Vec<Member>, StorageError> {
        const OPERATION: &str = "list_members";
        let ids: Vec<i64> = workspaces.iter().map(|id| id.get()).collect();
        let mut connection = self.connection(OPERATION).await?;
        let rows: Vec<MemberRow> = memberships::table
            .inner_join(accounts::table)
            .filter(memberships::workspace_id.eq_any(ids))
            .order_by((memberships::workspace_id, memberships::account_id))
            .select(MemberRow::as_select())
            .load(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        rows.into_iter().map(Member::try_from).collect()
    }

    async fn list_accounts(&self, ids: &[AccountId]) -> Result<Vec<Account>, StorageError> {
        const OPERATION: &str = "list_accounts";
        let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
        let mut connection = self.connection(OPERATION).await?;
        let rows: Vec<AccountRow> = accounts::table
            .filter(accounts::id.eq_any(ids))
            .select(AccountRow::as_select())
            .load(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        rows.into_iter().map(Account::try_from).collect()
    }
}
