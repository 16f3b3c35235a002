use std::sync::Arc;
use std::time::Duration;

use core_domain::{
    AccountId, AllowedIps, ApiKeyId, Clock, DomainEvent, Entropy, Environment, EventKind, LineageId, McpServers,
    Principal, ScopeSet, StorageError, Tier, Timestamp, WorkspaceContext, WorkspaceId,
};

use crate::policy::{self, Grant};
use crate::{ApiKey, IssueKeyError, KeyHasher, KeyName, KeyReach, KeyTx, RevokeKeyError, RotateKeyError, Token};

/// A key to be issued. What is missing is inherited from the caller's own key, where that is restricted.
#[derive(Debug, Clone)]
pub struct IssueKey {
    /// Its name.
    pub name: KeyName,
    /// Its scopes; `read` and `write` when missing.
    pub scopes: Option<ScopeSet>,
    /// The tier of its rate limit; the workspace's when missing.
    pub rate_limit_tier: Option<Tier>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Its environment; the caller's own when missing.
    pub environment: Option<Environment>,
    /// Where it works from.
    pub allowed_ips: Option<AllowedIps>,
    /// Which MCP servers it may use.
    pub mcp_servers: Option<McpServers>,
}

/// A key to be rotated.
#[derive(Debug, Clone, Copy)]
pub struct RotateKey {
    /// The key.
    pub id: ApiKeyId,
    /// How long both secrets work.
    pub grace_period: GracePeriod,
}

/// How long a rotated key goes on working: 0 to 168 hours, 24 when not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GracePeriod(u8);

/// A grace period out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a grace period has 0 to 168 hours")]
pub struct InvalidGracePeriod;

impl GracePeriod {
    /// The longest, in hours.
    pub const MAX_HOURS: u8 = 168;

    /// A grace period of so many hours.
    ///
    /// # Errors
    /// [`InvalidGracePeriod`] below 0 or above [`Self::MAX_HOURS`].
    pub fn from_hours(hours: i64) -> Result<Self, InvalidGracePeriod> {
        match u8::try_from(hours) {
            Ok(hours) if hours <= Self::MAX_HOURS => Ok(Self(hours)),
            _ => Err(InvalidGracePeriod),
        }
    }

    fn span(self) -> Duration {
        Duration::from_secs(u64::from(self.0) * 3_600)
    }
}

impl Default for GracePeriod {
    fn default() -> Self {
        Self(24)
    }
}

/// A new key with its secret, which exists nowhere else.
#[derive(Debug, Clone)]
pub struct IssuedKey {
    /// What is stored.
    pub key: ApiKey,
    /// The secret.
    pub token: Token,
}

/// The use cases of keys. Each works within the transaction it is given and commits nothing.
#[derive(Clone)]
pub struct KeyService {
    hasher: Arc<KeyHasher>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for KeyService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyService").field("hasher", &self.hasher).finish_non_exhaustive()
    }
}

impl KeyService {
    /// A service on this pepper, time and randomness.
    pub fn new(hasher: Arc<KeyHasher>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { hasher, clock, entropy }
    }

    /// Issues a key of the workspace that the caller acts in, and announces it.
    pub async fn issue(
        &self,
        tx: &mut dyn KeyTx,
        caller: &Principal,
        context: WorkspaceContext,
        command: IssueKey,
    ) -> Result<IssuedKey, IssueKeyError> {
        let now = self.clock.now();
        let environment = command.environment.unwrap_or(caller.environment);
        let scopes = command.scopes.unwrap_or_else(default_scopes);
        let allowed_ips = command.allowed_ips.or_else(|| caller.allowed_ips.clone());
        let mcp_servers = command.mcp_servers.or_else(|| caller.mcp_servers.clone());
        let expires_at = command.expires_at.or_else(|| policy::inherited_expiry(caller));
        let grant = Grant {
            environment,
            scopes: &scopes,
            allowed_ips: allowed_ips.as_ref(),
            mcp_servers: mcp_servers.as_ref(),
            expires_at,
        };
        policy::may_grant(caller, context, &grant)?;
        if expires_at.is_some_and(|end| end <= now) {
            return Err(IssueKeyError::ExpiryInPast);
        }
        if command.rate_limit_tier.is_some_and(|tier| tier > context.tier) {
            return Err(IssueKeyError::TierAboveWorkspace);
        }
        let id = tx.next_key_id().await?;
        let (blank, token) = self.blank(id, caller.account_id, Some(context.id), command.name, environment);
        let rate_limit_tier = command.rate_limit_tier;
        let key = ApiKey { scopes, rate_limit_tier, allowed_ips, mcp_servers, expires_at, ..blank };
        tx.insert_key(&key).await?;
        self.announce(tx, EventKind::ApiKeyCreated, context.id, &key).await?;
        Ok(IssuedKey { key, token })
    }

