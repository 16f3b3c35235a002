use core_domain::Timestamp;
use entitlements::{DayUsage, Metadata, UsageRow};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::list::Selectable;

/// One record. With `fields`, only those and `id` are present.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageRecord)]
pub(crate) struct RecordView {
    #[schema(minimum = 1)]
    id: i64,
    #[schema(required = false)]
    feature: String,
    /// Below 0 for what was freed.
    #[schema(required = false)]
    quantity: i64,
    /// How much was used after it.
    #[schema(required = false)]
    current_usage: u64,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// The reservation that was confirmed by it.
    reservation_id: Option<i64>,
    #[schema(required = false, value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl Selectable for RecordView {
    const FIELDS: &'static [&'static str] =
        &["id", "feature", "quantity", "current_usage", "metadata", "reservation_id", "created_at"];
    const INCLUDES: &'static [&'static str] = &[];
}

impl From<&UsageRow> for RecordView {
    fn from(row: &UsageRow) -> Self {
        Self {
            id: row.id,
            feature: row.feature.to_string(),
            quantity: row.quantity,
            current_usage: row.balance,
            metadata: row.metadata.as_ref().map(Metadata::to_value),
            reservation_id: row.reservation_id.map(entitlements::ReservationId::get),
            created_at: row.created_at,
        }
    }
}

/// What one day did to one feature.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageDay)]
pub(crate) struct DayView {
    /// UTC.
    #[schema(format = Date, example = "2026-01-15")]
    date: String,
    feature: String,
    /// How much was used that day.
    used: u64,
    /// How much of a level was freed that day.
    freed: u64,
    /// How many records there are of that day.
    records: u64,
    /// The counter after the last of them.
    current_usage: u64,
}

impl From<&DayUsage> for DayView {
    fn from(day: &DayUsage) -> Self {
        Self {
            date: day.day.to_string().chars().take(10).collect(),
            feature: day.feature.to_string(),
            used: day.used,
            freed: day.freed,
            records: day.records,
            current_usage: day.balance,
        }
    }
}
