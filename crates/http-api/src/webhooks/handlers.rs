use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use core_domain::{Page, WebhookId};
use entitlements::LimitedStock;
use webhooks::{ChangeWebhookError, Realm, WebhookReader, WebhookService};
use workspaces::WorkspaceReader;

use super::dto::{CreateWebhookBody, RotateSecretBody, UpdateWebhookBody, WebhookView, WebhookWithSecretView};
use super::includes::webhook_views;
use super::params::WebhookListParams;
use crate::extract::permission::{WebhooksDelete, WebhooksRead, WebhooksWrite};
use crate::extract::{Caller, Json, PathId, Query};
use crate::list::{ItemParams, ListBody, list_answer};
use crate::openapi::{Data, Told, WorkspaceHeader};
use crate::write::Write;
use crate::{Answer, ApiError, Entitlements};

/// List webhooks
///
/// Those of the workspace and of the credential's environment.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "Webhooks", params(WorkspaceHeader, WebhookListParams),
    security(("api_key" = ["webhooks:read"])), responses((status = 200, body = ListBody<WebhookView>)))]
pub(crate) async fn list(
    caller: Caller<WebhooksRead>,
    params: Query<WebhookListParams>,
    reader: web::Data<dyn WebhookReader>,
    workspaces: web::Data<dyn WorkspaceReader>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let (query, selection) = params.0.read()?;
    let page = reader.list_webhooks(realm, &query).await?;
    let items = webhook_views(&**reader, &**workspaces, realm, &page.items, &selection).await?;
    list_answer(&request, query.page, &Page { items, total: page.total }, &selection)
}

/// Get a webhook
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "Webhooks",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1), ItemParams),
    security(("api_key" = ["webhooks:read"])), responses((status = 200, body = Data<WebhookView>)))]
pub(crate) async fn get(
    caller: Caller<WebhooksRead>,
    id: PathId<WebhookId>,
    params: Query<ItemParams>,
    reader: web::Data<dyn WebhookReader>,
    workspaces: web::Data<dyn WorkspaceReader>,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let selection = params.0.selection::<WebhookView>()?;
    let endpoint = reader.find_webhook(realm, id.0).await?.ok_or(ApiError::NotFound)?;
    let view = webhook_views(&**reader, &**workspaces, realm, std::slice::from_ref(&endpoint), &selection).await?.pop();
    Answer::data(&view.as_ref().map(|view| selection.of(view)))
}

/// Create a webhook
///
/// The secret is in this answer only.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "Webhooks", params(WorkspaceHeader),
    request_body = CreateWebhookBody, security(("api_key" = ["webhooks:write"])),
    responses((status = 201, body = Told<WebhookWithSecretView>)))]
pub(crate) async fn create(
    caller: Caller<WebhooksWrite>,
    body: Json<CreateWebhookBody>,
    service: web::Data<WebhookService>,
    entitlements: web::Data<Entitlements>,
    write: Write,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let command = body.0.into_command()?;
    write
        .run(async move |tx| {
            let (endpoint, secret) = service.register(tx, realm, command.clone()).await?;
            entitlements.take(tx, realm, LimitedStock::Webhooks).await?;
            let view = WebhookWithSecretView::new(&endpoint, &secret, None);
            let answer = Answer::told(StatusCode::CREATED, "Webhook endpoint created successfully.", &view)?;
            let answer = answer.at(format!("/api/v1/webhooks/{}", endpoint.id)).holding_secret();
            let entitlements = entitlements.clone();
            Ok(answer.then(move || entitlements.forget_stock(realm, LimitedStock::Webhooks)))
        })
        .await
}

/// Update a webhook
///
/// Changes what is given. While it is not active its deliveries wait.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", tag = "Webhooks",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1)), request_body = UpdateWebhookBody,
    security(("api_key" = ["webhooks:write"])), responses((status = 200, body = Told<WebhookView>)))]
pub(crate) async fn update(
    caller: Caller<WebhooksWrite>,
    id: PathId<WebhookId>,
    body: Json<UpdateWebhookBody>,
    service: web::Data<WebhookService>,
    write: Write,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let change = body.0.into_command()?;
    write
        .run(async move |tx| {
            let endpoint = service.update(tx, realm, id.0, change.clone()).await?;
            Answer::told(StatusCode::OK, "Webhook endpoint updated successfully.", &WebhookView::from(&endpoint))
        })
        .await
}

/// Delete a webhook
///
/// Nothing more is sent; its deliveries are gone.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "Webhooks",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1)),
    security(("api_key" = ["webhooks:delete"])), responses((status = 204)))]
pub(crate) async fn delete(
    caller: Caller<WebhooksDelete>,
    id: PathId<WebhookId>,
    service: web::Data<WebhookService>,
    entitlements: web::Data<Entitlements>,
    write: Write,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    write
        .run(async move |tx| {
            service.delete(tx, realm, id.0).await?;
            entitlements.give_back(tx, realm, LimitedStock::Webhooks).await?;
            let entitlements = entitlements.clone();
            Ok(Answer::no_content().then(move || entitlements.forget_stock(realm, LimitedStock::Webhooks)))
        })
        .await
}

/// Rotate a webhook's secret
///
/// For 24 hours, or as long as is asked for, both secrets sign. The new one is in this answer only.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/rotate-secret", tag = "Webhooks",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1)),
    request_body(content = Option<RotateSecretBody>), security(("api_key" = ["webhooks:write"])),
    responses((status = 200, body = Told<WebhookWithSecretView>)))]
pub(crate) async fn rotate_secret(
    caller: Caller<WebhooksWrite>,
    id: PathId<WebhookId>,
    body: Json<RotateSecretBody>,
    service: web::Data<WebhookService>,
    write: Write,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let command = body.0.into_command()?;
    write
        .run(async move |tx| {
            let (endpoint, secret, ends_at) = service.rotate_secret(tx, realm, id.0, command.clone()).await?;
            let view = WebhookWithSecretView::new(&endpoint, &secret, Some(ends_at));
            Ok(Answer::told(StatusCode::OK, "Webhook secret rotated successfully.", &view)?.holding_secret())
        })
        .await
}

/// The workspace that the request acts in, and which of its worlds.
pub(crate) async fn realm<R>(caller: &Caller<R>) -> Result<Realm, ApiError> {
    let context = caller.context().await?;
    Ok(Realm { workspace_id: context.id, environment: caller.principal.environment })
}

impl From<ChangeWebhookError> for ApiError {
    fn from(error: ChangeWebhookError) -> Self {
        match error {
            ChangeWebhookError::NotFound => Self::NotFound,
            ChangeWebhookError::Url(fault) => Self::field("url", format!("The url {fault}.")),
            ChangeWebhookError::Secret(fault) => Self::Internal(fault.into()),
            ChangeWebhookError::Storage(error) => error.into(),
        }
    }
}