    /// Issues an account-level key: for the operator, who needs no key to make one.
    ///
    /// The event goes to `home`, one of the account's workspaces.
    pub async fn issue_account_key(
        &self,
        tx: &mut dyn KeyTx,
        account: AccountId,
        home: WorkspaceId,
        name: KeyName,
        scopes: ScopeSet,
        environment: Environment,
    ) -> Result<IssuedKey, StorageError> {
        let id = tx.next_key_id().await?;
        let (blank, token) = self.blank(id, account, None, name, environment);
        let key = ApiKey { scopes, ..blank };
        tx.insert_key(&key).await?;
        self.announce(tx, EventKind::ApiKeyCreated, home, &key).await?;
        Ok(IssuedKey { key, token })
    }

    /// Replaces a key by a new one of the same name, scopes, tier, allow-lists and expiry, and announces it.
    ///
    /// The old one works until its grace period or its own expiry ends, whichever is first.
    pub async fn rotate(
        &self,
        tx: &mut dyn KeyTx,
        caller: &Principal,
        context: WorkspaceContext,
        command: RotateKey,
    ) -> Result<(IssuedKey, Timestamp), RotateKeyError> {
        let now = self.clock.now();
        let reach = KeyReach::of(caller, context);
        let old = tx.find_key_for_change(reach, command.id).await?.ok_or(RotateKeyError::NotFound)?;
        policy::may_grant(caller, context, &Grant::of(&old))?;
        let asked = now.saturating_add(command.grace_period.span());
        let grace_ends_at = old.expires_at.map_or(asked, |end| end.min(asked));
        if !tx.begin_grace_period(old.id, grace_ends_at, now).await? {
            return Err(RotateKeyError::NotActive);
        }
        let id = tx.next_key_id().await?;
        let (blank, token) = self.blank(id, old.account_id, old.workspace_id, old.name, old.environment);
        let key = ApiKey {
            lineage_id: old.lineage_id,
            scopes: old.scopes,
            rate_limit_tier: old.rate_limit_tier,
            allowed_ips: old.allowed_ips,
            mcp_servers: old.mcp_servers,
            expires_at: old.expires_at,
            rotated_from_id: Some(old.id),
            ..blank
        };
        tx.insert_key(&key).await?;
        self.announce(tx, EventKind::ApiKeyRotated, context.id, &key).await?;
        Ok((IssuedKey { key, token }, grace_ends_at))
    }

    /// Ends a key at once and announces it. Returns it as it was ended.
    pub async fn revoke(
        &self,
        tx: &mut dyn KeyTx,
        caller: &Principal,
        context: WorkspaceContext,
        id: ApiKeyId,
    ) -> Result<ApiKey, RevokeKeyError> {
        let key = tx.find_key_for_change(KeyReach::of(caller, context), id).await?.ok_or(RevokeKeyError::NotFound)?;
        policy::may_manage(caller, context, key.environment)?;
        if !tx.revoke_key(id, self.clock.now()).await? {
            return Err(RevokeKeyError::NotFound);
        }
        // Read anew: a rotation may have come between, and none can any more.
        let key = tx.find_key_for_change(KeyReach::of(caller, context), id).await?.ok_or(RevokeKeyError::NotFound)?;
        self.announce(tx, EventKind::ApiKeyRevoked, context.id, &key).await?;
        Ok(key)
    }

    /// A key without powers, and its secret.
    fn blank(
        &self,
        id: ApiKeyId,
        account_id: AccountId,
        workspace_id: Option<WorkspaceId>,
        name: KeyName,
        environment: Environment,
    ) -> (ApiKey, Token) {
        let token = Token::generate(environment, &*self.entropy);
        let (digest, pepper_version) = self.hasher.digest(&token);
        let now = self.clock.now();
        let key = ApiKey {
            id,
            lineage_id: LineageId::from(id),
            account_id,
            workspace_id,
            name,
            prefix: token.prefix().to_owned(),
            digest,
            pepper_version,
            environment,
            scopes: ScopeSet::default(),
            rate_limit_tier: None,
            allowed_ips: None,
            mcp_servers: None,
            expires_at: None,
            grace_period_ends_at: None,
            revoked_at: None,
            rotated_from_id: None,
            last_used_at: None,
            created_at: now,
            updated_at: now,
        };
        (key, token)
    }

    async fn announce(
        &self,
        tx: &mut dyn KeyTx,
        kind: EventKind,
        workspace: WorkspaceId,
        key: &ApiKey,
    ) -> Result<(), StorageError> {
        let data = policy::event_data(key);
        let event = DomainEvent::own(kind, workspace, key.environment, data, self.clock.now(), &*self.entropy);
        tx.append(&event).await
    }
}

/// What a key opens when nothing is said: every `read` and every `write` (contract: Scopes).
fn default_scopes() -> ScopeSet {
    ["read", "write"].iter().filter_map(|scope| scope.parse().ok()).collect()
}
