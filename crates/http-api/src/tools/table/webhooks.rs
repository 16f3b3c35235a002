use crate::tools::entry::{Entry, adds, changes, reads, removes};

pub(super) const ENTRIES: &[Entry] = &[
    reads("list_webhooks", "/api/v1/webhooks"),
    reads("get_webhook", "/api/v1/webhooks/{webhook_id}"),
    adds("create_webhook", "/api/v1/webhooks"),
    changes("update_webhook", "/api/v1/webhooks/{webhook_id}"),
    removes("delete_webhook", "/api/v1/webhooks/{webhook_id}"),
    adds("test_webhook", "/api/v1/webhooks/{webhook_id}/test").outside(),
    reads("get_webhook_statistics", "/api/v1/webhooks/{webhook_id}/statistics"),
];
