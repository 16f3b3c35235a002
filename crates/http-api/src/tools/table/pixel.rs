use crate::tools::entry::{Entry, reads};

pub(super) const ENTRIES: &[Entry] =
    &[reads("list_pixel_sites", "/api/v1/pixel/sites"), reads("get_pixel_stats", "/api/v1/pixel/stats")];
