use crate::WorkspaceId;

/// Which of a workspace's two worlds a credential belongs to.
///
/// Events, webhooks and usage of `Test` never touch those of `Live`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Environment {
    /// Real data; keys begin with `sk_live_`.
    Live,
    /// Trial data; keys begin with `sk_test_`.
    Test,
}

crate::wire_words!(Environment { Live = "live", Test = "test" });

/// One of a workspace's two worlds: where its webhooks, events, usage and reports live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Realm {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Which of its worlds. What is in one never touches the other.
    pub environment: Environment,
}
