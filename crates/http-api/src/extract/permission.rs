//! What an endpoint requires, as a type: `Caller<WorkspacesRead>` can't be had without `workspaces:read`.

use core_domain::Permission;

/// What a caller must hold.
pub(crate) trait Requirement: 'static {
    /// `None`: any credential will do.
    const PERMISSION: Option<Permission>;
}

macro_rules! requirements {
    ($($name:ident = $resource:literal : $action:literal;)+) => {$(
        pub(crate) enum $name {}

        impl Requirement for $name {
            const PERMISSION: Option<Permission> = Some(Permission::new($resource, $action));
        }
    )+};
}

requirements! {
    WorkspacesRead = "workspaces":"read";
    WorkspacesWrite = "workspaces":"write";
    WorkspacesDelete = "workspaces":"delete";
    ApiKeysRead = "api-keys":"read";
    ApiKeysWrite = "api-keys":"write";
    ApiKeysDelete = "api-keys":"delete";
    WebhooksRead = "webhooks":"read";
    WebhooksWrite = "webhooks":"write";
    WebhooksDelete = "webhooks":"delete";
    EventsRead = "events":"read";
    EventsWrite = "events":"write";
    EntitlementsRead = "entitlements":"read";
    EntitlementsWrite = "entitlements":"write";
    OperatorRead = "operator":"read";
    OperatorWrite = "operator":"write";
    SeoRead = "seo":"read";
    SeoWrite = "seo":"write";
    McpRead = "mcp":"read";
    McpWrite = "mcp":"write";
}

/// Any credential, whatever its scopes.
pub(crate) enum AnyCredential {}

impl Requirement for AnyCredential {
    const PERMISSION: Option<Permission> = None;
}
