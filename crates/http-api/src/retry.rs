use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::{HttpMessage, HttpRequest, web};
use core_domain::Clock;
use idempotency::{Claim, Claimed, IdempotencyKey, RETENTION, RecordId, RecordedAnswer, Sealer};

use crate::ApiError;
use crate::write::ApiTx;

/// A request that its client may repeat (contract: Idempotency).
pub(crate) struct Retry {
    pub(crate) claim: Claim,
    pub(crate) key: IdempotencyKey,
    /// Whether its record has been seen to.
    is_settled: AtomicBool,
}

impl Retry {
    pub(crate) fn new(claim: Claim, key: IdempotencyKey) -> Self {
        Self { claim, key, is_settled: AtomicBool::new(false) }
    }

    pub(crate) fn settle(&self) {
        self.is_settled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.is_settled.load(Ordering::Relaxed)
    }
}

/// An `Idempotency-Key` that is none, and why. It is told once the request is known to be one that changes something.
pub(crate) struct InvalidKey(pub(crate) &'static str);

/// Keeps the answers of repeatable requests within transactions.
#[derive(Clone)]
pub(crate) struct Recorder {
    pub(crate) retry: Arc<Retry>,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    running: Running,
}

impl Recorder {
    /// The recorder of a request that carries an idempotency key.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        let retry = Arc::clone(request.extensions().get::<Arc<Retry>>()?);
        let sealer = Arc::clone(request.app_data::<web::Data<Sealer>>()?);
        let clock = Arc::clone(request.app_data::<web::Data<dyn Clock>>()?);
        let running = request.app_data::<web::Data<Running>>()?.as_ref().clone();
        Some(Self { retry, sealer, clock, running })
    }

    /// Claims the record: `None` for the first request of its kind, or the answer that the first one got.
    ///
    /// # Errors
    /// Says why the request is neither: its key was used for another request, or the first one's end is not known yet.
    pub(crate) async fn claim(&self, tx: &mut dyn ApiTx) -> Result<Option<RecordedAnswer>, ApiError> {
        self.retry.settle();
        let claimed = tx.claim_record(&self.retry.claim, self.clock.now()).await?;
        self.earlier(claimed)
    }

    /// As [`claim`](Self::claim), for a look ahead: the first request of its kind still has to claim.
    pub(crate) async fn peek(&self, tx: &mut dyn ApiTx) -> Result<Option<RecordedAnswer>, ApiError> {
        match tx.claim_record(&self.retry.claim, self.clock.now()).await? {
            Claimed::First => Ok(None),
            claimed => self.earlier(claimed),
        }
    }

    /// Has the request count as never made.
    pub(crate) async fn forget(&self, tx: &mut dyn ApiTx) -> Result<(), ApiError> {
        Ok(tx.delete_record(&self.retry.claim.record).await?)
    }

    /// What a claim that was made comes to, as [`claim`](Self::claim) says.
    pub(crate) fn earlier(&self, claimed: Claimed) -> Result<Option<RecordedAnswer>, ApiError> {
        let Retry { claim, key, .. } = &*self.retry;
        self.retry.settle();
        let before = match claimed {
            Claimed::First => return Ok(None),
            Claimed::InProgress => return Err(ApiError::IdempotencyInProgress),
            Claimed::Before(record) => record,
        };
        if before.fingerprint != claim.fingerprint {
            return Err(ApiError::IdempotencyKeyReused);
        }
        let sealed = before.sealed.ok_or(ApiError::IdempotencyOutcomeUnknown)?;
        match self.sealer.open(&claim.record, key, &sealed) {
            Ok(answer) => Ok(Some(answer)),
            // What the first request was told is lost, but not that it was: it must not happen twice.
            Err(_) => Err(ApiError::IdempotencyOutcomeUnknown),
        }
    }

    /// Stores that the request was begun, and that its end is not known.
    pub(crate) async fn record_begun(&self, tx: &mut dyn ApiTx) -> Result<(), ApiError> {
        let now = self.clock.now();
        Ok(tx.store_record(&self.retry.claim, None, now, now.saturating_add(RETENTION)).await?)
    }

    /// Says for as long as the value lives that the request is being worked on here; `None` when a twin of it is.
    pub(crate) fn running(&self) -> Option<impl Drop + use<>> {
        self.running.enter(self.retry.claim.record)
    }

    /// Stores the answer with what else the transaction wrote.
    pub(crate) async fn record(&self, tx: &mut dyn ApiTx, answer: &RecordedAnswer) -> Result<(), ApiError> {
        let (claim, sealed) = self.sealed(answer)?;
        let now = self.clock.now();
        Ok(tx.store_record(&claim, Some(&sealed), now, now.saturating_add(RETENTION)).await?)
    }

    /// The answer as it is stored, and under which claim.
    pub(crate) fn sealed(&self, answer: &RecordedAnswer) -> Result<(Claim, Vec<u8>), ApiError> {
        let Retry { claim, key, .. } = &*self.retry;
        let sealed = self.sealer.seal(&claim.record, key, answer).map_err(|fault| ApiError::Internal(fault.into()))?;
        Ok((*claim, sealed))
    }
}

/// The requests that this process is doing something about outside the store: a twin of one is told to wait. One of a
/// process that is gone, or of another replica, has an outcome that is not known.
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<Mutex<HashSet<RecordId>>>);

impl Running {
    fn enter(&self, record: RecordId) -> Option<Run> {
        self.lock().insert(record).then(|| Run { running: self.clone(), record })
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<RecordId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Run {
    running: Running,
    record: RecordId,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.running.lock().remove(&self.record);
    }
}
