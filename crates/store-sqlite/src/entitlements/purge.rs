use diesel::prelude::*;

use crate::error::Failure;
use crate::schema::{
    entitlement_counters as counters, entitlement_days as days, entitlement_overrides as overrides,
    entitlement_reservations as reservations, entitlement_usage as usage,
};

pub(super) fn reservations(connection: &mut SqliteConnection, before: i64, limit: u32) -> Result<u64, Failure> {
    let ids: Vec<i64> = reservations::table
        .filter(reservations::expires_at.lt(before))
        .order(reservations::expires_at)
        .limit(limit.into())
        .select(reservations::id)
        .load(connection)?;
    Ok(diesel::delete(reservations::table.filter(reservations::id.eq_any(ids))).execute(connection)? as u64)
}

/// Everything that the workspace counted.
pub(crate) fn workspace(connection: &mut SqliteConnection, id: i64) -> Result<(), Failure> {
    diesel::delete(usage::table.filter(usage::workspace_id.eq(id))).execute(connection)?;
    diesel::delete(days::table.filter(days::workspace_id.eq(id))).execute(connection)?;
    diesel::delete(counters::table.filter(counters::workspace_id.eq(id))).execute(connection)?;
    diesel::delete(reservations::table.filter(reservations::workspace_id.eq(id))).execute(connection)?;
    diesel::delete(overrides::table.filter(overrides::workspace_id.eq(id))).execute(connection)?;
    Ok(())
}
