use crate::tools::entry::{Entry, adds, reads};

pub(super) const ENTRIES: &[Entry] = &[
    reads("check_entitlement", "/api/v1/entitlements/check"),
    adds("record_usage", "/api/v1/entitlements/usage"),
    reads("get_usage_summary", "/api/v1/entitlements/summary"),
    reads("list_usage_records", "/api/v1/entitlements/usage"),
    reads("get_usage_history", "/api/v1/entitlements/history"),
];
