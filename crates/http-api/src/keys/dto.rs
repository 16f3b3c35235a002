use core_domain::{AllowedIps, Environment, McpServers, Scope, ScopeSet, Tier, Timestamp, WireWord, parse_network};
use keys::{ApiKey, GracePeriod, IssueKey, IssuedKey, KeyName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::extract::Body;
use crate::list::Selectable;
use crate::workspaces::{AccountView, TierWord, WorkspaceView, read_tier};
use crate::{ApiError, FieldErrors};

/// An API key without its secret. With `fields`, only those and `id` are present.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(crate) struct KeyView {
    #[schema(minimum = 1)]
    pub(crate) id: i64,
    #[schema(required = false)]
    name: String,
    /// The first characters of the secret.
    #[schema(required = false)]
    prefix: String,
    #[schema(required = false, value_type = Vec<String>)]
    scopes: ScopeSet,
    #[schema(required = false, value_type = TierWord)]
    rate_limit_tier: &'static str,
    #[schema(required = false, value_type = StatusWord)]
    status: &'static str,
    #[schema(required = false, value_type = EnvironmentWord)]
    environment: &'static str,
    /// Null for an account-level key.
    workspace_id: Option<i64>,
    /// Null: from everywhere.
    allowed_ips: Option<Vec<String>>,
    /// Null: all.
    mcp_servers: Option<Vec<String>>,
    /// Right to the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    grace_period_ends_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    rotated_from_id: Option<i64>,
    #[schema(required = false, value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// With `include=workspace`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) workspace: Option<WorkspaceView>,
    /// With `include=created_by`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) created_by: Option<AccountView>,
}

impl Selectable for KeyView {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "name",
        "prefix",
        "scopes",
        "rate_limit_tier",
        "status",
        "environment",
        "workspace_id",
        "allowed_ips",
        "mcp_servers",
        "last_used_at",
        "expires_at",
        "grace_period_ends_at",
        "revoked_at",
        "rotated_from_id",
        "created_at",
    ];
    const INCLUDES: &'static [&'static str] = &["workspace", "created_by"];
}

impl KeyView {
    /// The key as it stands at `now`, in a workspace of tier `ceiling`.
    pub(crate) fn new(key: &ApiKey, ceiling: Tier, now: Timestamp) -> Self {
        Self {
            id: key.id.get(),
            name: key.name.as_str().to_owned(),
            prefix: key.prefix.clone(),
            scopes: key.scopes.clone(),
            rate_limit_tier: key.effective_tier(ceiling).as_str(),
            status: key.status(now).as_str(),
            environment: key.environment.as_str(),
            workspace_id: key.workspace_id.map(core_domain::WorkspaceId::get),
            allowed_ips: key.allowed_ips.as_ref().map(AllowedIps::to_texts),
            mcp_servers: key.mcp_servers.as_ref().map(|servers| servers.ids().to_vec()),
            last_used_at: key.last_used_at,
            expires_at: key.expires_at,
            grace_period_ends_at: key.grace_period_ends_at,
            revoked_at: key.revoked_at,
            rotated_from_id: key.rotated_from_id.map(core_domain::ApiKeyId::get),
            created_at: key.created_at,
            workspace: None,
            created_by: None,
        }
    }
}

/// A new key with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IssuedKeyView {
    #[serde(flatten)]
    about: KeyView,
    /// The secret. It can't be read again.
    #[schema(example = "sk_live_abc123def456ghi789...")]
    key: String,
}

impl IssuedKeyView {
    pub(crate) fn new(issued: &IssuedKey, ceiling: Tier, now: Timestamp) -> Self {
        Self { about: KeyView::new(&issued.key, ceiling, now), key: issued.token.expose().to_owned() }
    }

    /// The new key after a rotation, with the end of the old one.
    pub(crate) fn replacing(issued: &IssuedKey, ceiling: Tier, now: Timestamp, old_ends_at: Timestamp) -> Self {
        let mut view = Self::new(issued, ceiling, now);
        view.about.grace_period_ends_at = Some(old_ends_at);
        view
    }
}

/// Where a key stands.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "documents the wire words")]
pub(crate) enum StatusWord {
    Active,
    Rotating,
    Expired,
    Revoked,
}

/// Which of a workspace's two worlds a key acts in.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "documents the wire words")]
pub(crate) enum EnvironmentWord {
    Live,
    Test,
}

