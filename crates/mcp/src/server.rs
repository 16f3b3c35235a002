use std::fmt;
use std::sync::Arc;

use core_domain::{InvalidId, McpServers, Realm};

/// A JSON object; its keys keep their order.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;

/// A server's id: its key in the configuration, `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(Arc<str>);

impl ServerId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for ServerId {
    type Error = InvalidId;

    fn try_from(text: &str) -> Result<Self, InvalidId> {
        if McpServers::is_id(text) { Ok(Self(text.into())) } else { Err(InvalidId) }
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One running copy of a server: the process or connection that calls go to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Instance {
    /// The server.
    pub server: ServerId,
    /// Whose copy it is, where the server's isolation is per workspace: live and test credentials have each their own; `None` for the one that all share.
    pub tenant: Option<Realm>,
}
