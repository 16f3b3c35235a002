use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::dispatcher::Sends;

/// Fetches deliveries that nobody holds.
pub(crate) struct Claimer {
    pub(crate) sends: Arc<Sends>,
}

/// Retries and ended leases come due without anybody telling: they are looked for this often.
const POLL: Duration = Duration::from_secs(1);
/// Room that becomes free gathers for so long: a claim for each send would cost more than the sends.
const GATHER: Duration = Duration::from_millis(5);
/// What was told of and could not be taken is asked for this much later at the earliest: claims keep publishers waiting.
const RESPITE: Duration = Duration::from_millis(20);
/// How long to wait after a claim that failed.
const PAUSE: Duration = Duration::from_secs(1);

impl Claimer {
    pub(crate) async fn run(self, stop: CancellationToken) {
        while stop.run_until_cancelled(self.wait()).await.is_some() {
            let mut taken = 0;
            loop {
                match self.sends.claim().await {
                    Ok(0) if taken == 0 => {
                        tokio::time::sleep(RESPITE).await;
                        break;
                    }
                    Ok(0) => break,
                    Ok(_) if stop.is_cancelled() => break,
                    Ok(count) => taken += count,
                    Err(error) => {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "deliveries could not be claimed; they will be tried again"
                        );
                        tokio::time::sleep(PAUSE).await;
                        break;
                    }
                }
            }
        }
    }

    async fn wait(&self) {
        tokio::select! {
            () = self.sends.queue.queued() => {}
            () = self.sends.desk.room_again.notified() => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(POLL) => {}
        }
    }
}
