use core_domain::{AccountId, Environment, Tier, Timestamp, WireWord};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use validator::Validate;
use workspaces::{Account, CreateWorkspace, Member, Settings, Slug, UpdateWorkspace, Workspace, WorkspaceName};

use crate::extract::{Body, not_null};
use crate::list::Selectable;
use crate::{ApiError, FieldErrors};

/// A workspace. With `fields`, only those and `id` are present.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceView {
    #[schema(minimum = 1)]
    pub(crate) id: i64,
    #[schema(required = false)]
    name: String,
    #[schema(required = false)]
    slug: String,
    #[schema(required = false, value_type = TierWord)]
    tier: &'static str,
    /// In a list only when asked for by `fields`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false, nullable = false)]
    settings: Option<Map<String, Value>>,
    #[schema(required = false, value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(required = false, value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// With `include=owner`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) owner: Option<AccountView>,
    /// With `include=members`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) members: Option<Vec<MemberView>>,
}

impl Selectable for WorkspaceView {
    const FIELDS: &'static [&'static str] = &["id", "name", "slug", "tier", "settings", "created_at", "updated_at"];
    const INCLUDES: &'static [&'static str] = &["owner", "members"];
}

impl WorkspaceView {
    pub(crate) fn without_settings(mut self) -> Self {
        self.settings = None;
        self
    }
}

impl From<&Workspace> for WorkspaceView {
    fn from(workspace: &Workspace) -> Self {
        Self {
            id: workspace.id.get(),
            name: workspace.name.as_str().to_owned(),
            slug: workspace.slug.as_str().to_owned(),
            tier: workspace.tier.as_str(),
            settings: Some(workspace.settings.as_object().clone()),
            created_at: workspace.created_at,
            updated_at: workspace.updated_at,
            owner: None,
            members: None,
        }
    }
}

/// An account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AccountView {
    #[schema(minimum = 1)]
    id: i64,
    email: String,
}

impl From<&Account> for AccountView {
    fn from(account: &Account) -> Self {
        Self { id: account.id.get(), email: account.email.as_str().to_owned() }
    }
}

/// An account that belongs to a workspace.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct MemberView {
    #[schema(minimum = 1)]
    id: i64,
    email: String,
    #[schema(value_type = RoleWord)]
    role: &'static str,
}

impl From<&Member> for MemberView {
    fn from(member: &Member) -> Self {
        Self {
            id: member.account.id.get(),
            email: member.account.email.as_str().to_owned(),
            role: member.role.as_str(),
        }
    }
}

/// A subscription tier.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "documents the wire words")]
pub(crate) enum TierWord {
    Free,
    Starter,
    Pro,
    Business,
    Agency,
    Enterprise,
}

/// A role in a workspace.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "documents the wire words")]
pub(crate) enum RoleWord {
    Owner,
    Admin,
    Member,
}

/// A workspace to be made.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CreateWorkspace)]
pub(crate) struct CreateWorkspaceBody {
    #[validate(required(message = "The name field is required."))]
    #[schema(required = true, nullable = false, min_length = 1, max_length = 255, example = "New Workspace")]
    name: Option<String>,
    /// Made from the name when not given.
    #[schema(max_length = 63, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", example = "new-workspace")]
    slug: Option<String>,
    /// `free` when not given.
    #[schema(value_type = Option<TierWord>, example = "pro")]
    tier: Option<String>,
}

impl Body for CreateWorkspaceBody {}

impl CreateWorkspaceBody {
    pub(crate) fn into_command(self, owner: AccountId, environment: Environment) -> Result<CreateWorkspace, ApiError> {
        let mut errors = FieldErrors::default();
        let name = errors.keep("name", WorkspaceName::try_from(self.name.unwrap_or_default().as_str()));
        let slug = self.slug.and_then(|slug| errors.keep("slug", Slug::try_from(slug.as_str())));
        let tier = self.tier.map_or(Some(Tier::Free), |tier| read_tier(&mut errors, "tier", &tier));
        errors.into_result()?;
        let (Some(name), Some(tier)) = (name, tier) else { return Err(ApiError::Validation(FieldErrors::default())) };
        Ok(CreateWorkspace { owner, name, slug, tier, environment })
    }
}

/// A change to a workspace: what is not given stays.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UpdateWorkspace)]
pub(crate) struct UpdateWorkspaceBody {
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false, min_length = 1, max_length = 255)]
    name: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false, max_length = 63, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    slug: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = TierWord, required = false)]
    tier: Option<String>,
    /// A JSON merge patch (RFC 7396): null removes a key.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = SettingsPatch, required = false)]
    settings: Option<Map<String, Value>>,
}

/// Changes to settings. Other keys are kept as they are given.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents the known keys")]
pub(crate) struct SettingsPatch {
    /// An IANA time zone name.
    #[schema(example = "Europe/London")]
    timezone: Option<String>,
    /// A language with an optional region.
    #[schema(example = "en_GB")]
    locale: Option<String>,
}

impl Body for UpdateWorkspaceBody {}

impl UpdateWorkspaceBody {
    pub(crate) fn into_command(self) -> Result<UpdateWorkspace, ApiError> {
        let mut errors = FieldErrors::default();
        let change = UpdateWorkspace {
            name: self.name.and_then(|name| errors.keep("name", WorkspaceName::try_from(name.as_str()))),
            slug: self.slug.and_then(|slug| errors.keep("slug", Slug::try_from(slug.as_str()))),
            tier: self.tier.and_then(|tier| read_tier(&mut errors, "tier", &tier)),
            settings: self.settings,
        };
        if let Some(patch) = &change.settings
            && let Err(fault) = Settings::default().merged(patch)
        {
            errors.add(fault.field(), fault_sentence(&fault));
        }
        errors.into_result()?;
        Ok(change)
    }
}

pub(crate) fn fault_sentence(fault: &workspaces::InvalidSettings) -> String {
    crate::error::sentence(&fault.to_string())
}

pub(crate) fn read_tier(errors: &mut FieldErrors, field: &str, word: &str) -> Option<Tier> {
    let tier = Tier::from_word(word);
    if tier.is_none() {
        let words: Vec<_> = Tier::ALL.iter().map(|tier| tier.as_str()).collect();
        errors.add(field, format!("The {field} must be one of: {}.", words.join(", ")));
    }
    tier
}
