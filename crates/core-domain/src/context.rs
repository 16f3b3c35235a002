use crate::{Tier, WorkspaceId};

/// What an account may do in a workspace through its account-level credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything.
    Owner,
    /// Everything but deleting the workspace.
    Admin,
    /// Use the workspace, but change neither it nor its keys.
    Member,
}

crate::wire_words!(Role { Owner = "owner", Admin = "admin", Member = "member" });

impl Role {
    /// Whether the role may change the workspace and its keys.
    pub fn may_manage(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }

    /// Whether the role may delete the workspace.
    pub fn may_delete(self) -> bool {
        self == Self::Owner
    }
}

/// The workspace that a request acts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkspaceContext {
    /// The workspace.
    pub id: WorkspaceId,
    /// Its tier.
    pub tier: Tier,
    /// The account's role in it; `None` for a credential that is bound to the workspace.
    pub role: Option<Role>,
}

impl WorkspaceContext {
    /// Whether the caller may change the workspace and its keys, as far as roles go.
    pub fn may_manage(&self) -> bool {
        self.role.is_none_or(Role::may_manage)
    }

    /// Whether the caller may delete the workspace, as far as roles go.
    pub fn may_delete(&self) -> bool {
        self.role.is_none_or(Role::may_delete)
    }
}
