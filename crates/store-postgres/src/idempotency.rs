use std::collections::HashMap;

use ::idempotency::{Claim, Claimed, IdempotencyRepository, RecordId, StoredRecord};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use core_domain::{StorageError, Timestamp};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, Bool, Bytea, Integer, Timestamptz};
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection as _};

use crate::error::OrCorrupt as _;
use crate::schema::idempotency_records as table;
use crate::{PgTx, time};

const TABLE: &str = "idempotency_records";

#[diesel::declare_sql_function]
extern "SQL" {
    /// Takes a lock until the transaction's end, or says that another one has it.
    ///
    /// Locks of two numbers and locks of one, as that of the migrations, never meet.
    fn pg_try_advisory_xact_lock(high: Integer, low: Integer) -> Bool;
}

/// The numbers of a record's lock: 64 bits of what is a digest already.
fn lock(record: &RecordId) -> (i32, i32) {
    let [h0, h1, h2, h3, l0, l1, l2, l3, ..] = *record.as_bytes();
    (i32::from_be_bytes([h0, h1, h2, h3]), i32::from_be_bytes([l0, l1, l2, l3]))
}

/// Takes many such locks; whether each was had, in their order.
#[derive(QueryId)]
struct TryLocks {
    high: Vec<i32>,
    low: Vec<i32>,
}

impl Query for TryLocks {
    type SqlType = Bool;
}

impl QueryFragment<Pg> for TryLocks {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT pg_try_advisory_xact_lock(u.high, u.low) FROM unnest(");
        out.push_bind_param::<Array<Integer>, _>(&self.high)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Integer>, _>(&self.low)?;
        out.push_sql(") WITH ORDINALITY AS u(high, low, place) ORDER BY u.place");
        Ok(())
    }
}

