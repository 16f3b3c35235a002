mod list;
pub(crate) mod purge;
mod row;
mod write;

const TABLE: &str = "mcp_calls";
