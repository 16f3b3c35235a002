use std::fmt;
use std::sync::Arc;

use core_domain::{Clock, DomainEvent, Entropy, StorageError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use webhooks::{Courier, DeliveryQueue, Job, Lease, Published, Room, Settlement};

use crate::claimer::Claimer;
use crate::desk::Desk;
use crate::settler::{self, Settler};
use crate::{Options, Publisher};

/// Makes the deliveries of a queue until it is stopped. Any number may work on one queue.
pub struct Dispatcher {
    publisher: Publisher,
    storing: JoinHandle<()>,
    claiming: JoinHandle<()>,
    settling: JoinHandle<()>,
    stop: CancellationToken,
    sends: Arc<Sends>,
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").field("desk", &self.sends.desk).finish_non_exhaustive()
    }
}

impl Dispatcher {
    /// Begins, on the runtime of the caller.
    pub fn start(
        queue: Arc<dyn DeliveryQueue>,
        courier: Arc<Courier>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: Options,
    ) -> Self {
        let (results, received) = mpsc::channel(settler::QUEUE);
        let settler = Settler {
            queue: Arc::clone(&queue),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            lease: options.lease,
        };
        let sends = Arc::new(Sends { queue, courier, clock, entropy, desk: Desk::new(options), results });
        let stop = CancellationToken::new();
        let (publisher, storing) = Publisher::start_beside(Arc::clone(&sends), stop.clone());
        Self {
            publisher,
            storing,
            claiming: tokio::spawn(Claimer { sends: Arc::clone(&sends) }.run(stop.clone())),
            settling: tokio::spawn(settler.run(received)),
            stop,
            sends,
        }
    }

    /// What stores events, and sends them from here when there is room.
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Ends: nothing more is taken, what is under way is sent to its end, and its results are written.
    pub async fn stop(self) {
        let Self { storing, claiming, settling, stop, sends, .. } = self;
        stop.cancel();
        for task in [storing, claiming] {
            ended(task).await;
        }
        sends.idle().await;
        drop(sends);
        ended(settling).await;
    }
}

async fn ended(task: JoinHandle<()>) {
    if let Err(fault) = task.await {
        tracing::error!(%fault, "a task of the dispatcher failed");
    }
}

/// The sends of a process: what takes work from the queue, makes it, and passes its results on.
pub(crate) struct Sends {
    pub(crate) queue: Arc<dyn DeliveryQueue>,
    courier: Arc<Courier>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pub(crate) desk: Desk,
    results: mpsc::Sender<Settlement>,
}

impl Sends {
    /// Stores events, and sends those of their deliveries that there is room for.
    pub(crate) async fn publish(self: &Arc<Self>, events: &[DomainEvent]) -> Result<Vec<Published>, StorageError> {
        let taking = self.desk.taking.lock().await;
        let hold = self.hold();
        let mut published = self.queue.publish(events, Some(hold)).await?;
        let jobs = published.iter_mut().flat_map(|published| published.jobs.drain(..)).collect();
        self.begin(jobs);
        drop(taking);
        Ok(published)
    }

    /// Takes what is due and there is room for. Returns how much that was.
    pub(crate) async fn claim(self: &Arc<Self>) -> Result<usize, StorageError> {
        // Looked for before it is known what there is room for: publishers wait for no more than the taking.
        let due = self.queue.due(self.desk.room().most(), self.clock.now()).await?;
        let mut turns = self.desk.taking.lock().await;
        let (lease, room) = self.hold();
        let shares = turns.share(&room, due);
        if shares.is_empty() {
            return Ok(0);
        }
        let jobs = self.queue.take(&shares, lease, self.clock.now()).await?;
        let count = jobs.len();
        self.begin(jobs);
        drop(turns);
        Ok(count)
    }

    fn hold(&self) -> (Lease, Room) {
        let mut token = [0; 8];
        self.entropy.fill(&mut token);
        (self.desk.lease(i64::from_le_bytes(token), self.clock.now()), self.desk.room())
    }

    fn begin(self: &Arc<Self>, jobs: Vec<Job>) {
        self.desk.enter(&jobs);
        for job in jobs {
            let sends = Arc::clone(self);
            tokio::spawn(async move { sends.send(job).await });
        }
    }

    async fn send(&self, job: Job) {
        let settlement = self.courier.deliver(&job).await;
        self.measure(&job, &settlement);
        let has_answered = settlement.attempt.outcome.response_code.is_some();
        // The channel is open for as long as anything is under way.
        let _ = self.results.send(settlement).await;
        self.desk.leave(job.endpoint.id, job.endpoint.workspace_id, has_answered);
    }

    fn measure(&self, job: &Job, settlement: &Settlement) {
        let outcome = &settlement.attempt.outcome;
        let word = match (outcome.is_success(), outcome.response_code) {
            (true, _) => "success",
            (false, Some(_)) => "refused",
            (false, None) => "unanswered",
        };
        metrics::counter!("webhook_attempts_total", "outcome" => word).increment(1);
        metrics::histogram!("webhook_attempt_duration_seconds").record(f64::from(outcome.response_time_ms) / 1_000.0);
        if outcome.is_success() && job.attempt == 1 {
            let delay = self.clock.now().since(job.message.created_at);
            metrics::histogram!("webhook_delivery_delay_seconds").record(delay.as_secs_f64());
        }
    }

    async fn idle(&self) {
        loop {
            let idle = self.desk.idle.notified();
            if self.desk.is_idle() {
                return;
            }
            idle.await;
        }
    }
}
