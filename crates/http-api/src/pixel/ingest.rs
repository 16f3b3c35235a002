use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use core_domain::{SiteId, Timestamp};
use pixel::{Accepted, DropReason, Drops, PixelService};
use tokio::sync::{Notify, oneshot};

use crate::ApiError;
use crate::error::{SharedError, chain};
use crate::write::{UnitOfWork, Write, commit, is_retryable, undo};

/// How many events one transaction stores at most; a request's are never parted.
const MAX_BATCH: usize = 1_000;
/// How many events may wait, and how much memory they may take.
const MAX_WAITING: usize = 10_000;
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// How many counts of what was not taken may wait.
const MAX_DROPS: usize = 10_000;
/// How long to wait under load for more events before the next transaction begins.
const GATHER: Duration = Duration::from_millis(2);
/// How long counts wait for events to go with.
const DROPS_WAIT: Duration = Duration::from_millis(250);

/// Stores events: what arrives while one transaction is on its way shares the next one.
///
/// Nobody is told that an event is stored before its transaction is committed. What finds the queue full is refused.
pub(super) struct Ingest {
    store: Arc<dyn UnitOfWork>,
    service: PixelService,
    queue: Mutex<Queue>,
    came: Notify,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    events: usize,
    bytes: usize,
    drops: Drops,
    is_worked_off: bool,
}

/// One request's events.
struct Job {
    events: Vec<Accepted>,
    bytes: usize,
    told: oneshot::Sender<Outcome>,
}

/// The sites that there were.
type Outcome = Result<Arc<[SiteId]>, ApiError>;

impl Ingest {
    pub(super) fn new(store: Arc<dyn UnitOfWork>, service: PixelService) -> Self {
        Self { store, service, queue: Mutex::default(), came: Notify::new() }
    }

    /// Stores one request's events, all or none; it happens even when nobody waits for it any more. Returns the sites
    /// that there were: nothing is stored of others.
    pub(super) async fn record(self: Arc<Self>, events: Vec<Accepted>) -> Outcome {
        let bytes = events.iter().map(size).sum();
        let (told, outcome) = oneshot::channel();
        {
            let mut queue = self.queue();
            if queue.events + events.len() > MAX_WAITING || queue.bytes + bytes > MAX_BYTES {
                metrics::counter!("pixel_events_refused_total").increment(events.len() as u64);
                return Err(ApiError::Refused);
            }
            queue.events += events.len();
            queue.bytes += bytes;
            queue.jobs.push_back(Job { events, bytes, told });
        }
        self.work();
        outcome.await.unwrap_or_else(|_| Err(ApiError::Internal("a batch was given up".into())))
    }

    /// Counts what was not taken, some time later.
    pub(super) fn note(self: Arc<Self>, site: SiteId, day: Timestamp, reason: DropReason) {
        {
            let mut queue = self.queue();
            if queue.drops.len() >= MAX_DROPS && !queue.drops.contains_key(&(site, day, reason)) {
                return;
            }
            *queue.drops.entry((site, day, reason)).or_default() += 1;
        }
        self.work();
    }

