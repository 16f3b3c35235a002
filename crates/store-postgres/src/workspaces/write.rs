use ::workspaces::{Workspace, WorkspaceRepository};
use async_trait::async_trait;
use core_domain::{AccountId, Constraint, Role, StorageError, Timestamp, WireWord as _, WorkspaceId};
use diesel::prelude::*;
use diesel_async::{AsyncConnection as _, RunQueryDsl};

use super::purge;
use super::row::{TABLE, WorkspaceRow};
use crate::PgTx;
use crate::error::OrCorrupt as _;
use crate::schema::{accounts, memberships, nextval, workspaces};
use crate::time;

#[async_trait]
impl WorkspaceRepository for PgTx {
    async fn next_workspace_id(&mut self) -> Result<WorkspaceId, StorageError> {
        const OPERATION: &str = "next_workspace_id";
        let next = diesel::select(nextval("workspace_ids")).get_result::<i64>(self.start(OPERATION)?).await;
        self.finish(OPERATION, next)?.try_into().or_corrupt(TABLE, "id")
    }

    async fn insert_workspace(&mut self, workspace: &Workspace, owner: AccountId) -> Result<(), StorageError> {
        const OPERATION: &str = "insert_workspace";
        let inserted = diesel::insert_into(workspaces::table)
            .values((
                workspaces::id.eq(workspace.id.get()),
                workspaces::name.eq(workspace.name.as_str()),
                workspaces::slug.eq(workspace.slug.as_str()),
                workspaces::tier.eq(workspace.tier.rank()),
                workspaces::settings.eq(workspace.settings.to_json()),
                workspaces::search_text.eq(workspace.search_text()),
                workspaces::key_count.eq(0),
                workspaces::created_at.eq(time::stored(workspace.created_at)),
                workspaces::updated_at.eq(time::stored(workspace.updated_at)),
            ))
            .on_conflict(workspaces::slug)
            .filter_target(workspaces::deleted_at.is_null())
            .do_nothing()
            .execute(self.start(OPERATION)?)
            .await;
        if self.finish(OPERATION, inserted)? == 0 {
            return Err(StorageError::Conflict { constraint: Constraint::WorkspaceSlug });
        }
        self.insert_owner(OPERATION, workspace, owner).await
    }

    async fn lock_workspace(&mut self, id: WorkspaceId) -> Result<Option<Workspace>, StorageError> {
        const OPERATION: &str = "lock_workspace";
        let row = workspaces::table
            .filter(workspaces::id.eq(id.get()))
            .filter(workspaces::deleted_at.is_null())
            .select(WorkspaceRow::as_select())
            .for_update()
            .first(self.start(OPERATION)?)
            .await
            .optional();
        self.finish(OPERATION, row)?.map(Workspace::try_from).transpose()
    }

    async fn update_workspace(&mut self, workspace: &Workspace) -> Result<(), StorageError> {
        const OPERATION: &str = "update_workspace";
        let (tier, updated_at) = (workspace.tier.rank(), time::stored(workspace.updated_at));
        let row = diesel::update(workspaces::table.find(workspace.id.get())).set((
            workspaces::name.eq(workspace.name.as_str()),
            workspaces::slug.eq(workspace.slug.as_str()),
            workspaces::tier.eq(tier),
            workspaces::settings.eq(workspace.settings.to_json()),
            workspaces::search_text.eq(workspace.search_text()),
            workspaces::updated_at.eq(updated_at),
        ));
        let copies = diesel::update(memberships::table).filter(memberships::workspace_id.eq(workspace.id.get())).set((
            memberships::name.eq(workspace.name.as_str()),
            memberships::slug.eq(workspace.slug.as_str()),
            memberships::tier.eq(tier),
            memberships::search_text.eq(workspace.search_text()),
            memberships::updated_at.eq(updated_at),
        ));
        // Within a transaction this is a savepoint: unlike an insert, an update can't pass over a slug that is taken.
        let updated = self
            .start(OPERATION)?
            .transaction(async |connection| {
                row.execute(connection).await?;
                copies.execute(connection).await
            })
            .await;
        self.finish_savepoint(OPERATION, updated).map(drop)
    }

    async fn delete_workspace(&mut self, id: WorkspaceId, now: Timestamp) -> Result<bool, StorageError> {
        const OPERATION: &str = "delete_workspace";
        let deleted = diesel::update(workspaces::table.find(id.get()))
            .filter(workspaces::deleted_at.is_null())
            .set(workspaces::deleted_at.eq(time::stored(now)))
            .execute(self.start(OPERATION)?)
            .await;
        if self.finish(OPERATION, deleted)? == 0 {
            return Ok(false);
        }
        let members = diesel::delete(memberships::table)
            .filter(memberships::workspace_id.eq(id.get()))
            .returning(memberships::account_id)
            .get_results::<i64>(self.start(OPERATION)?)
            .await;
        let members = self.finish(OPERATION, members)?;
        self.add_to_workspace_count(OPERATION, &members, -1).await?;
        Ok(true)
    }

    async fn purge_workspaces(&mut self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        const OPERATION: &str = "purge_workspaces";
        let purged = purge::purge(self.start(OPERATION)?, time::stored(before), limit).await;
        self.finish(OPERATION, purged)
    }
}

impl PgTx {
    async fn insert_owner(
        &mut self,
        operation: &'static str,
        workspace: &Workspace,
        owner: AccountId,
    ) -> Result<(), StorageError> {
        let inserted = diesel::insert_into(memberships::table)
            .values((
                memberships::account_id.eq(owner.get()),
                memberships::workspace_id.eq(workspace.id.get()),
                memberships::role.eq(Role::Owner.as_str()),
                memberships::name.eq(workspace.name.as_str()),
                memberships::slug.eq(workspace.slug.as_str()),
                memberships::tier.eq(workspace.tier.rank()),
                memberships::search_text.eq(workspace.search_text()),
                memberships::created_at.eq(time::stored(workspace.created_at)),
                memberships::updated_at.eq(time::stored(workspace.updated_at)),
            ))
            .execute(self.start(operation)?)
            .await;
        self.finish(operation, inserted)?;
        self.add_to_workspace_count(operation, &[owner.get()], 1).await
    }

    async fn add_to_workspace_count(
        &mut self,
        operation: &'static str,
        accounts: &[i64],
        difference: i64,
    ) -> Result<(), StorageError> {
        let counted = diesel::update(accounts::table)
            .filter(accounts::id.eq_any(accounts))
            .set(accounts::workspace_count.eq(accounts::workspace_count + difference))
            .execute(self.start(operation)?)
            .await;
        self.finish(operation, counted).map(drop)
    }
}
