use ::pixel::{DAY, PixelUpkeep, Retention, day_of};
use async_trait::async_trait;
use core_domain::{StorageError, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::error::Failure;
use crate::schema::pixel_sites as sites;
use crate::store::SqliteStore;

/// How many rows one statement removes at most: the only writer waits meanwhile.
const ROWS_AT_ONCE: usize = 5_000;

/// Statements that each remove up to [`ROWS_AT_ONCE`] rows from before a moment.
const EVENTS: &str = "DELETE FROM pixel_events WHERE rowid IN (SELECT rowid FROM pixel_events WHERE at < ?1 LIMIT ?2)";
const VISITORS: &str = "DELETE FROM pixel_visitors WHERE (day, site_id, visitor) IN \
    (SELECT day, site_id, visitor FROM pixel_visitors WHERE day < ?1 LIMIT ?2)";
const SALTS: &str = "DELETE FROM pixel_salts WHERE day IN (SELECT day FROM pixel_salts WHERE day < ?1 LIMIT ?2)";
const HOURS: &str = "DELETE FROM pixel_hours WHERE (site_id, hour) IN \
    (SELECT site_id, hour FROM pixel_hours WHERE hour < ?1 LIMIT ?2)";
const NAMES: &str = "DELETE FROM pixel_names WHERE (site_id, day, dimension, name) IN \
    (SELECT site_id, day, dimension, name FROM pixel_names WHERE day < ?1 LIMIT ?2)";
const COUNTS: &str = "DELETE FROM pixel_name_counts WHERE (site_id, day, dimension) IN \
    (SELECT site_id, day, dimension FROM pixel_name_counts WHERE day < ?1 LIMIT ?2)";

#[async_trait]
impl PixelUpkeep for SqliteStore {
    async fn keep_up(&self, now: Timestamp, retention: Retention) -> Result<(), StorageError> {
        let today = day_of(now);
        let rollups = day_of(now.saturating_sub(retention.rollups));
        for (sql, before) in [
            (EVENTS, day_of(now.saturating_sub(retention.events))),
            // A request of yesterday may still be on its way.
            (VISITORS, today.saturating_sub(DAY)),
            (SALTS, today),
            (HOURS, rollups),
            (NAMES, rollups),
            (COUNTS, rollups),
        ] {
            while self.write("keep_up", move |connection| forget(connection, sql, before)).await? == ROWS_AT_ONCE {}
        }
        while self.write("keep_up", clear_site).await? {}
        Ok(())
    }
}

fn forget(connection: &mut SqliteConnection, sql: &'static str, before: Timestamp) -> Result<usize, Failure> {
    let most = i64::try_from(ROWS_AT_ONCE).unwrap_or(i64::MAX);
    let query = diesel::sql_query(sql).bind::<BigInt, _>(before.as_unix_micros()).bind::<BigInt, _>(most);
    Ok(query.execute(connection)?)
}

/// What was counted of a removed site, and then the site. Returns whether there was one.
fn clear_site(connection: &mut SqliteConnection) -> Result<bool, Failure> {
    connection.immediate_transaction(|connection| {
        let removed: Option<i64> = sites::table
            .filter(sites::deleted_at.is_not_null())
            .order(sites::deleted_at)
            .select(sites::id)
            .first(connection)
            .optional()?;
        let Some(id) = removed else { return Ok(false) };
        for table in ["pixel_hours", "pixel_names", "pixel_name_counts"] {
            let sql = format!("DELETE FROM {table} WHERE site_id = ?1");
            diesel::sql_query(sql).bind::<BigInt, _>(id).execute(connection)?;
        }
        diesel::delete(sites::table.find(id)).execute(connection)?;
        Ok(true)
    })
}

/// Removes the sites of a workspace that is purged; what was counted of them goes with the next upkeep.
pub(crate) fn remove_sites_of(connection: &mut SqliteConnection, workspace: i64, now: i64) -> Result<(), Failure> {
    let own = sites::table.filter(sites::workspace_id.eq(workspace)).filter(sites::deleted_at.is_null());
    diesel::update(own).set(sites::deleted_at.eq(now)).execute(connection)?;
    Ok(())
}
