use crate::tools::entry::{Entry, reads};

pub(super) const ENTRIES: &[Entry] =
    &[reads("show_caller", "/api/v1/me"), reads("list_workspaces", "/api/v1/workspaces")];
