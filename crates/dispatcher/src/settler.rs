use std::sync::Arc;
use std::time::Duration;

use core_domain::{Clock, Entropy};
use tokio::sync::mpsc;
use webhooks::{DeliveryQueue, Settlement};

/// Writes results down, many in a commit.
pub(crate) struct Settler {
    pub(crate) queue: Arc<dyn DeliveryQueue>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// How long a lease lasts at most.
    pub(crate) lease: Duration,
}

/// The most results of one commit.
const BATCH: usize = 512;
/// Results that wait beyond this keep the sends behind them waiting.
pub(crate) const QUEUE: usize = 4 * BATCH;
/// How long results gather: nobody waits for them, and a commit of many costs little more than one of few.
const LINGER: Duration = Duration::from_millis(20);
/// How long to wait before a commit that failed is tried again.
const PAUSE: Duration = Duration::from_millis(500);

impl Settler {
    /// Runs until every sender of results is dropped, and all that was sent is written.
    pub(crate) async fn run(self, mut results: mpsc::Receiver<Settlement>) {
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(first) = results.recv().await {
            batch.push(first);
            if results.len() < BATCH {
                tokio::time::sleep(LINGER).await;
            }
            while batch.len() < BATCH
                && let Ok(next) = results.try_recv()
            {
                batch.push(next);
            }
            self.write(&batch).await;
            batch.clear();
        }
    }

    /// Tries until it succeeds, or every lease of the batch has ended and others have sent again.
    async fn write(&self, batch: &[Settlement]) {
        let all_leases_end = self.clock.now().saturating_add(self.lease);
        loop {
            match self.queue.settle(batch, self.clock.now(), &self.entropy).await {
                Ok(written) => {
                    let lost = (batch.len() as u64).saturating_sub(written);
                    if lost > 0 {
                        metrics::counter!("webhook_leases_lost_total").increment(lost);
                        tracing::warn!(lost, "deliveries were sent whose leases had ended: they are sent again");
                    }
                    return;
                }
                Err(error) if error.is_retryable() => {}
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        results = batch.len(),
                        "results of deliveries could not be written down; they will be tried again"
                    );
                    if all_leases_end <= self.clock.now() {
                        return;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}