/// Stores many records at once.
#[derive(QueryId)]
struct StoreRecords {
    ids: Vec<Vec<u8>>,
    fingerprints: Vec<Vec<u8>>,
    sealed: Vec<Vec<u8>>,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl QueryFragment<Pg> for StoreRecords {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO idempotency_records (id, fingerprint, sealed, created_at, expires_at) \
             SELECT u.id, u.fingerprint, u.sealed, ",
        );
        out.push_bind_param::<Timestamptz, _>(&self.now)?;
        out.push_sql(", ");
        out.push_bind_param::<Timestamptz, _>(&self.expires_at)?;
        out.push_sql(" FROM unnest(");
        out.push_bind_param::<Array<Bytea>, _>(&self.ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Bytea>, _>(&self.fingerprints)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Bytea>, _>(&self.sealed)?;
        out.push_sql(
            ") AS u(id, fingerprint, sealed) ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, \
             sealed = excluded.sealed, created_at = excluded.created_at, expires_at = excluded.expires_at",
        );
        Ok(())
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct Found {
    fingerprint: Vec<u8>,
    sealed: Option<Vec<u8>>,
    expires_at: DateTime<Utc>,
}

impl TryFrom<Found> for StoredRecord {
    type Error = StorageError;

    fn try_from(found: Found) -> Result<Self, StorageError> {
        let fingerprint = <[u8; 32]>::try_from(&*found.fingerprint).or_corrupt(TABLE, "fingerprint")?.into();
        Ok(Self { fingerprint, sealed: found.sealed })
    }
}

#[derive(Insertable)]
#[diesel(table_name = table)]
struct RecordRow<'a> {
    id: &'a [u8],
    fingerprint: &'a [u8],
    sealed: Option<&'a [u8]>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

#[async_trait]
impl IdempotencyRepository for PgTx {
    async fn claim_record(&mut self, claim: &Claim, now: Timestamp) -> Result<Claimed, StorageError> {
        const OPERATION: &str = "claim_record";
        let (high, low) = lock(&claim.record);
        let locked =
            diesel::select(pg_try_advisory_xact_lock(high, low)).get_result::<bool>(self.start(OPERATION)?).await;
        if !self.finish(OPERATION, locked)? {
            return Ok(Claimed::InProgress);
        }
        // A statement of its own, which sees what the last holder of the lock has committed.
        let found = table::table
            .find(claim.record.as_bytes().as_slice())
            .select(Found::as_select())
            .first(self.start(OPERATION)?)
            .await
            .optional();
        match self.finish(OPERATION, found)? {
            None => Ok(Claimed::First),
            Some(found) if found.expires_at > time::stored(now) => Ok(Claimed::Before(found.try_into()?)),
            Some(_) => {
                self.delete_record(&claim.record).await?;
                Ok(Claimed::First)
            }
        }
    }

    async fn claim_records(&mut self, claims: &[Claim], now: Timestamp) -> Result<Vec<Claimed>, StorageError> {
        const OPERATION: &str = "claim_records";
        let (high, low) = claims.iter().map(|claim| lock(&claim.record)).unzip();
        let locks = TryLocks { high, low }.load::<bool>(self.start(OPERATION)?).await;
        let locks = self.finish(OPERATION, locks)?;
        let ids: Vec<&[u8]> = claims.iter().map(|claim| claim.record.as_bytes().as_slice()).collect();
        let found = table::table
            .filter(table::id.eq_any(ids))
            .select((table::id, Found::as_select()))
            .load::<(Vec<u8>, Found)>(self.start(OPERATION)?)
            .await;
        let mut found: HashMap<Vec<u8>, Found> = self.finish(OPERATION, found)?.into_iter().collect();
        let mut claimed = Vec::with_capacity(claims.len());
        for (claim, is_locked) in claims.iter().zip(locks) {
            claimed.push(match found.remove(claim.record.as_bytes().as_slice()) {
                _ if !is_locked => Claimed::InProgress,
                None => Claimed::First,
                Some(found) if found.expires_at > time::stored(now) => Claimed::Before(found.try_into()?),
                Some(_) => {
                    self.delete_record(&claim.record).await?;
                    Claimed::First
                }
            });
        }
        Ok(claimed)
    }

    async fn store_records(
        &mut self,
        answered: &[(Claim, Vec<u8>)],
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StorageError> {
        const OPERATION: &str = "store_records";
        let records = StoreRecords {
            ids: answered.iter().map(|(claim, _)| claim.record.as_bytes().to_vec()).collect(),
            fingerprints: answered.iter().map(|(claim, _)| claim.fingerprint.as_bytes().to_vec()).collect(),
            sealed: answered.iter().map(|(_, sealed)| sealed.clone()).collect(),
            now: time::stored(now),
            expires_at: time::stored(expires_at),
        };
        let stored = records.execute(self.start(OPERATION)?).await;
        self.finish(OPERATION, stored).map(drop)
    }

    async fn store_record(
        &mut self,
        claim: &Claim,
        sealed: Option<&[u8]>,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StorageError> {
        const OPERATION: &str = "store_record";
        let row = RecordRow {
            id: claim.record.as_bytes(),
            fingerprint: claim.fingerprint.as_bytes(),
            sealed,
            created_at: time::stored(now),
            expires_at: time::stored(expires_at),
        };
        let stored = diesel::insert_into(table::table)
            .values(row)
            .on_conflict(table::id)
            .do_update()
            .set((
                table::fingerprint.eq(excluded(table::fingerprint)),
                table::sealed.eq(excluded(table::sealed)),
                table::created_at.eq(excluded(table::created_at)),
                table::expires_at.eq(excluded(table::expires_at)),
            ))
            .execute(self.start(OPERATION)?)
            .await;
        self.finish(OPERATION, stored).map(drop)
    }

    async fn delete_record(&mut self, record: &RecordId) -> Result<(), StorageError> {
        const OPERATION: &str = "delete_record";
        let record = table::table.find(record.as_bytes().as_slice());
        let deleted = diesel::delete(record).execute(self.start(OPERATION)?).await;
        self.finish(OPERATION, deleted).map(drop)
    }

    async fn purge_records(&mut self, now: Timestamp, limit: u32) -> Result<u64, StorageError> {
        const OPERATION: &str = "purge_records";
        let purged = purge(self.start(OPERATION)?, time::stored(now), limit).await;
        self.finish(OPERATION, purged)
    }

    // Plain savepoints, of which diesel does not know: its end of a transaction ends all of it, whatever is marked.
    async fn mark(&mut self) -> Result<(), StorageError> {
        self.run_batch("mark", "SAVEPOINT mark").await
    }

    async fn undo_to_mark(&mut self) -> Result<(), StorageError> {
        self.run_batch("undo_to_mark", "ROLLBACK TO SAVEPOINT mark; RELEASE SAVEPOINT mark").await
    }

    async fn release_mark(&mut self) -> Result<(), StorageError> {
        self.run_batch("release_mark", "RELEASE SAVEPOINT mark").await
    }
}

impl PgTx {
    async fn run_batch(&mut self, operation: &'static str, sql: &str) -> Result<(), StorageError> {
        let outcome = self.start(operation)?.batch_execute(sql).await;
        self.finish(operation, outcome)
    }
}

/// Skips what another replica is purging, or claiming anew, at this moment.
///
/// In two statements: within one, the server might look for the rows, up to the limit, more than once.
async fn purge(connection: &mut AsyncPgConnection, now: DateTime<Utc>, limit: u32) -> QueryResult<u64> {
    let ids: Vec<Vec<u8>> = table::table
        .filter(table::expires_at.le(now))
        .order_by(table::expires_at)
        .limit(i64::from(limit))
        .select(table::id)
        .for_update()
        .skip_locked()
        .load(connection)
        .await?;
    let purged = diesel::delete(table::table).filter(table::id.eq_any(ids)).execute(connection).await?;
    Ok(purged as u64)
}
