use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::entitlements;
use crate::mcp;
use crate::schema::{api_keys, event_counts, events, memberships, webhooks, workspaces};
use crate::seo;

/// Skips what another replica is purging at this moment.
pub(super) async fn purge(connection: &mut AsyncPgConnection, before: DateTime<Utc>, limit: u32) -> QueryResult<u64> {
    let ids: Vec<i64> = workspaces::table
        .filter(workspaces::deleted_at.lt(before))
        .order_by((workspaces::deleted_at, workspaces::id))
        .limit(i64::from(limit))
        .select(workspaces::id)
        .for_update()
        .skip_locked()
        .load(connection)
        .await?;
    // In two steps, since each half of the keys has an index of its own.
    diesel::delete(api_keys::table)
        .filter(api_keys::workspace_id.eq_any(&ids))
        .filter(api_keys::revoked_at.is_null())
        .execute(connection)
        .await?;
    diesel::delete(api_keys::table)
        .filter(api_keys::workspace_id.eq_any(&ids))
        .filter(api_keys::revoked_at.is_not_null())
        .execute(connection)
        .await?;
    // What they leave behind is purged in batches of its own.
    diesel::update(webhooks::table)
        .filter(webhooks::workspace_id.eq_any(&ids))
        .filter(webhooks::deleted_at.is_null())
        .set(webhooks::deleted_at.eq(before))
        .execute(connection)
        .await?;
    diesel::delete(event_counts::table).filter(event_counts::workspace_id.eq_any(&ids)).execute(connection).await?;
    diesel::delete(events::table).filter(events::workspace_id.eq_any(&ids)).execute(connection).await?;
    entitlements::purge::workspaces(connection, &ids).await?;
    seo::purge(connection, &ids).await?;
    mcp::purge::workspaces(connection, &ids).await?;
    diesel::delete(memberships::table).filter(memberships::workspace_id.eq_any(&ids)).execute(connection).await?;
    diesel::delete(workspaces::table).filter(workspaces::id.eq_any(&ids)).execute(connection).await?;
    Ok(ids.len() as u64)
}
