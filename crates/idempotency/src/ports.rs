use async_trait::async_trait;
use core_domain::{Outbox, StorageError, Timestamp, Transaction};

use crate::{Claim, Fingerprint, RecordId};

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The request is the first: its effect and its answer belong into the same transaction.
    First,
    /// It was answered, or begun, before.
    Before(StoredRecord),
    /// Another transaction is at it right now.
    InProgress,
}

/// What is stored of an earlier request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// What it looked like.
    pub fingerprint: Fingerprint,
    /// Its sealed answer; `None` when it was begun and never answered, so that its outcome is unknown.
    pub sealed: Option<Vec<u8>>,
}

/// Idempotency records, within a transaction.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait IdempotencyRepository: Send {
    /// Claims a record for this transaction.
    ///
    /// A record whose `expires_at` is not after `now` MUST count as absent. Of transactions that claim one record at the
    /// same time exactly one MUST get [`Claimed::First`]; the others MUST NOT get it until that one is rolled back.
    /// They may wait for it shortly, or get [`Claimed::InProgress`]; the transaction MUST stay usable either way.
    async fn claim_record(&mut self, claim: &Claim, now: Timestamp) -> Result<Claimed, StorageError>;

    /// Claims different records, each as [`claim_record`](Self::claim_record) does. What became of each, in their order.
    ///
    /// The number of statements MUST NOT grow with the number of records, but for those that have expired.
    async fn claim_records(&mut self, claims: &[Claim], now: Timestamp) -> Result<Vec<Claimed>, StorageError>;

    /// Stores answers of claimed records, each as [`store_record`](Self::store_record) does. The number of statements
    /// MUST NOT grow with theirs.
    async fn store_records(
        &mut self,
        answered: &[(Claim, Vec<u8>)],
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StorageError>;

    /// Stores a claimed record; it is kept until `expires_at`. Without an answer, its outcome counts as unknown until
    /// it is stored again.
    async fn store_record(
        &mut self,
        claim: &Claim,
        sealed: Option<&[u8]>,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StorageError>;

    /// Removes a record, so that the request can be made anew.
    async fn delete_record(&mut self, record: &RecordId) -> Result<(), StorageError>;

    /// Removes up to `limit` records that expired at or before `now`. Returns how many.
    async fn purge_records(&mut self, now: Timestamp, limit: u32) -> Result<u64, StorageError>;

    /// Marks a point within the transaction to go back to.
    async fn mark(&mut self) -> Result<(), StorageError>;

    /// Undoes what was written since the latest [`mark`](Self::mark), and forgets the mark. What was written before it
    /// MUST stay.
    async fn undo_to_mark(&mut self) -> Result<(), StorageError>;

    /// Forgets the latest mark; what was written since stays.
    async fn release_mark(&mut self) -> Result<(), StorageError>;
}

/// What safe retries need of a transaction.
pub trait IdempotencyTx: IdempotencyRepository + Outbox + Transaction {}

impl<T: IdempotencyRepository + Outbox + Transaction> IdempotencyTx for T {}
