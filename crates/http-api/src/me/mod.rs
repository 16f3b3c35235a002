//! The caller itself.

use actix_web::web;
use core_domain::{Credential, Principal, RateLimit, ScopeSet, Timestamp, WireWord};
use entitlements::Catalogue;
use serde::Serialize;
use utoipa::ToSchema;

use crate::extract::Caller;
use crate::extract::permission::AnyCredential;
use crate::openapi::{Data, WorkspaceHeader};
use crate::workspaces::TierWord;
use crate::{Answer, ApiError};

/// The credential of this request, and what it opens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me<'a> {
    /// `api_key` or `token`.
    kind: &'static str,
    /// The key, when the credential is one.
    key: Option<KeyIdentity<'a>>,
    #[schema(minimum = 1)]
    account_id: i64,
    /// The workspace that the credential is bound to, or that X-Workspace-ID names.
    workspace_id: Option<i64>,
    #[schema(value_type = Vec<String>)]
    scopes: &'a ScopeSet,
    /// `live` or `test`.
    environment: &'static str,
    #[schema(value_type = TierWord)]
    tier: &'static str,
    rate_limit: RateLimitView,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// Which key a credential is.
#[derive(Debug, Serialize, ToSchema)]
struct KeyIdentity<'a> {
    id: i64,
    name: &'a str,
    prefix: &'a str,
}

/// How many requests the credential may make.
#[derive(Debug, Serialize, ToSchema)]
struct RateLimitView {
    requests_per_minute: u32,
    /// Slack above it, in percent.
    burst_percent: u32,
}

/// Show the caller
///
/// Any valid credential may ask.
#[utoipa::path(get, path = "/api/v1/me", tag = "Me", params(WorkspaceHeader),
    security(("api_key" = [])), responses((status = 200, body = Data<Me>)))]
pub(crate) async fn show(caller: Caller<AnyCredential>, catalogue: web::Data<Catalogue>) -> Result<Answer, ApiError> {
    let context = caller.named_context().await?;
    let limit = catalogue.tier(caller.principal.tier).rate_limit;
    Answer::data(&me(&caller.principal, limit, context.map(|context| context.id.get())))
}

fn me(principal: &Principal, limit: RateLimit, workspace_id: Option<i64>) -> Me<'_> {
    let (kind, key) = match &principal.credential {
        Credential::ApiKey { id, name, prefix, .. } => ("api_key", Some(KeyIdentity { id: id.get(), name, prefix })),
        Credential::Token => ("token", None),
    };
    Me {
        kind,
        key,
        account_id: principal.account_id.get(),
        workspace_id,
        scopes: &principal.scopes,
        environment: principal.environment.as_str(),
        tier: principal.tier.as_str(),
        rate_limit: RateLimitView { requests_per_minute: limit.per_minute, burst_percent: limit.burst_percent },
        expires_at: principal.expires_at,
    }
}
