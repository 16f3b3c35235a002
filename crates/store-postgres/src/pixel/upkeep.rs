use ::pixel::{DAY, PixelUpkeep, Retention, day_of};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use core_domain::{StorageError, Timestamp, Transaction as _};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::error::storage;
use crate::schema::pixel_sites as sites;
use crate::{PgStore, PgTx, time};

/// Any number will do, as long as it stays the same.
const LOCK: i64 = 3_402_817_774_200_861_237;
/// How many days have their partitions before they come: as long may upkeep fail.
const DAYS_AHEAD: u32 = 7;
/// How many removed sites one transaction clears at most, so that it stays short.
const SITES_AT_ONCE: i64 = 20;

#[async_trait]
impl PixelUpkeep for PgStore {
    async fn keep_up(&self, now: Timestamp, retention: Retention) -> Result<(), StorageError> {
        let today = day_of(now);
        let mut tx = self.begin().await?;
        run(&mut tx, &format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
        let mut day = today;
        for _ in 0..=DAYS_AHEAD {
            prepare(&mut tx, "pixel_events", "at", day).await?;
            prepare(&mut tx, "pixel_visitors", "day", day).await?;
            day = day.saturating_add(DAY);
        }
        let events = day_of(now.saturating_sub(retention.events));
        forget(&mut tx, "pixel_events", "at", events).await?;
        // A request of yesterday may still be on its way.
        forget(&mut tx, "pixel_visitors", "day", today.saturating_sub(DAY)).await?;
        Box::new(tx).commit().await?;
        clear(self, today, day_of(now.saturating_sub(retention.rollups))).await
    }
}

async fn run(tx: &mut PgTx, sql: &str) -> Result<(), StorageError> {
    const OPERATION: &str = "keep_up";
    let done = diesel::sql_query(sql).execute(tx.start(OPERATION)?).await;
    tx.finish(OPERATION, done).map(drop)
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    is_so: bool,
}

#[derive(QueryableByName)]
struct Partition {
    #[diesel(sql_type = Text)]
    name: String,
}

/// `2026-01-15`.
fn date(day: Timestamp) -> String {
    day.to_string().chars().take(10).collect()
}

fn partition(table: &str, day: Timestamp) -> String {
    format!("{table}_{}", date(day).replace('-', ""))
}

/// Makes a day's partition, unless there is one. A day that has rows in the default partition stays there.
async fn prepare(tx: &mut PgTx, table: &str, column: &str, day: Timestamp) -> Result<(), StorageError> {
    const OPERATION: &str = "prepare_day";
    let (name, from, to) = (partition(table, day), date(day), date(day.saturating_add(DAY)));
    let within = format!("{column} >= '{from}T00:00:00Z' AND {column} < '{to}T00:00:00Z'");
    let found = diesel::sql_query(format!(
        "SELECT to_regclass('{name}') IS NOT NULL OR EXISTS (SELECT FROM {table}_default WHERE {within}) AS is_so"
    ))
    .get_result::<Answer>(tx.start(OPERATION)?)
    .await;
    if tx.finish(OPERATION, found)?.is_so {
        return Ok(());
    }
    let bounds = format!("FROM ('{from}T00:00:00Z') TO ('{to}T00:00:00Z')");
    run(tx, &format!("CREATE TABLE {name} PARTITION OF {table} FOR VALUES {bounds}")).await
}

/// Drops the partitions of days before `before`, and what the default one has of them.
async fn forget(tx: &mut PgTx, table: &str, column: &str, before: Timestamp) -> Result<(), StorageError> {
    const OPERATION: &str = "forget_days";
    let found = diesel::sql_query(
        "SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
         WHERE i.inhparent = to_regclass($1) AND c.relname ~ '_[0-9]{8}$' AND c.relname < $2 COLLATE \"C\"",
    )
    .bind::<Text, _>(table)
    .bind::<Text, _>(partition(table, before))
    .load::<Partition>(tx.start(OPERATION)?)
    .await;
    for Partition { name } in tx.finish(OPERATION, found)? {
        run(tx, &format!("DROP TABLE {name}")).await?;
    }
    run(tx, &format!("DELETE FROM {table}_default WHERE {column} < '{}T00:00:00Z'", date(before))).await
}

async fn clear(store: &PgStore, today: Timestamp, before: Timestamp) -> Result<(), StorageError> {
    const OPERATION: &str = "clear_pixel";
    let mut connection = store.connection(OPERATION).await?;
    for (sql, moment) in [
        ("DELETE FROM pixel_salts WHERE day < $1", today),
        ("DELETE FROM pixel_hours WHERE hour < $1", before),
        ("DELETE FROM pixel_names WHERE day < $1", before),
        ("DELETE FROM pixel_name_counts WHERE day < $1", before),
    ] {
        let query = diesel::sql_query(sql).bind::<Timestamptz, _>(time::stored(moment));
        query.execute(&mut connection).await.map_err(storage(OPERATION))?;
    }
    clear_sites(&mut connection).await.map_err(storage(OPERATION))
}

/// What was counted of removed sites, and then the sites.
async fn clear_sites(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    loop {
        let removed: Vec<i64> = sites::table
            .filter(sites::deleted_at.is_not_null())
            .order_by(sites::deleted_at)
            .limit(SITES_AT_ONCE)
            .select(sites::id)
            .load(connection)
            .await?;
        if removed.is_empty() {
            return Ok(());
        }
        for table in ["pixel_hours", "pixel_names", "pixel_name_counts"] {
            let sql = format!("DELETE FROM {table} WHERE site_id = ANY($1)");
            diesel::sql_query(sql).bind::<Array<BigInt>, _>(&removed).execute(connection).await?;
        }
        diesel::delete(sites::table).filter(sites::id.eq_any(&removed)).execute(connection).await?;
    }
}

/// Removes the sites of workspaces that are purged; what was counted of them goes with the next upkeep.
pub(crate) async fn remove_sites_of(
    connection: &mut AsyncPgConnection,
    workspaces: &[i64],
    now: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::update(sites::table)
        .filter(sites::workspace_id.eq_any(workspaces))
        .filter(sites::deleted_at.is_null())
        .set(sites::deleted_at.eq(now))
        .execute(connection)
        .await?;
    Ok(())
}
