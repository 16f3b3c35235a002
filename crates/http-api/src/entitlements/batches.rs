use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use core_domain::{Clock, Timestamp};
use entitlements::{EntitlementService, FeatureKey, Realm, Recorded, Refusal, UseError, UseFeature};
use idempotency::{Claim, Claimed, RETENTION, RecordId, RecordedAnswer};
use tokio::sync::oneshot;

use super::refusals::Refusals;
use super::standings::Standings;
use crate::ApiError;
use crate::error::SharedError;
use crate::retry::Recorder;
use crate::write::{ApiTx, UnitOfWork, Write, commit, is_retryable, undo};

/// How many requests share a transaction at most.
const MAX_BATCH: usize = 256;
/// How long a counter under load waits for more before it begins the next transaction.
const GATHER: Duration = Duration::from_millis(1);

/// Which requests can share a transaction: those of one counter.
type Key = (Realm, FeatureKey);

/// Records usage, where requests for one counter that arrive together share a transaction.
///
/// While a transaction of a counter is on its way, what arrives for it waits for the next one. Each request is told its
/// own outcome, as if it had come alone in its turn. A request that repeats another has its record claimed and its
/// answer stored in the same transaction.
pub(super) struct Batches {
    store: Arc<dyn UnitOfWork>,
    service: EntitlementService,
    clock: Arc<dyn Clock>,
    standings: Arc<Standings>,
    refusals: Refusals,
    waiting: Mutex<HashMap<Key, Vec<Job>>>,
}

/// One request.
struct Job {
    wanted: UseFeature,
    recorder: Option<Recorder>,
    told: oneshot::Sender<Outcome>,
}

/// What a request is told.
pub(super) enum Told {
    /// It was recorded or refused.
    Anew(Result<Recorded, Refusal>),
    /// It repeats one that was answered.
    Before(RecordedAnswer),
}

type Outcome = Result<Told, ApiError>;

impl Batches {
    pub(super) fn new(
        store: Arc<dyn UnitOfWork>,
        service: EntitlementService,
        clock: Arc<dyn Clock>,
        standings: Arc<Standings>,
        refusals: Refusals,
    ) -> Self {
        Self { store, service, clock, standings, refusals, waiting: Mutex::default() }
    }

