use core_domain::{ListQuery, Order, Sort, TimeRange, Timestamp};

use crate::{FeatureKey, Metadata, ReservationId};

/// One recorded change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// Its number; later records of one counter have larger ones.
    pub id: i64,
    /// Of what.
    pub feature: FeatureKey,
    /// How much; negative for what was freed.
    pub quantity: i64,
    /// How much was used after it.
    pub balance: u64,
    /// The caller's own notes.
    pub metadata: Option<Metadata>,
    /// The reservation that was confirmed by it.
    pub reservation_id: Option<ReservationId>,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// Which recorded changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageFilter {
    /// Of this feature alone.
    pub feature: Option<FeatureKey>,
    /// Recorded within this time.
    pub created: TimeRange,
}

/// What recorded changes are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is its wire word below")]
pub enum UsageSort {
    CreatedAt,
}

core_domain::wire_words!(UsageSort { CreatedAt = "created_at" });

impl UsageSort {
    /// Newest first.
    pub const DEFAULT: Sort<Self> = Sort { field: Self::CreatedAt, order: Order::Descending };
}

/// A list of recorded changes.
pub type UsageQuery = ListQuery<UsageFilter, UsageSort>;

/// Which days, both inclusive and at midnight, and of which features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Of this feature alone.
    pub feature: Option<FeatureKey>,
    /// The first day.
    pub from: Timestamp,
    /// The last day.
    pub to: Timestamp,
}

/// What one day did to one feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayUsage {
    /// Of what.
    pub feature: FeatureKey,
    /// Midnight at its beginning.
    pub day: Timestamp,
    /// How much was used.
    pub used: u64,
    /// How much of a stock was freed.
    pub freed: u64,
    /// How many changes there were.
    pub records: u64,
    /// The counter after the last of them.
    pub balance: u64,
}
