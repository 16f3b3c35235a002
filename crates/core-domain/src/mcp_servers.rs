/// The ids of the MCP servers a credential may use, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpServers(Vec<String>);

impl McpServers {
    /// The longest list.
    pub const MAX_SERVERS: usize = 100;

    /// Whether `text` can be a server's id: `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`.
    pub fn is_id(text: &str) -> bool {
        (1..=64).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    }

    /// The ids.
    pub fn ids(&self) -> &[String] {
        &self.0
    }

    /// Whether every server that `other` opens is opened by this list.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|id| self.0.contains(id))
    }
}

/// Takes ids that [`McpServers::is_id`] accepts.
impl FromIterator<String> for McpServers {
    fn from_iter<I: IntoIterator<Item = String>>(ids: I) -> Self {
        Self(ids.into_iter().collect())
    }
}
