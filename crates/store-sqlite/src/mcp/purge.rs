use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::error::Failure;
use crate::schema::{mcp_calls as table, mcp_totals};

/// Removes the oldest calls made before this moment.
pub(super) fn older(connection: &mut SqliteConnection, before: i64, limit: i64) -> Result<u64, Failure> {
    let old: Vec<(i64, i64, String)> = table::table
        .filter(table::created_at.lt(before))
        .order(table::created_at)
        .limit(limit)
        .select((table::id, table::workspace_id, table::environment))
        .load(connection)?;
    if old.is_empty() {
        return Ok(0);
    }
    let mut gone: BTreeMap<(i64, &str), i64> = BTreeMap::new();
    for (_, workspace, environment) in &old {
        *gone.entry((*workspace, environment)).or_default() += 1;
    }
    for (realm, number) in gone {
        diesel::update(mcp_totals::table.find(realm))
            .set(mcp_totals::call_count.eq(mcp_totals::call_count - number))
            .execute(connection)?;
    }
    let ids: Vec<i64> = old.iter().map(|(id, ..)| *id).collect();
    Ok(diesel::delete(table::table.filter(table::id.eq_any(ids))).execute(connection)? as u64)
}

/// Removes all that a workspace held.
pub(crate) fn workspace(connection: &mut SqliteConnection, workspace: i64) -> Result<(), Failure> {
    diesel::delete(table::table.filter(table::workspace_id.eq(workspace))).execute(connection)?;
    diesel::delete(mcp_totals::table.filter(mcp_totals::workspace_id.eq(workspace))).execute(connection)?;
    Ok(())
}