    /// Records one request's usage. It happens even when nobody waits for it any more.
    pub(super) async fn record(self: Arc<Self>, key: Key, wanted: UseFeature, recorder: Option<Recorder>) -> Outcome {
        let (told, outcome) = oneshot::channel();
        let job = Job { wanted, recorder, told };
        let is_first = {
            let mut waiting = self.waiting();
            let is_first = !waiting.contains_key(&key);
            waiting.entry(key.clone()).or_default().push(job);
            is_first
        };
        if is_first {
            tokio::spawn(Runner { batches: self, key, is_over: false }.run());
        }
        outcome.await.unwrap_or_else(|_| Err(ApiError::Internal("a batch was given up".into())))
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Key, Vec<Job>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Works off one counter's requests until there are none. While it lives, the counter has an entry among the waiting.
struct Runner {
    batches: Arc<Batches>,
    key: Key,
    is_over: bool,
}

impl Drop for Runner {
    /// What it leaves, having been stopped, is told so by the end of its channels.
    fn drop(&mut self) {
        if !self.is_over {
            self.batches.waiting().remove(&self.key);
        }
    }
}

impl Runner {
    async fn run(mut self) {
        while let Some(jobs) = self.next() {
            let is_busy = jobs.len() > 1;
            self.settle(jobs).await;
            if is_busy {
                tokio::time::sleep(GATHER).await;
            }
        }
    }

    /// Under the lock: either there is more to do, or the entry goes, so that the next request starts a runner.
    fn next(&mut self) -> Option<Vec<Job>> {
        let batches = Arc::clone(&self.batches);
        let mut waiting = batches.waiting();
        let jobs = waiting.get_mut(&self.key)?;
        if jobs.is_empty() {
            waiting.remove(&self.key);
            self.is_over = true;
            return None;
        }
        let rest = jobs.split_off(jobs.len().min(MAX_BATCH));
        Some(std::mem::replace(jobs, rest))
    }

    async fn settle(&self, jobs: Vec<Job>) {
        let mut attempt = 1;
        let outcomes = loop {
            match self.attempt(&jobs).await {
                Err(ApiError::Unavailable(cause)) if attempt < Write::ATTEMPTS && is_retryable(&cause) => attempt += 1,
                outcomes => break outcomes,
            }
        };
        let (place, feature) = &self.key;
        self.batches.standings.forget(*place, feature);
        match outcomes {
            Ok(outcomes) => {
                for (job, outcome) in jobs.into_iter().zip(outcomes) {
                    // Whoever has left is not told.
                    let _ = job.told.send(outcome);
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

    /// One transaction. An error is everybody's, and nothing was committed, or nobody knows.
    async fn attempt(&self, jobs: &[Job]) -> Result<Vec<Outcome>, ApiError> {
        let now = self.batches.clock.now();
        let mut tx = self.batches.store.begin().await?;
        match self.work(&mut *tx, jobs, now).await {
            Ok(outcomes) => {
                commit(tx).await?;
                Ok(outcomes)
            }
            Err(error) => {
                undo(tx).await;
                Err(error)
            }
        }
    }

    /// What each request comes to. Nothing is committed yet.
    async fn work(&self, tx: &mut dyn ApiTx, jobs: &[Job], now: Timestamp) -> Result<Vec<Outcome>, ApiError> {
        let outcomes = before(tx, jobs, now).await?;
        let new: Vec<&Job> =
            jobs.iter().zip(&outcomes).filter(|(_, known)| known.is_none()).map(|(job, _)| job).collect();
        let recorded = self.record(tx, &new).await?;
        let mut answers = Vec::new();
        for (job, outcome) in new.iter().zip(&recorded) {
            if let Some(recorder) = &job.recorder {
                answers.push(recorder.sealed(&self.batches.refusals.recorded_usage(&self.key.1, *outcome)?)?);
            }
        }
        if !answers.is_empty() {
            tx.store_records(&answers, now, now.saturating_add(RETENTION)).await?;
        }
        let mut recorded = recorded.into_iter();
        let told = outcomes.into_iter().filter_map(|known| known.or_else(|| Some(Ok(Told::Anew(recorded.next()?)))));
        Ok(told.collect())
    }

    async fn record(&self, tx: &mut dyn ApiTx, new: &[&Job]) -> Result<Vec<Result<Recorded, Refusal>>, ApiError> {
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let (place, key) = &self.key;
        let service = &self.batches.service;
        let feature = service.catalogue().feature(key).ok_or(ApiError::NotFound)?;
        let wanted: Vec<UseFeature> = new.iter().map(|job| job.wanted.clone()).collect();
        service.record(tx, *place, feature, &wanted).await.map_err(|error| match error {
            UseError::NoWorkspace => ApiError::NotFound,
            UseError::Storage(error) => error.into(),
        })
    }
}

/// What requests are told that repeat others, or can't be known to be the first of their kind; `None` for all others.
async fn before(tx: &mut dyn ApiTx, jobs: &[Job], now: Timestamp) -> Result<Vec<Option<Outcome>>, ApiError> {
    let mut seen = HashSet::new();
    let claims: Vec<Claim> = jobs
        .iter()
        .filter_map(|job| Some(job.recorder.as_ref()?.retry.claim))
        .filter(|claim| seen.insert(claim.record))
        .collect();
    if claims.is_empty() {
        return Ok(jobs.iter().map(|_| None).collect());
    }
    let claimed = tx.claim_records(&claims, now).await?;
    let mut claimed: HashMap<RecordId, Claimed> = claims.iter().map(|claim| claim.record).zip(claimed).collect();
    jobs.iter()
        .map(|job| {
            let Some(recorder) = &job.recorder else { return Ok(None) };
            // A transaction does not keep itself from what it has claimed: its second claimant has to be told here.
            let claimed = match claimed.get_mut(&recorder.retry.claim.record) {
                Some(first @ Claimed::First) => std::mem::replace(first, Claimed::InProgress),
                Some(other) => other.clone(),
                None => Claimed::InProgress,
            };
            match recorder.earlier(claimed) {
                Ok(None) => Ok(None),
                Ok(Some(earlier)) => Ok(Some(Ok(Told::Before(earlier)))),
                Err(error @ ApiError::Internal(_)) => Err(error),
                Err(error) => Ok(Some(Err(error))),
            }
        })
        .collect()
}
