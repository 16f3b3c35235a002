use core_domain::{
    AllowedIps, Credential, Environment, McpServers, Principal, Scope, ScopeSet, Timestamp, WireWord, WorkspaceContext,
};
use serde_json::{Value, json};

use crate::ApiKey;

/// What a caller lacks to hand out a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// The account's role in the workspace.
    #[error("only an owner or admin may manage a workspace's keys")]
    Role,
    /// A scope.
    #[error("the scope {0} is not held by the caller")]
    ScopeNotHeld(Scope),
    /// The live environment.
    #[error("a test key can't manage live keys")]
    Environment,
    /// A life this long.
    #[error("a key can't outlive the key that makes it")]
    Expiry,
    /// These addresses.
    #[error("the allowed addresses go beyond the caller's own")]
    Addresses,
    /// These MCP servers.
    #[error("the MCP servers go beyond the caller's own")]
    McpServers,
}

/// What a key opens.
pub(crate) struct Grant<'a> {
    pub(crate) environment: Environment,
    pub(crate) scopes: &'a ScopeSet,
    pub(crate) allowed_ips: Option<&'a AllowedIps>,
    pub(crate) mcp_servers: Option<&'a McpServers>,
    pub(crate) expires_at: Option<Timestamp>,
}

impl<'a> Grant<'a> {
    pub(crate) fn of(key: &'a ApiKey) -> Self {
        Self {
            environment: key.environment,
            scopes: &key.scopes,
            allowed_ips: key.allowed_ips.as_ref(),
            mcp_servers: key.mcp_servers.as_ref(),
            expires_at: key.expires_at,
        }
    }
}

/// No key can be handed out that opens more than the caller's own credential: not by scope, environment, address,
/// MCP server or life.
pub(crate) fn may_grant(caller: &Principal, context: WorkspaceContext, grant: &Grant<'_>) -> Result<(), GrantError> {
    may_manage(caller, context, grant.environment)?;
    if let Some(scope) = caller.scopes.first_uncovered(grant.scopes) {
        return Err(GrantError::ScopeNotHeld(scope.clone()));
    }
    if let Some(end) = inherited_expiry(caller)
        && grant.expires_at.is_none_or(|wanted| wanted > end)
    {
        return Err(GrantError::Expiry);
    }
    if let Some(own) = &caller.allowed_ips
        && !grant.allowed_ips.is_some_and(|wanted| own.covers(wanted))
    {
        return Err(GrantError::Addresses);
    }
    if let Some(own) = &caller.mcp_servers
        && !grant.mcp_servers.is_some_and(|wanted| own.covers(wanted))
    {
        return Err(GrantError::McpServers);
    }
    Ok(())
}

/// Whether the caller may touch keys of this environment at all.
pub(crate) fn may_manage(
    caller: &Principal,
    context: WorkspaceContext,
    environment: Environment,
) -> Result<(), GrantError> {
    if !context.may_manage() {
        return Err(GrantError::Role);
    }
    if caller.environment == Environment::Test && environment == Environment::Live {
        return Err(GrantError::Environment);
    }
    Ok(())
}

/// When keys that the caller makes end at the latest. A token's short life binds nothing: it stands for a person.
pub(crate) fn inherited_expiry(caller: &Principal) -> Option<Timestamp> {
    match caller.credential {
        Credential::ApiKey { .. } => caller.expires_at,
        Credential::Token => None,
    }
}

/// What an event tells of a key.
pub(crate) fn event_data(key: &ApiKey) -> Value {
    json!({
        "id": key.id.get(),
        "name": key.name.as_str(),
        "prefix": key.prefix,
        "environment": key.environment.as_str(),
        "scopes": key.scopes,
    })
}