/// A key to be issued.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CreateApiKey)]
pub(crate) struct CreateKeyBody {
    #[validate(required(message = "The name field is required."))]
    #[schema(required = true, nullable = false, min_length = 1, max_length = 255, example = "Mobile App Key")]
    name: Option<String>,
    /// `["read", "write"]` when not given.
    #[validate(length(max = 50, message = "The scopes must not be more than 50."))]
    #[schema(max_items = 50, example = json!(["posts:read", "users:read"]))]
    scopes: Option<Vec<String>>,
    /// At most the workspace's tier, which is also used when none is given.
    #[schema(value_type = Option<TierWord>)]
    rate_limit_tier: Option<String>,
    /// In the future; null: never.
    #[schema(format = DateTime, example = "2030-01-01T00:00:00Z")]
    expires_at: Option<String>,
    /// `live` when not given, or `test` with a test key.
    #[schema(value_type = Option<EnvironmentWord>)]
    environment: Option<String>,
    /// IP addresses and CIDR blocks; null: from everywhere.
    #[validate(length(min = 1, max = 100, message = "The allowed_ips must be 1 to 100."))]
    #[schema(min_items = 1, max_items = 100, example = json!(["192.0.2.0/24", "2001:db8::1"]))]
    allowed_ips: Option<Vec<String>>,
    /// Ids of MCP servers; null: all.
    #[validate(length(max = 100, message = "The mcp_servers must not be more than 100."))]
    #[schema(max_items = 100)]
    mcp_servers: Option<Vec<String>>,
}

impl Body for CreateKeyBody {}

impl CreateKeyBody {
    pub(crate) fn into_command(self) -> Result<IssueKey, ApiError> {
        let mut errors = FieldErrors::default();
        let name = errors.keep("name", KeyName::try_from(self.name.unwrap_or_default().as_str()));
        let scopes = self.scopes.map(|scopes| each(&mut errors, "scopes", &scopes, str::parse::<Scope>));
        let rate_limit_tier = self.rate_limit_tier.and_then(|tier| read_tier(&mut errors, "rate_limit_tier", &tier));
        let expires_at = self.expires_at.and_then(|text| errors.keep("expires_at", Timestamp::parse(&text)));
        let environment = self.environment.and_then(|word| {
            errors.keep("environment", Environment::from_word(&word).ok_or("the environment must be live or test"))
        });
        let allowed_ips = self.allowed_ips.map(|nets| each(&mut errors, "allowed_ips", &nets, parse_network));
        let mcp_servers = self.mcp_servers.map(|ids| each(&mut errors, "mcp_servers", &ids, server_id));
        errors.into_result()?;
        let name = name.ok_or_else(|| ApiError::field("name", "The name field is required."))?;
        Ok(IssueKey {
            name,
            scopes: scopes.map(ScopeSet::from_iter),
            rate_limit_tier,
            expires_at,
            environment,
            allowed_ips: allowed_ips.map(AllowedIps::from_iter),
            mcp_servers: mcp_servers.map(McpServers::from_iter),
        })
    }
}

fn each<T, E: std::fmt::Display>(
    errors: &mut FieldErrors,
    field: &str,
    texts: &[String],
    read: impl Fn(&str) -> Result<T, E>,
) -> Vec<T> {
    texts.iter().filter_map(|text| errors.keep(field, read(text))).collect()
}

fn server_id(text: &str) -> Result<String, &'static str> {
    if McpServers::is_id(text) {
        Ok(text.to_owned())
    } else {
        Err("an MCP server id has 1 to 64 characters of letters, digits, - and _")
    }
}

/// How to rotate a key.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RotateApiKey)]
pub(crate) struct RotateKeyBody {
    /// How many hours both secrets work; 0 ends the old one at once.
    #[validate(range(min = 0, max = 168, message = "The grace_period_hours must be between 0 and 168."))]
    #[schema(minimum = 0, maximum = 168, default = 24, example = 24)]
    grace_period_hours: Option<i64>,
}

impl Body for RotateKeyBody {
    const IS_OPTIONAL: bool = true;
}

impl RotateKeyBody {
    pub(crate) fn grace_period(&self) -> GracePeriod {
        self.grace_period_hours.and_then(|hours| GracePeriod::from_hours(hours).ok()).unwrap_or_default()
    }
}
