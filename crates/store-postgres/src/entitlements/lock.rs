use ::entitlements::{CounterId, LineOfStanding, Locked};
use core_domain::{StorageError, Timestamp, WireWord as _};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::standing::{FindStanding, StandingRow};
use crate::schema::entitlement_counters as counters;
use crate::{PgTx, time};

const OPERATION: &str = "lock_counter";

/// The lock first, and then a statement of its own, which sees all that was committed before the lock was had.
pub(super) async fn lock(tx: &mut PgTx, id: &CounterId, now: Timestamp) -> Result<Option<Locked>, StorageError> {
    if !take(tx, id).await? {
        make(tx, id).await?;
        take(tx, id).await?;
    }
    let query = FindStanding {
        workspace_id: id.place.workspace_id.get(),
        environment: id.place.environment.as_str(),
        features: vec![id.feature.to_string()],
        periods: vec![time::stored(id.period_start)],
        now: time::stored(now),
    };
    let row = query.get_result::<StandingRow>(tx.start(OPERATION)?).await.optional();
    let Some(row) = tx.finish(OPERATION, row)? else { return Ok(None) };
    let LineOfStanding { counter, terms } = row.try_into()?;
    Ok(Some(Locked { counter, terms }))
}

/// Whether there is such a counter; then it is locked.
async fn take(tx: &mut PgTx, id: &CounterId) -> Result<bool, StorageError> {
    let key = (
        id.place.workspace_id.get(),
        id.place.environment.as_str(),
        id.feature.as_str(),
        time::stored(id.period_start),
    );
    let found = counters::table
        .find(key)
        .select(counters::announced)
        .for_update()
        .first::<i16>(tx.start(OPERATION)?)
        .await
        .optional();
    Ok(tx.finish(OPERATION, found)?.is_some())
}

/// Another transaction may make it first: this one waits for that.
async fn make(tx: &mut PgTx, id: &CounterId) -> Result<(), StorageError> {
    let made = diesel::insert_into(counters::table)
        .values((
            counters::workspace_id.eq(id.place.workspace_id.get()),
            counters::environment.eq(id.place.environment.as_str()),
            counters::feature.eq(id.feature.as_str()),
            counters::period_start.eq(time::stored(id.period_start)),
            counters::used.eq(0),
            counters::announced.eq(0),
            counters::records.eq(0),
        ))
        .on_conflict_do_nothing()
        .execute(tx.start(OPERATION)?)
        .await;
    tx.finish(OPERATION, made).map(drop)
}
