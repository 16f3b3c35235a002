use crate::tools::entry::{Entry, adds, reads};

pub(super) const ENTRIES: &[Entry] = &[
    reads("list_deliveries", "/api/v1/webhooks/{webhook_id}/deliveries"),
    reads("get_delivery", "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}"),
    adds("retry_delivery", "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry").outside(),
    adds("replay_deliveries", "/api/v1/webhooks/{webhook_id}/replay").outside(),
];
