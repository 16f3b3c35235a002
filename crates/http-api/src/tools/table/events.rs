use crate::tools::entry::{Entry, adds, reads};

pub(super) const ENTRIES: &[Entry] = &[
    adds("publish_events", "/api/v1/events").outside(),
    reads("list_events", "/api/v1/events"),
    reads("get_event", "/api/v1/events/{event_id}"),
];
