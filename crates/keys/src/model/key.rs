use core_domain::{
    AccountId, AllowedIps, ApiKeyId, Environment, LineageId, McpServers, ScopeSet, Tier, Timestamp, WorkspaceId,
    fold_for_search,
};

use crate::{KeyDigest, PepperVersion};

/// An API key as it is stored: everything but its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What it shares with the keys it was rotated from or into.
    pub lineage_id: LineageId,
    /// The account that made it, and whose workspaces it opens when it is account-level.
    pub account_id: AccountId,
    /// The one workspace it opens; `None` for an account-level key.
    pub workspace_id: Option<WorkspaceId>,
    /// Its name, for people.
    pub name: KeyName,
    /// The first characters of the secret.
    pub prefix: String,
    /// What is kept of the secret.
    pub digest: KeyDigest,
    /// The pepper behind the digest.
    pub pepper_version: PepperVersion,
    /// Which of a workspace's two worlds it acts in.
    pub environment: Environment,
    /// What it may do.
    pub scopes: ScopeSet,
    /// The tier of its rate limit; `None` follows the workspace.
    pub rate_limit_tier: Option<Tier>,
    /// Where it works from; `None` for everywhere.
    pub allowed_ips: Option<AllowedIps>,
    /// Which MCP servers it may use; `None` for all.
    pub mcp_servers: Option<McpServers>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Set once it was rotated: when it ends.
    pub grace_period_ends_at: Option<Timestamp>,
    /// Set once it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The key it replaced.
    pub rotated_from_id: Option<ApiKeyId>,
    /// When it was last used, right to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed; being used changes nothing.
    pub updated_at: Timestamp,
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyStatus {
    /// It works.
    Active,
    /// It was rotated and works until its grace period ends.
    Rotating,
    /// It ended by itself: its expiry or its grace period is over.
    Expired,
    /// It was ended by someone.
    Revoked,
}

core_domain::wire_words!(KeyStatus {
    Active = "active",
    Rotating = "rotating",
    Expired = "expired",
    Revoked = "revoked",
});

impl ApiKey {
    /// Where the key stands at `now`. It ends at the very moment of `expires_at` or `grace_period_ends_at`.
    pub fn status(&self, now: Timestamp) -> KeyStatus {
        if self.revoked_at.is_some() {
            KeyStatus::Revoked
        } else if self.ends_at().is_some_and(|end| end <= now) {
            KeyStatus::Expired
        } else if self.grace_period_ends_at.is_some() {
            KeyStatus::Rotating
        } else {
            KeyStatus::Active
        }
    }

    /// Whether it is one of the keys that a workspace has: bound to it, and not rotated into another, which counts in
    /// its place.
    pub fn counts_in(&self, workspace: WorkspaceId) -> bool {
        self.workspace_id == Some(workspace) && self.grace_period_ends_at.is_none()
    }

    /// When the key ends by itself: at its expiry or the end of its grace period, whichever comes first.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.expires_at.into_iter().chain(self.grace_period_ends_at).min()
    }

    /// The tier that sets the key's rate limit, given its workspace's: never above it.
    pub fn effective_tier(&self, ceiling: Tier) -> Tier {
        self.rate_limit_tier.map_or(ceiling, |tier| tier.min(ceiling))
    }

    /// The text that a search looks in: name and prefix.
    pub fn search_text(&self) -> String {
        fold_for_search(&[self.name.as_str(), &self.prefix])
    }
}

/// A key's name: 1 to 255 characters, not only white space, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyName(String);

/// A text that is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key's name has 1 to 255 characters, none of them a control character")]
pub struct InvalidKeyName;

impl KeyName {
    /// The longest name, in characters.
    pub const MAX_CHARS: usize = 255;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for KeyName {
    type Error = InvalidKeyName;

    fn try_from(text: &str) -> Result<Self, InvalidKeyName> {
        let valid =
            !text.trim().is_empty() && text.chars().count() <= Self::MAX_CHARS && !text.contains(char::is_control);
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidKeyName) }
    }
}
