use async_trait::async_trait;
use core_domain::{StorageError, Timestamp};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::upsert::excluded;
use idempotency::{Claim, Claimed, IdempotencyRepository, RecordId, StoredRecord};

use crate::error::{Failure, OrCorrupt};
use crate::schema::idempotency_records as table;
use crate::tx::SqliteTx;

const TABLE: &str = "idempotency_records";

#[derive(Insertable)]
#[diesel(table_name = table)]
struct RecordRow {
    id: Vec<u8>,
    fingerprint: Vec<u8>,
    sealed: Option<Vec<u8>>,
    created_at: i64,
    expires_at: i64,
}

impl RecordRow {
    fn new(claim: &Claim, sealed: Option<&[u8]>, now: Timestamp, expires_at: Timestamp) -> Self {
        Self {
            id: claim.record.as_bytes().to_vec(),
            fingerprint: claim.fingerprint.as_bytes().to_vec(),
            sealed: sealed.map(<[u8]>::to_vec),
            created_at: now.as_unix_micros(),
            expires_at: expires_at.as_unix_micros(),
        }
    }
}

#[async_trait]
impl IdempotencyRepository for SqliteTx {
    /// No other transaction is open at the same time: a twin is before its beginning or after its end.
    async fn claim_record(&mut self, claim: &Claim, now: Timestamp) -> Result<Claimed, StorageError> {
        let record = claim.record;
        self.run("claim_record", move |connection| {
            Ok(find(connection, &record, now)?.map_or(Claimed::First, Claimed::Before))
        })
        .await
    }

    async fn claim_records(&mut self, claims: &[Claim], now: Timestamp) -> Result<Vec<Claimed>, StorageError> {
        let claims = claims.to_vec();
        self.run("claim_records", move |connection| {
            let found = claims.iter().map(|claim| find(connection, &claim.record, now));
            found.map(|found| Ok(found?.map_or(Claimed::First, Claimed::Before))).collect()
        })
        .await
    }

    async fn store_records(
        &mut self,
        answered: &[(Claim, Vec<u8>)],
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StorageError> {
        let rows: Vec<RecordRow> =
            answered.iter().map(|(claim, sealed)| RecordRow::new(claim, Some(sealed), now, expires_at)).collect();
        self.run("store_records", move |connection| rows.into_iter().try_for_each(|row| put(connection, row))).await
    }

    async fn store_record(
        &mut self,
        claim: &Claim,
        sealed: Option<&[u8]>,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StorageError> {
        let row = RecordRow::new(claim, sealed, now, expires_at);
        self.run("store_record", move |connection| put(connection, row)).await
    }

    async fn delete_record(&mut self, record: &RecordId) -> Result<(), StorageError> {
        let record = *record;
        self.run("delete_record", move |connection| {
            diesel::delete(table::table.find(record.as_bytes().as_slice())).execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn purge_records(&mut self, now: Timestamp, limit: u32) -> Result<u64, StorageError> {
        self.run("purge_records", move |connection| purge(connection, now, limit)).await
    }

    // Plain savepoints, of which diesel does not know: its end of a transaction ends all of it, whatever is marked.
    async fn mark(&mut self) -> Result<(), StorageError> {
        self.run("mark", |connection| Ok(connection.batch_execute("SAVEPOINT mark")?)).await
    }

    async fn undo_to_mark(&mut self) -> Result<(), StorageError> {
        const UNDO: &str = "ROLLBACK TO SAVEPOINT mark; RELEASE SAVEPOINT mark";
        self.run("undo_to_mark", |connection| Ok(connection.batch_execute(UNDO)?)).await
    }

    async fn release_mark(&mut self) -> Result<(), StorageError> {
        self.run("release_mark", |connection| Ok(connection.batch_execute("RELEASE SAVEPOINT mark")?)).await
    }
}

fn put(connection: &mut SqliteConnection, row: RecordRow) -> Result<(), Failure> {
    let replaced = (
        table::fingerprint.eq(excluded(table::fingerprint)),
        table::sealed.eq(excluded(table::sealed)),
        table::created_at.eq(excluded(table::created_at)),
        table::expires_at.eq(excluded(table::expires_at)),
    );
    let insert = diesel::insert_into(table::table).values(row);
    insert.on_conflict(table::id).do_update().set(replaced).execute(connection)?;
    Ok(())
}

fn find(connection: &mut SqliteConnection, record: &RecordId, now: Timestamp) -> Result<Option<StoredRecord>, Failure> {
    let live = table::table
        .find(record.as_bytes().as_slice())
        .filter(table::expires_at.gt(now.as_unix_micros()))
        .select((table::fingerprint, table::sealed));
    let found: Option<(Vec<u8>, Option<Vec<u8>>)> = live.first(connection).optional()?;
    let Some((fingerprint, sealed)) = found else {
        return Ok(None);
    };
    let fingerprint = <[u8; 32]>::try_from(&*fingerprint).or_corrupt(TABLE, "fingerprint")?.into();
    Ok(Some(StoredRecord { fingerprint, sealed }))
}

fn purge(connection: &mut SqliteConnection, now: Timestamp, limit: u32) -> Result<u64, Failure> {
    let expired = diesel::alias!(table as expired);
    let ids = expired
        .filter(expired.field(table::expires_at).le(now.as_unix_micros()))
        .order(expired.field(table::expires_at))
        .limit(limit.into())
        .select(expired.field(table::id));
    Ok(diesel::delete(table::table.filter(table::id.eq_any(ids))).execute(connection)? as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;

    #[test]
    fn a_claim_and_a_purge_take_one_query_each_that_reads_no_table_whole() {
        let claim = plan::of_each_in(|connection| find(connection, &RecordId::from([1; 32]), Timestamp::MIN));
        let purge = plan::of_each_in(|connection| purge(connection, Timestamp::MIN, 10));
        for plans in [claim, purge] {
            assert_eq!(plans.len(), 1);
            assert!(!plans[0].contains("SCAN"), "{}", plans[0]);
            assert!(!plans[0].contains("ORDER BY"), "{}", plans[0]);
        }
    }
}
