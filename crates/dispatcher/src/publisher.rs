use std::sync::Arc;

use async_trait::async_trait;
use core_domain::{DomainEvent, StorageError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use webhooks::{DeliveryQueue, EventPublisher};

use crate::dispatcher::Sends;

/// Stores events, many in a commit: while one is under way, the next is gathered.
#[derive(Debug, Clone)]
pub struct Publisher {
    requests: mpsc::Sender<Request>,
}

#[derive(Debug)]
struct Request {
    events: Vec<DomainEvent>,
    answer: oneshot::Sender<Result<Vec<u32>, StorageError>>,
}

/// Requests that wait beyond this keep their callers waiting in turn.
const QUEUE: usize = 1_024;
/// The most events of one commit, so that nobody waits long for others' events.
const BATCH: usize = 512;
/// How often a commit that lost a race is tried.
const ATTEMPTS: u32 = 4;

impl Publisher {
    /// A publisher on this queue, and its task, which ends when it is told to stop and has stored what it was given.
    ///
    /// It leases nothing: deliveries are left to other processes.
    pub fn start(queue: Arc<dyn DeliveryQueue>, stop: CancellationToken) -> (Self, JoinHandle<()>) {
        Self::start_with(Storing { queue, sends: None }, stop)
    }

    /// The same, beside a dispatcher: it leases what the dispatcher has room for.
    pub(crate) fn start_beside(sends: Arc<Sends>, stop: CancellationToken) -> (Self, JoinHandle<()>) {
        Self::start_with(Storing { queue: Arc::clone(&sends.queue), sends: Some(sends) }, stop)
    }

    fn start_with(storing: Storing, stop: CancellationToken) -> (Self, JoinHandle<()>) {
        let (requests, received) = mpsc::channel(QUEUE);
        (Self { requests }, tokio::spawn(storing.run(received, stop)))
    }
}

#[async_trait]
impl EventPublisher for Publisher {
    async fn publish(&self, events: Vec<DomainEvent>) -> Result<Vec<u32>, StorageError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.requests.send(Request { events, answer }).await;
        sent.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

fn stopped() -> StorageError {
    StorageError::Unavailable { operation: "publish", source: "the publisher has stopped".into() }
}

struct Storing {
    queue: Arc<dyn DeliveryQueue>,
    sends: Option<Arc<Sends>>,
}

impl Storing {
    async fn run(self, mut received: mpsc::Receiver<Request>, stop: CancellationToken) {
        loop {
            if stop.is_cancelled() {
                received.close();
            }
            let first = tokio::select! {
                first = received.recv() => first,
                () = stop.cancelled(), if !received.is_closed() => continue,
            };
            let Some(first) = first else { return };
            let mut requests = vec![first];
            let mut events = requests[0].events.len();
            while events < BATCH
                && let Ok(next) = received.try_recv()
            {
                events += next.events.len();
                requests.push(next);
            }
            self.commit(requests).await;
        }
    }

    /// Stores what was gathered; when that fails, each request by itself, so that none suffers for another.
    async fn commit(&self, requests: Vec<Request>) {
        let events: Vec<DomainEvent> = requests.iter().flat_map(|request| request.events.iter().cloned()).collect();
        match self.store(&events).await {
            Ok(counts) => {
                let mut counts = counts.into_iter();
                for Request { events, answer } in requests {
                    // A caller that is gone wanted its events stored all the same.
                    let _ = answer.send(Ok(counts.by_ref().take(events.len()).collect()));
                }
            }
            Err(error) if requests.len() > 1 => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a batch of events could not be stored; its requests are tried one by one"
                );
                for Request { events, answer } in requests {
                    let _ = answer.send(self.store(&events).await);
                }
            }
            Err(error) => {
                if let Some(Request { answer, .. }) = requests.into_iter().next() {
                    let _ = answer.send(Err(error));
                }
            }
        }
    }

    async fn store(&self, events: &[DomainEvent]) -> Result<Vec<u32>, StorageError> {
        let mut attempt = 1;
        loop {
            match self.store_once(events).await {
                Err(error) if error.is_retryable() && attempt < ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    async fn store_once(&self, events: &[DomainEvent]) -> Result<Vec<u32>, StorageError> {
        let published = match &self.sends {
            Some(sends) => sends.publish(events).await?,
            None => self.queue.publish(events, None).await?,
        };
        Ok(published.into_iter().map(|published| published.deliveries).collect())
    }
}