    fn work(self: Arc<Self>) {
        let is_worked_off = std::mem::replace(&mut self.queue().is_worked_off, true);
        if is_worked_off {
            self.came.notify_one();
        } else {
            tokio::spawn(Runner { ingest: self, is_over: false }.run());
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// About how much memory an event takes.
fn size(event: &Accepted) -> usize {
    let utm = &event.event.page.utm;
    let texts = [&utm.source, &utm.medium, &utm.campaign, &utm.term, &utm.content, &event.event.referrer];
    let properties = event.event.properties.as_ref().map_or(0, |kept| kept.as_str().len());
    let texts: usize = texts.into_iter().flatten().map(String::len).sum();
    size_of::<Accepted>() + event.page.len() + event.event.page.path.len() + texts + properties
}

/// Works the queue off until it is empty.
struct Runner {
    ingest: Arc<Ingest>,
    is_over: bool,
}

impl Drop for Runner {
    /// What it leaves, having been stopped, is told so by the end of its channels.
    fn drop(&mut self) {
        if !self.is_over {
            *self.ingest.queue() = Queue::default();
        }
    }
}

impl Runner {
    async fn run(mut self) {
        loop {
            let (has_jobs, has_drops) = {
                let mut queue = self.ingest.queue();
                let found = (!queue.jobs.is_empty(), !queue.drops.is_empty());
                if found == (false, false) {
                    queue.is_worked_off = false;
                    self.is_over = true;
                    return;
                }
                found
            };
            if has_drops && !has_jobs {
                let _ = tokio::time::timeout(DROPS_WAIT, self.ingest.came.notified()).await;
            }
            let (jobs, drops) = self.take();
            let is_busy = jobs.len() > 1;
            self.settle(jobs, drops).await;
            if is_busy {
                tokio::time::sleep(GATHER).await;
            }
        }
    }

    fn take(&self) -> (Vec<Job>, Drops) {
        let mut queue = self.ingest.queue();
        let (mut jobs, mut taken) = (Vec::new(), 0);
        while let Some(job) = queue.jobs.pop_front_if(|job| taken == 0 || taken + job.events.len() <= MAX_BATCH) {
            taken += job.events.len();
            queue.events -= job.events.len();
            queue.bytes -= job.bytes;
            jobs.push(job);
        }
        (jobs, std::mem::take(&mut queue.drops))
    }

    async fn settle(&self, mut jobs: Vec<Job>, drops: Drops) {
        let events: Vec<Accepted> = jobs.iter_mut().flat_map(|job| std::mem::take(&mut job.events)).collect();
        let mut attempt = 1;
        let outcome = loop {
            match self.attempt(&events, &drops).await {
                Err(ApiError::Unavailable(cause)) if attempt < Write::ATTEMPTS && is_retryable(&cause) => attempt += 1,
                outcome => break outcome,
            }
        };
        match outcome {
            Ok(live) => {
                metrics::counter!("pixel_events_stored_total").increment(events.len() as u64);
                let live: Arc<[SiteId]> = live.into();
                for job in jobs {
                    // Whoever has left is not told.
                    let _ = job.told.send(Ok(Arc::clone(&live)));
                }
            }
            Err(ApiError::Unavailable(cause)) => {
                metrics::counter!("pixel_events_refused_total").increment(events.len() as u64);
                tracing::error!(error = %chain(&*cause), events = events.len(), "events could not be stored");
                for job in jobs {
                    let _ = job.told.send(Err(ApiError::Refused));
                }
            }
            Err(error) => {
                let error = SharedError::from(error);
                for job in jobs {
                    let _ = job.told.send(Err(error.for_one()));
                }
            }
        }
    }

    async fn attempt(&self, events: &[Accepted], drops: &Drops) -> Result<Vec<SiteId>, ApiError> {
        let mut tx = self.ingest.store.begin().await?;
        match self.ingest.service.record(&mut *tx, events, drops).await {
            Ok(live) => {
                commit(tx).await?;
                Ok(live)
            }
            Err(error) => {
                undo(tx).await;
                Err(error.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use core_domain::StorageError;
    use futures_util::FutureExt as _;
    use pixel::{Event, EventName, PageUrl, Properties, VisitorId};
    use serde_json::json;
    use testkit::{ManualClock, SeededEntropy};

    use super::*;
    use crate::write::ApiTx;

    /// A store that never answers.
    struct Stuck;

    #[async_trait]
    impl UnitOfWork for Stuck {
        async fn begin(&self) -> Result<Box<dyn ApiTx>, StorageError> {
            std::future::pending().await
        }
    }

    fn ingest() -> Arc<Ingest> {
        let service = PixelService::new(Arc::new(ManualClock::default()), Arc::new(SeededEntropy::new(1)));
        Arc::new(Ingest::new(Arc::new(Stuck), service))
    }

    fn event(properties: usize) -> Accepted {
        let properties = json!({ "text": "x".repeat(properties) });
        let event = Event {
            name: EventName::try_from("signup".to_owned()).unwrap(),
            page: PageUrl::parse("https://example.com/").unwrap(),
            referrer: None,
            properties: Some(Properties::try_from(properties.as_object().unwrap()).unwrap()),
        };
        Accepted {
            site_id: SiteId::try_from(1).unwrap(),
            visitor: VisitorId::from([1; VisitorId::LEN]),
            at: Timestamp::from_unix_micros(0).unwrap(),
            counts_sessions: true,
            page: "/".to_owned(),
            event,
        }
    }

    /// `None` while it waits.
    fn record(ingest: &Arc<Ingest>, events: Vec<Accepted>) -> Option<Outcome> {
        Arc::clone(ingest).record(events).now_or_never()
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_says_when_to_come_again() {
        let ingest = ingest();
        for _ in 0..MAX_WAITING / 50 {
            assert!(record(&ingest, vec![event(0); 50]).is_none());
        }
        let Some(Err(error @ ApiError::Refused)) = record(&ingest, vec![event(0)]) else {
            panic!("one event too many waits")
        };
        let answer = error.answer("req_1").to_response();
        assert_eq!((answer.status().as_u16(), answer.headers().contains_key("retry-after")), (503, true));
    }

    #[tokio::test]
    async fn a_transaction_is_bounded_and_parts_no_request() {
        let ingest = ingest();
        let sizes = [50, 7, 43].repeat(15);
        for size in &sizes {
            assert!(record(&ingest, vec![event(0); *size]).is_none());
        }
        let runner = Runner { ingest: Arc::clone(&ingest), is_over: true };
        let mut taken = Vec::new();
        while taken.len() < sizes.len() {
            let batch: Vec<usize> = runner.take().0.iter().map(|job| job.events.len()).collect();
            let events: usize = batch.iter().sum();
            taken.extend(batch);
            let next = sizes.get(taken.len()).copied().unwrap_or(MAX_BATCH);
            assert!(events <= MAX_BATCH && events + next > MAX_BATCH, "{events} are stored at once");
        }
        assert_eq!(taken, sizes);
    }

    #[tokio::test]
    async fn large_events_fill_the_queue_earlier() {
        let ingest = ingest();
        let waiting = (0..MAX_WAITING).take_while(|_| record(&ingest, vec![event(4_000)]).is_none()).count();
        assert!((3_000..MAX_BYTES / 4_000).contains(&waiting), "{waiting} wait");
    }
}
