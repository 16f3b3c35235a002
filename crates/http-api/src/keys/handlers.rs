use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use core_domain::{ApiKeyId, Clock, Page};
use entitlements::{LimitedStock, Realm};
use keys::{
    Authenticator, GrantError, IssueKeyError, KeyReach, KeyReader, KeyService, RevokeKeyError, RotateKey,
    RotateKeyError,
};
use workspaces::WorkspaceReader;

use super::dto::{CreateKeyBody, IssuedKeyView, KeyView, RotateKeyBody};
use super::includes::views;
use super::params::KeyListParams;
use crate::extract::permission::{ApiKeysDelete, ApiKeysRead, ApiKeysWrite};
use crate::extract::{Caller, Json, PathId, Query};
use crate::list::{ItemParams, ListBody, list_answer};
use crate::openapi::{Data, Told, WorkspaceHeader};
use crate::write::Write;
use crate::{Answer, ApiError, Entitlements};

/// List API keys
///
/// The workspace's keys; revoked ones only with `status=revoked`.
#[utoipa::path(get, path = "/api/v1/api-keys", tag = "API Keys", params(WorkspaceHeader, KeyListParams),
    security(("api_key" = ["api-keys:read"])), responses((status = 200, body = ListBody<KeyView>)))]
pub(crate) async fn list(
    caller: Caller<ApiKeysRead>,
    params: Query<KeyListParams>,
    keys: web::Data<dyn KeyReader>,
    workspaces: web::Data<dyn WorkspaceReader>,
    clock: web::Data<dyn Clock>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let context = caller.context().await?;
    let (query, selection) = params.0.read(&context)?;
    let now = clock.now();
    let page = keys.list_keys(context.id, &query, now).await?;
    let items = views(&**workspaces, &page.items, &context, &selection, now).await?;
    list_answer(&request, query.page, &Page { items, total: page.total }, &selection)
}

/// Get an API key
#[utoipa::path(get, path = "/api/v1/api-keys/{id}", tag = "API Keys",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1), ItemParams),
    security(("api_key" = ["api-keys:read"])), responses((status = 200, body = Data<KeyView>)))]
pub(crate) async fn get(
    caller: Caller<ApiKeysRead>,
    id: PathId<ApiKeyId>,
    params: Query<ItemParams>,
    keys: web::Data<dyn KeyReader>,
    workspaces: web::Data<dyn WorkspaceReader>,
    clock: web::Data<dyn Clock>,
) -> Result<Answer, ApiError> {
    let context = caller.context().await?;
    let selection = params.0.selection::<KeyView>()?;
    let key = keys.find_key(KeyReach::of(&caller.principal, context), id.0).await?.ok_or(ApiError::NotFound)?;
    let view = views(&**workspaces, std::slice::from_ref(&key), &context, &selection, clock.now()).await?.pop();
    Answer::data(&view.as_ref().map(|view| selection.of(view)))
}

/// Create an API key
///
/// The secret is in this answer only. A key can't be given more than its creator's credential has.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "API Keys", params(WorkspaceHeader),
    request_body = CreateKeyBody, security(("api_key" = ["api-keys:write"])),
    responses((status = 201, body = Told<IssuedKeyView>)))]
pub(crate) async fn create(
    caller: Caller<ApiKeysWrite>,
    body: Json<CreateKeyBody>,
    service: web::Data<KeyService>,
    clock: web::Data<dyn Clock>,
    entitlements: web::Data<Entitlements>,
    write: Write,
) -> Result<Answer, ApiError> {
    let context = caller.context().await?;
    let command = body.0.into_command()?;
    write
        .run(async move |tx| {
            let issued = service.issue(tx, &caller.principal, context, command.clone()).await?;
            let place = Realm { workspace_id: context.id, environment: issued.key.environment };
            entitlements.take(tx, place, LimitedStock::ApiKeys).await?;
            let view = IssuedKeyView::new(&issued, context.tier, clock.now());
            let answer = Answer::told(StatusCode::CREATED, "API key created successfully.", &view)?;
            let answer = answer.at(format!("/api/v1/api-keys/{}", issued.key.id)).holding_secret();
            let entitlements = entitlements.clone();
            Ok(answer.then(move || entitlements.forget_stock(place, LimitedStock::ApiKeys)))
        })
        .await
}

