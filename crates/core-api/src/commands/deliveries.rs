use anyhow::Context;
use core_domain::{DeliveryId, Environment, ListQuery, PageRequest, Timestamp, WebhookId, WireWord, WorkspaceId};
use http_api::Services;
use serde_json::{Value, json};
use webhooks::{Delivery, DeliveryFilter, DeliverySort, DeliveryStatus, Realm};

use super::print;
use crate::cli::{ListDeliveries, ReplayDeliveries, RetryDelivery, WebhookOf};

pub(crate) async fn list(services: &Services, arguments: ListDeliveries) -> anyhow::Result<()> {
    let (_, webhook) = find(services, &arguments.of).await?;
    let filter = DeliveryFilter { status: status(arguments.status.as_deref())?, ..DeliveryFilter::default() };
    let page = PageRequest::new(1, arguments.limit).context("--limit is wrong")?;
    let query = ListQuery { filter, sort: vec![DeliverySort::DEFAULT], page };
    let found = services.webhook_reader.list_deliveries(webhook, &query).await?.items;
    if arguments.json {
        return print(&Value::from(found.iter().map(row).collect::<Vec<_>>()).to_string());
    }
    for delivery in &found {
        let code = delivery.response_code.map_or("-".to_owned(), |code| code.to_string());
        let next = delivery.next_retry_at.map_or("-".to_owned(), |moment| moment.to_string());
        print(&format!(
            "{}\t{}\t{}\tattempt {}\t{code}\t{next}\t{}",
            delivery.id, delivery.status, delivery.event_type, delivery.attempt, delivery.event_id
        ))?;
    }
    Ok(())
}

pub(crate) async fn retry(services: &Services, arguments: RetryDelivery) -> anyhow::Result<()> {
    let (realm, webhook) = find(services, &arguments.of).await?;
    let id = DeliveryId::try_from(arguments.id).context("the id must be positive")?;
    let mut tx = services.store.begin().await?;
    let attempt = services.webhooks.retry(&mut *tx, realm, webhook, id).await?;
    tx.commit().await?;
    print(&format!("Queued attempt {attempt} of the delivery {id}."))
}

pub(crate) async fn replay(services: &Services, arguments: ReplayDeliveries) -> anyhow::Result<()> {
    let (realm, webhook) = find(services, &arguments.of).await?;
    let since = Timestamp::parse(&arguments.since).context("--since is wrong")?;
    let status = status(arguments.status.as_deref())?;
    let mut tx = services.store.begin().await?;
    let count = services.webhooks.replay(&mut *tx, realm, webhook, since, status).await?;
    tx.commit().await?;
    print(&format!("Queued {count} deliveries again."))
}

/// The webhook, wherever it is in the workspace.
async fn find(services: &Services, of: &WebhookOf) -> anyhow::Result<(Realm, WebhookId)> {
    let workspace_id = WorkspaceId::try_from(of.workspace).context("--workspace must be positive")?;
    let webhook = WebhookId::try_from(of.webhook).context("--webhook must be positive")?;
    for environment in Environment::ALL {
        let realm = Realm { workspace_id, environment: *environment };
        if services.webhook_reader.find_webhook(realm, webhook).await?.is_some() {
            return Ok((realm, webhook));
        }
    }
    anyhow::bail!("the workspace has no such webhook")
}

fn status(word: Option<&str>) -> anyhow::Result<Option<DeliveryStatus>> {
    let read = |word| DeliveryStatus::from_word(word).context("--status must be pending, retrying, success or failed");
    word.map(read).transpose()
}

fn row(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id.get(),
        "event_id": delivery.event_id.as_str(),
        "event_type": delivery.event_type,
        "status": delivery.status.as_str(),
        "attempt": delivery.attempt,
        "response_code": delivery.response_code,
        "delivered_at": delivery.delivered_at.map(|moment| moment.to_string()),
        "next_retry_at": delivery.next_retry_at.map(|moment| moment.to_string()),
        "created_at": delivery.created_at.to_string(),
    })
}
