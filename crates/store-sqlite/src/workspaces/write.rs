use async_trait::async_trait;
use core_domain::{AccountId, Role, StorageError, Timestamp, WireWord, WorkspaceId};
use diesel::prelude::*;
use workspaces::{Workspace, WorkspaceRepository};

use super::WorkspaceRow;
use crate::entitlements;
use crate::error::{Failure, OrCorrupt};
use crate::ids;
use crate::mcp;
use crate::schema::{accounts, api_keys, event_counts, events, memberships, webhooks, workspaces as table};
use crate::seo;
use crate::tx::SqliteTx;

/// The columns of a workspace that its memberships repeat.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = memberships)]
struct Copies {
    name: String,
    slug: String,
    tier: i16,
    search_text: String,
    created_at: i64,
    updated_at: i64,
}

impl Copies {
    fn of(row: &WorkspaceRow, search_text: String) -> Self {
        Self {
            name: row.name.clone(),
            slug: row.slug.clone(),
            tier: row.tier,
            search_text,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

#[async_trait]
impl WorkspaceRepository for SqliteTx {
    async fn next_workspace_id(&mut self) -> Result<WorkspaceId, StorageError> {
        self.run("next_workspace_id", |connection| {
            Ok(ids::next(connection, "workspaces")?.try_into().or_corrupt("id_sequences", "last")?)
        })
        .await
    }

    async fn insert_workspace(&mut self, workspace: &Workspace, owner: AccountId) -> Result<(), StorageError> {
        let (row, search_text) = (WorkspaceRow::from(workspace), workspace.search_text());
        self.run("insert_workspace", move |connection| insert(connection, row, search_text, owner.get())).await
    }

    /// The whole store is locked from the transaction's beginning.
    async fn lock_workspace(&mut self, id: WorkspaceId) -> Result<Option<Workspace>, StorageError> {
        self.run("lock_workspace", move |connection| super::read::find(connection, id)).await
    }

    async fn update_workspace(&mut self, workspace: &Workspace) -> Result<(), StorageError> {
        let (row, search_text) = (WorkspaceRow::from(workspace), workspace.search_text());
        self.run("update_workspace", move |connection| update(connection, &row, search_text)).await
    }

    async fn delete_workspace(&mut self, id: WorkspaceId, now: Timestamp) -> Result<bool, StorageError> {
        self.run("delete_workspace", move |connection| delete(connection, id.get(), now.as_unix_micros())).await
    }

    async fn purge_workspaces(&mut self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        self.run("purge_workspaces", move |connection| purge(connection, before.as_unix_micros(), limit)).await
    }
}

fn insert(
    connection: &mut SqliteConnection,
    row: WorkspaceRow,
    search_text: String,
    owner: i64,
) -> Result<(), Failure> {
    let copies = Copies::of(&row, search_text.clone());
    let ends = (
        memberships::account_id.eq(owner),
        memberships::workspace_id.eq(row.id),
        memberships::role.eq(Role::Owner.as_str()),
    );
    diesel::insert_into(table::table).values((row, table::search_text.eq(search_text))).execute(connection)?;
    diesel::insert_into(memberships::table).values((ends, copies)).execute(connection)?;
    diesel::update(accounts::table.find(owner))
        .set(accounts::workspace_count.eq(accounts::workspace_count + 1))
        .execute(connection)?;
    Ok(())
}

fn update(connection: &mut SqliteConnection, row: &WorkspaceRow, search_text: String) -> Result<(), Failure> {
    let live = table::table.find(row.id).filter(table::deleted_at.is_null());
    let changed = (
        table::name.eq(&row.name),
        table::slug.eq(&row.slug),
        table::tier.eq(row.tier),
        table::settings.eq(&row.settings),
        table::search_text.eq(&search_text),
        table::updated_at.eq(row.updated_at),
    );
    diesel::update(live).set(changed).execute(connection)?;
    let copies = memberships::table.filter(memberships::workspace_id.eq(row.id));
    diesel::update(copies).set(Copies::of(row, search_text)).execute(connection)?;
    Ok(())
}

fn delete(connection: &mut SqliteConnection, id: i64, now: i64) -> Result<bool, Failure> {
    let live = table::table.find(id).filter(table::deleted_at.is_null());
    if diesel::update(live).set(table::deleted_at.eq(now)).execute(connection)? == 0 {
        return Ok(false);
    }
    let own = memberships::table.filter(memberships::workspace_id.eq(id));
    diesel::update(accounts::table.filter(accounts::id.eq_any(own.select(memberships::account_id))))
        .set(accounts::workspace_count.eq(accounts::workspace_count - 1))
        .execute(connection)?;
    diesel::delete(own).execute(connection)?;
    Ok(true)
}

fn purge(connection: &mut SqliteConnection, before: i64, limit: u32) -> Result<u64, Failure> {
    let ids: Vec<i64> = table::table
        .filter(table::deleted_at.lt(before))
        .order((table::deleted_at, table::id))
        .limit(limit.into())
        .select(table::id)
        .load(connection)?;
    let mut purged = 0;
    for id in ids {
        let keys = api_keys::table.filter(api_keys::workspace_id.eq(id));
        // Apart, since each half has its own partial index.
        diesel::delete(keys.filter(api_keys::revoked_at.is_null())).execute(connection)?;
        diesel::delete(keys.filter(api_keys::revoked_at.is_not_null())).execute(connection)?;
        // What they leave behind is purged in batches of its own.
        let webhooks = webhooks::table.filter(webhooks::workspace_id.eq(id)).filter(webhooks::deleted_at.is_null());
        diesel::update(webhooks).set(webhooks::deleted_at.eq(before)).execute(connection)?;
        diesel::delete(event_counts::table.filter(event_counts::workspace_id.eq(id))).execute(connection)?;
        diesel::delete(events::table.filter(events::workspace_id.eq(id))).execute(connection)?;
        entitlements::purge::workspace(connection, id)?;
        seo::purge(connection, id)?;
        mcp::purge::workspace(connection, id)?;
        diesel::delete(memberships::table.filter(memberships::workspace_id.eq(id))).execute(connection)?;
        diesel::delete(table::table.find(id)).execute(connection)?;
        purged += 1;
    }
    Ok(purged)
}
