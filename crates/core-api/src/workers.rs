use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use core_domain::Clock;
use http_api::UnitOfWork;
use keys::{Authenticator, LastUsed};
use mcp::CallLog;
use tokio_util::sync::CancellationToken;
use webhooks::DeliveryQueue;

/// Deleted workspaces are kept this long (contract: Workspaces), and reservations that have ended.
const RETENTION: Duration = Duration::from_hours(30 * 24);
const PURGE_INTERVAL: Duration = Duration::from_hours(1);
const RECORDS_INTERVAL: Duration = Duration::from_mins(5);
const RECORDS_BATCH: u32 = 1_000;
const EVENTS_BATCH: NonZeroU32 = NonZeroU32::new(1_000).unwrap();
const MEASURE_INTERVAL: Duration = Duration::from_secs(15);
/// How many workspaces one transaction purges at most, so that it stays short.
const PURGE_BATCH: u32 = 20;

/// Writes down when keys were used, at intervals and once more at the end.
pub(crate) async fn record_last_used(authenticator: Arc<Authenticator>, stop: CancellationToken) {
    let mut is_last = false;
    while !is_last {
        is_last = stop.run_until_cancelled(wait(LastUsed::INTERVAL)).await.is_none();
        if let Err(error) = authenticator.flush_last_used().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the last uses of keys could not be written down; they will be tried again"
            );
        }
    }
}

/// Purges what was kept for safe retries and is no longer.
pub(crate) async fn purge_records(store: Arc<dyn UnitOfWork>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    while stop.run_until_cancelled(wait(RECORDS_INTERVAL)).await.is_some() {
        loop {
            match purge_some_records(&*store, &*clock).await {
                Ok(purged) if purged < u64::from(RECORDS_BATCH) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "idempotency records could not be purged; they will be tried again"
                    );
                    break;
                }
            }
        }
    }
}

async fn purge_some_records(store: &dyn UnitOfWork, clock: &dyn Clock) -> Result<u64, core_domain::StorageError> {
    let mut tx = store.begin().await?;
    let purged = tx.purge_records(clock.now(), RECORDS_BATCH).await?;
    tx.commit().await?;
    Ok(purged)
}

/// Purges events, deliveries and attempts whose retention is over.
pub(crate) async fn purge_events(
    queue: Arc<dyn DeliveryQueue>,
    clock: Arc<dyn Clock>,
    retention: Duration,
    stop: CancellationToken,
) {
    while stop.run_until_cancelled(wait(PURGE_INTERVAL)).await.is_some() {
        while !stop.is_cancelled() {
            match queue.purge(clock.now().saturating_sub(retention), EVENTS_BATCH).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "old events could not be purged; they will be tried again"
                    );
                    break;
                }
            }
        }
    }
}

/// Purges the log of MCP calls as [`purge_events`] does events.
pub(crate) async fn purge_calls(
    log: Arc<dyn CallLog>,
    clock: Arc<dyn Clock>,
    retention: Duration,
    stop: CancellationToken,
) {
    while stop.run_until_cancelled(wait(PURGE_INTERVAL)).await.is_some() {
        while !stop.is_cancelled() {
            match log.purge_calls(clock.now().saturating_sub(retention), EVENTS_BATCH).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "old MCP calls could not be purged; they will be tried again"
                    );
                    break;
                }
            }
        }
    }
}

/// Shows how much waits to be delivered, and for how long.
pub(crate) async fn measure_queue(queue: Arc<dyn DeliveryQueue>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    while stop.run_until_cancelled(wait(MEASURE_INTERVAL)).await.is_some() {
        let now = clock.now();
        match queue.depth(now).await {
            Ok(depth) => {
                let age = depth.oldest_due_at.map_or(Duration::ZERO, |due| now.since(due));
                #[expect(clippy::cast_precision_loss, reason = "a gauge")]
                metrics::gauge!("webhook_queue_open").set(depth.open as f64);
                metrics::gauge!("webhook_queue_oldest_due_seconds").set(age.as_secs_f64());
            }
            Err(error) => tracing::debug!(%error, "the queue could not be measured"),
        }
    }
}

/// Purges reservations that ended some time ago.
pub(crate) async fn purge_reservations(store: Arc<dyn UnitOfWork>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    while stop.run_until_cancelled(wait(PURGE_INTERVAL)).await.is_some() {
        loop {
            match purge_some_reservations(&*store, &*clock).await {
                Ok(purged) if purged < u64::from(RECORDS_BATCH) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "ended reservations could not be purged; they will be tried again"
                    );
                    break;
                }
            }
        }
    }
}

async fn purge_some_reservations(store: &dyn UnitOfWork, clock: &dyn Clock) -> Result<u64, core_domain::StorageError> {
    let mut tx = store.begin().await?;
    let purged = tx.purge_reservations(clock.now().saturating_sub(RETENTION), RECORDS_BATCH).await?;
    tx.commit().await?;
    Ok(purged)
}

/// Purges workspaces whose retention is over.
pub(crate) async fn purge_workspaces(store: Arc<dyn UnitOfWork>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    while stop.run_until_cancelled(wait(PURGE_INTERVAL)).await.is_some() {
        loop {
            match purge_some(&*store, &*clock).await {
                Ok(0) => break,
                Ok(purged) => tracing::info!(purged, "deleted workspaces were purged"),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "deleted workspaces could not be purged; they will be tried again"
                    );
                    break;
                }
            }
        }
    }
}

async fn purge_some(store: &dyn UnitOfWork, clock: &dyn Clock) -> Result<u64, core_domain::StorageError> {
    let mut tx = store.begin().await?;
    let purged = tx.purge_workspaces(clock.now().saturating_sub(RETENTION), PURGE_BATCH).await?;
    tx.commit().await?;
    Ok(purged)
}

/// Background work is paced by real time: there is nothing it could be told by.
async fn wait(span: Duration) {
    tokio::time::sleep(span).await;
}
