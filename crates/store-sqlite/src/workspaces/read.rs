use async_trait::async_trait;
use core_domain::{AccountId, Page, StorageError, WorkspaceId};
use diesel::prelude::*;
use workspaces::{Account, Member, Membership, Workspace, WorkspaceQuery, WorkspaceReader};

use super::{WorkspaceRow, list};
use crate::error::Failure;
use crate::schema::{memberships, workspaces as table};
use crate::store::SqliteStore;
use crate::{accounts, memberships as membership};

pub(super) fn find(connection: &mut SqliteConnection, id: WorkspaceId) -> Result<Option<Workspace>, Failure> {
    let live = table::table.find(id.get()).filter(table::deleted_at.is_null());
    let row = live.select(WorkspaceRow::as_select()).first(connection).optional()?;
    Ok(row.map(Workspace::try_from).transpose()?)
}

fn find_of(
    connection: &mut SqliteConnection,
    account: AccountId,
    id: WorkspaceId,
) -> Result<Option<Workspace>, Failure> {
    let row = table::table
        .inner_join(memberships::table)
        .filter(memberships::account_id.eq(account.get()))
        .filter(memberships::workspace_id.eq(id.get()))
        .filter(table::deleted_at.is_null())
        .select(WorkspaceRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(Workspace::try_from).transpose()?)
}

fn list_all(
    connection: &mut SqliteConnection,
    after: Option<WorkspaceId>,
    limit: u32,
) -> Result<Vec<Workspace>, Failure> {
    let rows = table::table
        .filter(table::id.gt(after.map_or(0, WorkspaceId::get)))
        .filter(table::deleted_at.is_null())
        .order(table::id)
        .limit(limit.into())
        .select(WorkspaceRow::as_select())
        .load(connection)?;
    Ok(rows.into_iter().map(Workspace::try_from).collect::<Result<_, _>>()?)
}

#[async_trait]
impl WorkspaceReader for SqliteStore {
    async fn find_workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>, StorageError> {
        self.read("find_workspace", move |connection| find(connection, id)).await
    }

    async fn find_workspace_of(&self, account: AccountId, id: WorkspaceId) -> Result<Option<Workspace>, StorageError> {
        self.read("find_workspace_of", move |connection| find_of(connection, account, id)).await
    }

    async fn list_workspaces_of(
        &self,
        account: AccountId,
        query: &WorkspaceQuery,
    ) -> Result<Page<Workspace>, StorageError> {
        let query = query.clone();
        self.read("list_workspaces_of", move |connection| {
            connection.transaction(|connection| list::page(connection, account.get(), &query))
        })
        .await
    }

    async fn find_membership(
        &self,
        account: AccountId,
        workspace: WorkspaceId,
    ) -> Result<Option<Membership>, StorageError> {
        self.read("find_membership", move |connection| membership::find(connection, account, workspace)).await
    }

    async fn list_memberships(&self, account: AccountId, limit: u32) -> Result<Vec<Membership>, StorageError> {
        self.read("list_memberships", move |connection| membership::list(connection, account, limit)).await
    }

    async fn list_all_workspaces(
        &self,
        after: Option<WorkspaceId>,
        limit: u32,
    ) -> Result<Vec<Workspace>, StorageError> {
        self.read("list_all_workspaces", move |connection| list_all(connection, after, limit)).await
    }

    async fn list_members(&self, workspaces: &[WorkspaceId]) -> Result<Vec<Member>, StorageError> {
        let ids: Vec<i64> = workspaces.iter().map(|id| id.get()).collect();
        self.read("list_members", move |connection| membership::members(connection, &ids)).await
    }

    async fn list_accounts(&self, ids: &[AccountId]) -> Result<Vec<Account>, StorageError> {
        let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
        self.read("list_accounts", move |connection| accounts::list(connection, &ids)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;

    #[test]
    fn a_members_workspace_takes_one_query_that_reads_no_table_whole() {
        let (account, workspace) = (AccountId::try_from(1).unwrap(), WorkspaceId::try_from(1).unwrap());
        let plans = plan::of_each_in(|connection| find_of(connection, account, workspace));
        assert_eq!(plans.len(), 1);
        assert!(!plans[0].contains("SCAN"), "{}", plans[0]);
    }
}
