use core_domain::StorageError;
use webhooks::{Delivery, Endpoint, Realm, WebhookReader};
use workspaces::WorkspaceReader;

use super::delivery_dto::{AttemptView, DeliveryView};
use super::dto::WebhookView;
use crate::list::Selection;
use crate::workspaces::WorkspaceView;

/// How many deliveries `include=latest_deliveries` shows of each webhook.
const LATEST: u32 = 5;

/// The views of webhooks, with what was asked to be included: one query a relation, however many there are.
pub(crate) async fn webhook_views(
    reader: &dyn WebhookReader,
    workspaces: &dyn WorkspaceReader,
    realm: Realm,
    endpoints: &[Endpoint],
    selection: &Selection,
) -> Result<Vec<WebhookView>, StorageError> {
    let mut views: Vec<WebhookView> = endpoints.iter().map(WebhookView::from).collect();
    if selection.includes("workspace")
        && let Some(workspace) = workspaces.find_workspace(realm.workspace_id).await?
    {
        for view in &mut views {
            view.workspace = Some(WorkspaceView::from(&workspace));
        }
    }
    if selection.includes("latest_deliveries") {
        let ids: Vec<_> = endpoints.iter().map(|endpoint| endpoint.id).collect();
        let deliveries = reader.list_latest_deliveries(&ids, LATEST).await?;
        for (view, endpoint) in views.iter_mut().zip(endpoints) {
            let own = deliveries.iter().filter(|delivery| delivery.webhook_id == endpoint.id);
            view.latest_deliveries = Some(own.map(DeliveryView::from).collect());
        }
    }
    Ok(views)
}

/// The views of deliveries, with what was asked to be included.
pub(crate) async fn delivery_views(
    reader: &dyn WebhookReader,
    realm: Realm,
    deliveries: &[Delivery],
    selection: &Selection,
) -> Result<Vec<DeliveryView>, StorageError> {
    let mut views: Vec<DeliveryView> = deliveries.iter().map(DeliveryView::from).collect();
    if selection.includes("event") {
        let ids: Vec<_> = deliveries.iter().map(|delivery| delivery.event_id.clone()).collect();
        let events = reader.find_events(realm, &ids).await?;
        for view in &mut views {
            if let Some(event) = events.iter().find(|event| event.id.as_str() == view.event_id) {
                view.with_event(event);
            }
        }
    }
    if selection.includes("attempts") {
        let ids: Vec<_> = deliveries.iter().map(|delivery| delivery.id).collect();
        let attempts = reader.list_attempts(&ids).await?;
        for view in &mut views {
            let own = attempts.iter().filter(|(delivery, _)| delivery.get() == view.id);
            view.attempts = Some(own.map(|(_, attempt)| AttemptView::from(attempt)).collect());
        }
    }
    Ok(views)
}
