use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use core_domain::{DomainEvent, EventId, Page};
use webhooks::{EventPublisher, WebhookReader, WebhookService};

use super::dto::{EventView, PublishBody, PublishedData, PublishedView};
use super::params::EventListParams;
use crate::extract::permission::{EventsRead, EventsWrite};
use crate::extract::{Caller, Json, Query};
use crate::list::{ItemParams, ListBody, list_answer};
use crate::openapi::{Data, Told, WorkspaceHeader};
use crate::webhooks::handlers::realm;
use crate::write::Write;
use crate::{Answer, ApiError};

/// Publish events
///
/// Stores an event, or up to 100 at once, and sends it to every webhook that subscribes to its type. When this is
/// answered, nothing of it can be lost.
#[utoipa::path(post, path = "/api/v1/events", tag = "Events", params(WorkspaceHeader), request_body = PublishBody,
    security(("api_key" = ["events:write"])), responses((status = 202, body = Told<PublishedData>)))]
pub(crate) async fn publish(
    caller: Caller<EventsWrite>,
    body: Json<PublishBody>,
    service: web::Data<WebhookService>,
    publisher: web::Data<dyn EventPublisher>,
    write: Write,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let (events, is_list) = body.0.into_events()?;
    let events = service.events(realm, events);
    if !write.is_repeatable() {
        // Nothing but the events is to be stored: they share a commit with what else is published at this moment.
        let counts = publisher.publish(events.clone()).await?;
        return answer(&events, &counts, is_list);
    }
    write
        .run(async move |tx| {
            let counts = service.publish(tx, &events).await?;
            answer(&events, &counts, is_list)
        })
        .await
}

fn answer(events: &[DomainEvent], counts: &[u32], is_list: bool) -> Result<Answer, ApiError> {
    let mut views: Vec<_> = events.iter().zip(counts).map(|(event, count)| PublishedView::new(event, *count)).collect();
    if is_list {
        return Answer::told(StatusCode::ACCEPTED, "Events accepted.", &PublishedData::Many(views));
    }
    let view = views.pop().ok_or_else(|| ApiError::Internal("no event was stored".into()))?;
    Answer::told(StatusCode::ACCEPTED, "Event accepted.", &PublishedData::One(view))
}

/// List events
///
/// Those of the workspace and of the credential's environment, its own and the service's.
#[utoipa::path(get, path = "/api/v1/events", tag = "Events", params(WorkspaceHeader, EventListParams),
    security(("api_key" = ["events:read"])), responses((status = 200, body = ListBody<EventView>)))]
pub(crate) async fn list(
    caller: Caller<EventsRead>,
    params: Query<EventListParams>,
    reader: web::Data<dyn WebhookReader>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let (query, selection) = params.0.read()?;
    let page = reader.list_events(realm, &query).await?;
    let items = page.items.iter().map(EventView::from).collect();
    list_answer(&request, query.page, &Page { items, total: page.total }, &selection)
}

/// Get an event
#[utoipa::path(get, path = "/api/v1/events/{id}", tag = "Events",
    params(WorkspaceHeader, ("id" = String, Path), ItemParams),
    security(("api_key" = ["events:read"])), responses((status = 200, body = Data<EventView>)))]
pub(crate) async fn get(
    caller: Caller<EventsRead>,
    id: web::Path<String>,
    params: Query<ItemParams>,
    reader: web::Data<dyn WebhookReader>,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let selection = params.0.selection::<EventView>()?;
    let id = EventId::try_from(id.into_inner()).map_err(|_| ApiError::NotFound)?;
    let event = reader.find_event(realm, &id).await?.ok_or(ApiError::NotFound)?;
    Answer::data(&selection.of(&EventView::from(&event)))
}
