use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::prepared::{Prepared, Value};
use crate::schema::{mcp_calls as table, mcp_totals};

const DELETE: &str = "
    WITH gone AS (DELETE FROM mcp_calls WHERE id = ANY (?) RETURNING workspace_id, environment)
    INSERT INTO mcp_totals (workspace_id, environment, slot, call_count)
    SELECT workspace_id, environment, pg_backend_pid() % 16, -count(*) FROM gone
    GROUP BY workspace_id, environment ORDER BY workspace_id, environment
    ON CONFLICT (workspace_id, environment, slot) DO UPDATE SET call_count = mcp_totals.call_count + excluded.call_count";

/// Removes the oldest calls made before this moment, but for those that another replica is removing.
///
/// In two statements: within one, the server might look for the rows, up to the limit, more than once.
pub(super) async fn older(connection: &mut AsyncPgConnection, before: DateTime<Utc>, limit: i64) -> QueryResult<u64> {
    let ids: Vec<i64> = table::table
        .filter(table::created_at.lt(before))
        .order_by(table::created_at)
        .limit(limit)
        .select(table::id)
        .for_update()
        .skip_locked()
        .load(connection)
        .await?;
    let number = ids.len() as u64;
    if number > 0 {
        Prepared::<()>::new(DELETE, vec![Value::Ints(ids)]).execute(connection).await?;
    }
    Ok(number)
}

/// Removes all that these workspaces held.
pub(crate) async fn workspaces(connection: &mut AsyncPgConnection, workspaces: &[i64]) -> QueryResult<()> {
    diesel::delete(table::table).filter(table::workspace_id.eq_any(workspaces)).execute(connection).await?;
    diesel::delete(mcp_totals::table).filter(mcp_totals::workspace_id.eq_any(workspaces)).execute(connection).await?;
    Ok(())
}