/// Rotate an API key
///
/// Makes a new key of the same name and powers. The old one works until `grace_period_ends_at`.
#[utoipa::path(post, path = "/api/v1/api-keys/{id}/rotate", tag = "API Keys",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1)),
    request_body(content = Option<RotateKeyBody>), security(("api_key" = ["api-keys:write"])),
    responses((status = 200, body = Told<IssuedKeyView>), (status = 409, description = "The key is rotating, revoked or expired.", body = crate::openapi::ErrorBody)))]
pub(crate) async fn rotate(
    caller: Caller<ApiKeysWrite>,
    id: PathId<ApiKeyId>,
    body: Json<RotateKeyBody>,
    service: web::Data<KeyService>,
    authenticator: web::Data<Authenticator>,
    clock: web::Data<dyn Clock>,
    write: Write,
) -> Result<Answer, ApiError> {
    let context = caller.context().await?;
    let command = RotateKey { id: id.0, grace_period: body.0.grace_period() };
    write
        .run(async move |tx| {
            let (issued, old_ends_at) = service.rotate(tx, &caller.principal, context, command).await?;
            let view = IssuedKeyView::replacing(&issued, context.tier, clock.now(), old_ends_at);
            let authenticator = Arc::clone(&authenticator);
            let answer = Answer::told(StatusCode::OK, "API key rotated successfully.", &view)?;
            Ok(answer.holding_secret().then(move || authenticator.forget_key(command.id)))
        })
        .await
}

/// Revoke an API key
///
/// It stops at once here, and within a second on every replica.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", tag = "API Keys",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1)),
    security(("api_key" = ["api-keys:delete"])), responses((status = 204)))]
pub(crate) async fn revoke(
    caller: Caller<ApiKeysDelete>,
    id: PathId<ApiKeyId>,
    service: web::Data<KeyService>,
    authenticator: web::Data<Authenticator>,
    entitlements: web::Data<Entitlements>,
    write: Write,
) -> Result<Answer, ApiError> {
    let context = caller.context().await?;
    write
        .run(async move |tx| {
            let key = service.revoke(tx, &caller.principal, context, id.0).await?;
            let place = Realm { workspace_id: context.id, environment: key.environment };
            if key.counts_in(context.id) {
                entitlements.give_back(tx, place, LimitedStock::ApiKeys).await?;
            }
            let (authenticator, entitlements) = (Arc::clone(&authenticator), entitlements.clone());
            Ok(Answer::no_content().then(move || {
                authenticator.forget_key(key.id);
                entitlements.forget_stock(place, LimitedStock::ApiKeys);
            }))
        })
        .await
}

impl From<GrantError> for ApiError {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::ScopeNotHeld(scope) => {
                Self::AccessDenied(format!("Insufficient permissions. Required scope: {scope}"))
            }
            GrantError::Role
            | GrantError::Environment
            | GrantError::Expiry
            | GrantError::Addresses
            | GrantError::McpServers => Self::AccessDenied(crate::error::sentence(&error.to_string())),
        }
    }
}

impl From<IssueKeyError> for ApiError {
    fn from(error: IssueKeyError) -> Self {
        match error {
            IssueKeyError::Grant(error) => error.into(),
            IssueKeyError::ExpiryInPast => Self::field("expires_at", "The expires_at must be in the future."),
            IssueKeyError::TierAboveWorkspace => {
                Self::field("rate_limit_tier", "The rate_limit_tier can't be above the workspace's tier.")
            }
            IssueKeyError::Storage(error) => error.into(),
        }
    }
}

impl From<RotateKeyError> for ApiError {
    fn from(error: RotateKeyError) -> Self {
        match error {
            RotateKeyError::NotFound => Self::NotFound,
            RotateKeyError::NotActive => {
                Self::Conflict("A key that is rotating, revoked or expired can't be rotated.".to_owned())
            }
            RotateKeyError::Grant(error) => error.into(),
            RotateKeyError::Storage(error) => error.into(),
        }
    }
}

impl From<RevokeKeyError> for ApiError {
    fn from(error: RevokeKeyError) -> Self {
        match error {
            RevokeKeyError::NotFound => Self::NotFound,
            RevokeKeyError::Grant(error) => error.into(),
            RevokeKeyError::Storage(error) => error.into(),
        }
    }
}
