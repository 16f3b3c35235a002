use async_trait::async_trait;
use core_domain::{Outbox, Page, StorageError, Tier, Timestamp, Transaction, WorkspaceId};

use crate::{
    Counter, CounterId, DayUsage, FeatureKey, HistoryQuery, Metadata, Override, Realm, Reservation, ReservationId,
    Settlement, Terms, UsageQuery, UsageRow,
};

/// A counter that no other transaction can change, and what bounds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// As it stands; all zero when nothing was ever counted.
    pub counter: Counter,
    /// What bounds it.
    pub terms: Terms,
}

/// What is written of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRecord {
    /// The difference.
    pub quantity: i64,
    /// How much is used after it.
    pub balance: u64,
    /// The caller's own notes.
    pub metadata: Option<Metadata>,
    /// The reservation that it confirms.
    pub reservation_id: Option<ReservationId>,
}

/// What became of a counter, and why.
#[derive(Debug, Clone)]
pub struct CounterChange {
    /// Which.
    pub id: CounterId,
    /// How it stands now. What is held is no part of it: that is the sum of the reservations.
    pub counter: Counter,
    /// The day that the changes count for: midnight at its beginning.
    pub day: Timestamp,
    /// When they were recorded.
    pub now: Timestamp,
    /// The changes, in order.
    pub records: Vec<UsageRecord>,
}

/// Counters and reservations, within a transaction.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait EntitlementRepository: Send {
    /// Locks a counter until the transaction ends, and reads it with what bounds it.
    ///
    /// Everything it returns MUST be read after the lock was had: tier, override and the sum of what reservations hold
    /// at `now`. A missing counter is locked like any other. `None` when there is no such workspace.
    async fn lock_counter(&mut self, id: &CounterId, now: Timestamp) -> Result<Option<Locked>, StorageError>;

    /// Writes a counter that was locked before, with its records, and adds them to the day's sums.
    ///
    /// The cost MUST NOT grow with what was recorded before. Records get growing numbers in their order.
    async fn save_counter(&mut self, change: &CounterChange) -> Result<(), StorageError>;

    /// Takes the next reservation id. Ids grow; gaps are allowed.
    async fn next_reservation_id(&mut self) -> Result<ReservationId, StorageError>;

    /// Stores a new reservation against a counter that was locked before.
    async fn insert_reservation(&mut self, reservation: &Reservation) -> Result<(), StorageError>;

    /// The reservation, if it is of this place.
    async fn find_reservation_for_change(
        &mut self,
        place: Realm,
        id: ReservationId,
    ) -> Result<Option<Reservation>, StorageError>;

    /// Settles a reservation that at `now` still holds something. Returns whether it did.
    ///
    /// One atomic step: of two at once, one MUST get `false`.
    async fn settle_reservation(
        &mut self,
        id: ReservationId,
        settlement: Settlement,
        now: Timestamp,
    ) -> Result<bool, StorageError>;

    /// Removes up to `limit` reservations that were settled or ended before `before`. Returns how many.
    async fn purge_reservations(&mut self, before: Timestamp, limit: u32) -> Result<u64, StorageError>;

    /// Sets an override, in place of the one that the workspace has for the feature. Returns whether there is such a
    /// workspace.
    async fn set_override(&mut self, set: &Override) -> Result<bool, StorageError>;

    /// Removes an override. Returns whether there was one.
    async fn delete_override(&mut self, workspace: WorkspaceId, feature: &FeatureKey) -> Result<bool, StorageError>;
}

/// What the use cases of this crate need of a transaction.
pub trait EntitlementTx: EntitlementRepository + Outbox + Transaction {}

impl<T: EntitlementRepository + Outbox + Transaction> EntitlementTx for T {}

/// How a workspace stands with the features that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its tier.
    pub tier: Tier,
    /// One for each feature, in the order in which they were asked for.
    pub lines: Vec<LineOfStanding>,
}

/// How it stands with one feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineOfStanding {
    /// The counter of the period that was asked for.
    pub counter: Counter,
    /// What bounds it.
    pub terms: Terms,
}

/// Reads outside a transaction.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait EntitlementReader: Send + Sync {
    /// How a place stands at `now` with these features, each in the period that begins at the moment beside it.
    ///
    /// One query, however many there are; it shows one moment. `None` when there is no such workspace.
    async fn find_standing(
        &self,
        place: Realm,
        features: &[(FeatureKey, Timestamp)],
        now: Timestamp,
    ) -> Result<Option<Standing>, StorageError>;

    /// One page of what was recorded in a place.
    ///
    /// The cost MUST NOT grow with the number of rows in the store, but for those that a filter by time leaves to be
    /// counted or passed over.
    async fn list_usage(&self, place: Realm, query: &UsageQuery) -> Result<Page<UsageRow>, StorageError>;

    /// What each day did, by day, then feature. Days on which nothing was recorded are left out.
    async fn list_history(&self, place: Realm, query: &HistoryQuery) -> Result<Vec<DayUsage>, StorageError>;

    /// The reservation, if it is of this place.
    async fn find_reservation(&self, place: Realm, id: ReservationId) -> Result<Option<Reservation>, StorageError>;

    /// A workspace's overrides, past ones too, by feature. `None` when there is no such workspace.
    async fn list_overrides(&self, workspace: WorkspaceId) -> Result<Option<Vec<Override>>, StorageError>;
}
