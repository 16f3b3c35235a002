use crate::tools::entry::{Entry, reads};

pub(super) const ENTRIES: &[Entry] = &[
    reads("list_seo_issues", "/api/v1/seo/issues/{workspace_id}"),
    reads("list_seo_reports", "/api/v1/seo/reports"),
    reads("get_seo_report", "/api/v1/seo/reports/{report_id}"),
    reads("get_seo_history", "/api/v1/seo/history"),
];
