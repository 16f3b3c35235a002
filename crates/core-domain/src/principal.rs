use crate::{
    AccountId, AllowedIps, ApiKeyId, Environment, LineageId, McpServers, Permission, ScopeSet, Tier, Timestamp,
    WorkspaceId,
};

/// Who is calling, once a credential has been accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// What they showed.
    pub credential: Credential,
    /// Whose it is.
    pub account_id: AccountId,
    /// The one workspace that the credential may touch; `None` for an account-level one.
    pub bound_to: Option<WorkspaceId>,
    /// Which of a workspace's two worlds it acts in.
    pub environment: Environment,
    /// What it may do.
    pub scopes: ScopeSet,
    /// The tier that sets its rate limit.
    pub tier: Tier,
    /// The tier of the workspace it is bound to; for an account-level one the highest of its account's workspaces.
    pub ceiling: Tier,
    /// Where it works from; `None` for everywhere.
    pub allowed_ips: Option<AllowedIps>,
    /// Which MCP servers it may use; `None` for all.
    pub mcp_servers: Option<McpServers>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
}

/// The kinds of credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// An API key.
    ApiKey {
        /// The key.
        id: ApiKeyId,
        /// The key and all that it was rotated from or into.
        lineage_id: LineageId,
        /// Its name.
        name: String,
        /// Its first characters, as shown in lists.
        prefix: String,
    },
    /// A signed token (JWT).
    Token,
}

impl Principal {
    /// Whether the credential's scopes allow `permission`.
    pub fn may(&self, permission: Permission) -> bool {
        self.scopes.grants(permission)
    }
}
