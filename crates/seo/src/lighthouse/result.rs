use serde::Deserialize;

use super::lenient::{Entries, List, Object, Path, Text};

/// What a tool's result may hold more than: more items of one audit are counted, but not kept.
const MOST_ITEMS: usize = 1_000;

/// A result as the `lighthouse` tool writes it (`--output=json`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LighthouseResult {
    pub(super) lighthouse_version: String,
    #[serde(default)]
    pub(super) requested_url: Option<String>,
    /// Until version 9.
    #[serde(default)]
    pub(super) final_url: Option<String>,
    /// Since version 10.
    #[serde(default)]
    pub(super) final_displayed_url: Option<String>,
    pub(super) categories: Entries<Category, 50>,
    pub(super) audits: Entries<Audit, 1_000>,
}

/// An answer of `PageSpeed` Insights (version 5), which wraps a result of the `lighthouse` tool.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageSpeedResult {
    /// The wrapped result.
    pub lighthouse_result: LighthouseResult,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Category {
    /// Missing and null are the same: it could not be told.
    #[serde(default)]
    pub(super) score: Option<f64>,
    #[serde(default)]
    pub(super) audit_refs: List<AuditRef, 1_000>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct AuditRef {
    pub(super) id: String,
    #[serde(default)]
    pub(super) weight: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Audit {
    #[serde(default)]
    pub(super) title: Text,
    #[serde(default)]
    pub(super) score: Option<f64>,
    #[serde(default)]
    pub(super) score_display_mode: Text,
    #[serde(default)]
    pub(super) display_value: Text,
    #[serde(default)]
    pub(super) details: Object<AuditDetails>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditDetails {
    #[serde(rename = "type", default)]
    pub(super) kind: Text,
    #[serde(default)]
    pub(super) items: List<Object<Box<Item>>, MOST_ITEMS>,
    #[serde(default)]
    pub(super) debug_data: Object<DebugData>,
}

/// What accessibility audits know of themselves, from axe.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct DebugData {
    #[serde(default)]
    pub(super) impact: Text,
}

/// One row of an audit's table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Item {
    #[serde(default)]
    pub(super) node: Object<Node>,
    #[serde(default)]
    pub(super) url: Text,
    #[serde(default)]
    pub(super) href: Text,
    #[serde(default)]
    pub(super) text: Text,
    #[serde(default)]
    pub(super) description: Text,
}

/// An element of the page.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node {
    /// The way from the document's root: `1,HTML,1,BODY,0,IMG`. Unlike a selector it means one element alone.
    #[serde(default)]
    pub(super) path: Path,
    #[serde(default)]
    pub(super) selector: Text,
    #[serde(default)]
    pub(super) snippet: Text,
    #[serde(rename = "nodeLabel", default)]
    pub(super) label: Text,
    #[serde(default)]
    pub(super) explanation: Text,
}
