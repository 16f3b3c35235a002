use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::schema::{
    entitlement_counters as counters, entitlement_days as days, entitlement_overrides as overrides,
    entitlement_reservations as reservations, entitlement_usage as usage,
};

/// Skips what another replica is purging, or settling, at this moment.
pub(super) async fn reservations(
    connection: &mut AsyncPgConnection,
    before: DateTime<Utc>,
    limit: u32,
) -> QueryResult<u64> {
    let ids: Vec<i64> = reservations::table
        .filter(reservations::expires_at.lt(before))
        .order_by(reservations::expires_at)
        .limit(i64::from(limit))
        .select(reservations::id)
        .for_update()
        .skip_locked()
        .load(connection)
        .await?;
    let purged = diesel::delete(reservations::table).filter(reservations::id.eq_any(ids)).execute(connection).await?;
    Ok(purged as u64)
}

/// Everything that these workspaces counted.
pub(crate) async fn workspaces(connection: &mut AsyncPgConnection, ids: &[i64]) -> QueryResult<()> {
    diesel::delete(usage::table).filter(usage::workspace_id.eq_any(ids)).execute(connection).await?;
    diesel::delete(days::table).filter(days::workspace_id.eq_any(ids)).execute(connection).await?;
    diesel::delete(counters::table).filter(counters::workspace_id.eq_any(ids)).execute(connection).await?;
    diesel::delete(reservations::table).filter(reservations::workspace_id.eq_any(ids)).execute(connection).await?;
    diesel::delete(overrides::table).filter(overrides::workspace_id.eq_any(ids)).execute(connection).await?;
    Ok(())
}
