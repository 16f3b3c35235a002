use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use core_domain::{Clock, DeliveryId, Page, WebhookId, WireWord as _};
use webhooks::{DeliveryStatus, RetryDeliveryError, WebhookReader, WebhookService};

use super::delivery_dto::{DeliveryView, QueuedView, ReplayBody, ReplayedView};
use super::handlers::realm;
use super::includes::delivery_views;
use super::params::DeliveryListParams;
use crate::extract::permission::{WebhooksRead, WebhooksWrite};
use crate::extract::{Caller, InnerId, Json, PathId, Query};
use crate::list::{ItemParams, ListBody, list_answer};
use crate::openapi::{Data, Told, WorkspaceHeader};
use crate::write::Write;
use crate::{Answer, ApiError};

/// List a webhook's deliveries
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", tag = "Webhooks",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1), DeliveryListParams),
    security(("api_key" = ["webhooks:read"])), responses((status = 200, body = ListBody<DeliveryView>)))]
pub(crate) async fn list(
    caller: Caller<WebhooksRead>,
    id: PathId<WebhookId>,
    params: Query<DeliveryListParams>,
    reader: web::Data<dyn WebhookReader>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let (query, selection) = params.0.read()?;
    reader.find_webhook(realm, id.0).await?.ok_or(ApiError::NotFound)?;
    let page = reader.list_deliveries(id.0, &query).await?;
    let items = delivery_views(&**reader, realm, &page.items, &selection).await?;
    list_answer(&request, query.page, &Page { items, total: page.total }, &selection)
}

/// Get a delivery
///
/// With its attempts.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries/{delivery_id}", tag = "Webhooks",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1), ("delivery_id" = i64, Path, minimum = 1), ItemParams),
    security(("api_key" = ["webhooks:read"])), responses((status = 200, body = Data<DeliveryView>)))]
pub(crate) async fn get(
    caller: Caller<WebhooksRead>,
    id: PathId<WebhookId>,
    delivery: InnerId<DeliveryId>,
    params: Query<ItemParams>,
    reader: web::Data<dyn WebhookReader>,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let mut selection = params.0.selection::<DeliveryView>()?;
    if !selection.includes("attempts") {
        selection.include.push("attempts");
    }
    reader.find_webhook(realm, id.0).await?.ok_or(ApiError::NotFound)?;
    let delivery = reader.find_delivery(id.0, delivery.0).await?.ok_or(ApiError::NotFound)?;
    let view = delivery_views(&**reader, realm, std::slice::from_ref(&delivery), &selection).await?.pop();
    Answer::data(&view.as_ref().map(|view| selection.of(view)))
}

/// Retry a delivery
///
/// From `failed` or `retrying`, up to 20 attempts in all.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/deliveries/{delivery_id}/retry", tag = "Webhooks",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1), ("delivery_id" = i64, Path, minimum = 1)),
    security(("api_key" = ["webhooks:write"])), responses((status = 200, body = Told<QueuedView>)))]
pub(crate) async fn retry(
    caller: Caller<WebhooksWrite>,
    id: PathId<WebhookId>,
    delivery: InnerId<DeliveryId>,
    service: web::Data<WebhookService>,
    write: Write,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    write
        .run(async move |tx| {
            let attempt = service.retry(tx, realm, id.0, delivery.0).await?;
            let status = DeliveryStatus::Pending.as_str();
            let view = QueuedView { id: delivery.0.get(), status, attempt };
            Answer::told(StatusCode::OK, "Delivery queued for retry.", &view)
        })
        .await
}

/// Replay deliveries
///
/// Queues again every delivery made since a moment, whose receiver then gets the same event once more.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/replay", tag = "Webhooks",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1)), request_body = ReplayBody,
    security(("api_key" = ["webhooks:write"])), responses((status = 202, body = Told<ReplayedView>)))]
pub(crate) async fn replay(
    caller: Caller<WebhooksWrite>,
    id: PathId<WebhookId>,
    body: Result<Json<ReplayBody>, ApiError>,
    service: web::Data<WebhookService>,
    reader: web::Data<dyn WebhookReader>,
    clock: web::Data<dyn Clock>,
    write: Write,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    // What is not the caller's is not found, whatever the body is.
    reader.find_webhook(realm, id.0).await?.ok_or(ApiError::NotFound)?;
    let (since, status) = body?.0.read(clock.now())?;
    write
        .run(async move |tx| {
            let queued = service.replay(tx, realm, id.0, since, status).await?;
            Answer::told(StatusCode::ACCEPTED, "Deliveries queued again.", &ReplayedView { queued })
        })
        .await
}

impl From<RetryDeliveryError> for ApiError {
    fn from(error: RetryDeliveryError) -> Self {
        match error {
            RetryDeliveryError::NotFound => Self::NotFound,
            RetryDeliveryError::CannotRetry(reason) => Self::CannotRetry(reason.to_string()),
            RetryDeliveryError::Storage(error) => error.into(),
        }
    }
}
