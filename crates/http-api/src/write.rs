use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use async_trait::async_trait;
use core_domain::{StorageError, Transaction};
use entitlements::EntitlementTx;
use idempotency::IdempotencyTx;
use keys::KeyTx;
use mcp::CallTx;
use seo::SeoTx;
use webhooks::WebhookTx;
use workspaces::WorkspaceTx;

use crate::retry::{InvalidKey, Recorder};
use crate::{Answer, ApiError};

/// A transaction with everything that requests write.
pub trait ApiTx: WorkspaceTx + KeyTx + EntitlementTx + WebhookTx + SeoTx + CallTx + IdempotencyTx {}

impl<T: WorkspaceTx + KeyTx + EntitlementTx + WebhookTx + SeoTx + CallTx + IdempotencyTx> ApiTx for T {}

/// Where transactions come from.
#[async_trait]
pub trait UnitOfWork: Send + Sync {
    /// Opens a transaction.
    ///
    /// # Errors
    /// [`StorageError::Contended`] when none can be had in time, [`StorageError::Unavailable`] when the store fails.
    async fn begin(&self) -> Result<Box<dyn ApiTx>, StorageError>;
}

/// Runs a request that changes something, as one transaction.
pub(crate) struct Write {
    store: Arc<dyn UnitOfWork>,
    recorder: Option<Recorder>,
}

impl Write {
    /// How often work is begun again that lost a race.
    pub(crate) const ATTEMPTS: u32 = 4;

    /// Runs `effect` on a transaction and commits it with its answer; on an error, nothing of it stays.
    ///
    /// It runs to its end even when the client hangs up, so that a retry finds all of it or none of it.
    pub(crate) async fn run<F>(self, effect: F) -> Result<Answer, ApiError>
    where
        F: AsyncFn(&mut dyn ApiTx) -> Result<Answer, ApiError> + 'static,
    {
        let work = actix_web::rt::spawn(async move {
            match self.until_committed(&effect, Ending::Answered).await? {
                Done::Anew(answer) | Done::Before(answer) => Ok(answer),
                Done::Refused(error) => Err(error),
            }
        });
        work.await.unwrap_or_else(|fault| Err(ApiError::Internal(fault.into())))
    }

    /// Whether the client may repeat the request: its answer is to be kept.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.recorder.is_some()
    }

    /// What keeps the answer, for work that shares its transaction with others.
    pub(crate) fn into_recorder(self) -> Option<Recorder> {
        self.recorder
    }

    /// What the first of several like requests got, for a request that asks the outside before it begins: a repeated one
    /// is answered without. `None` for the first.
    ///
    /// # Errors
    /// As those of a repeated request that [`run_outside`](Self::run_outside) would answer.
    pub(crate) async fn earlier(&self) -> Result<Option<Answer>, ApiError> {
        let Some(recorder) = &self.recorder else { return Ok(None) };
        let _running = recorder.running().ok_or(ApiError::IdempotencyInProgress)?;
        let mut tx = self.store.begin().await?;
        let earlier = recorder.peek(&mut *tx).await;
        undo(tx).await;
        Ok(earlier?.map(|earlier| Answer::replayed(&earlier)))
    }

    /// Runs a request whose effect lies outside the store: `begin` is committed first, with the note that the request
    /// was begun; then `act` goes out, once, and its answer is kept. Killed in between, nobody knows the outcome, and a
    /// repeated request is told so (contract: Idempotency).
    pub(crate) async fn run_outside<B, A>(self, begin: B, act: A) -> Result<Answer, ApiError>
    where
        B: AsyncFn(&mut dyn ApiTx) -> Result<(), ApiError> + 'static,
        A: AsyncFnOnce() -> Result<Answer, ApiError> + 'static,
    {
        let work = actix_web::rt::spawn(async move {
            let first = async |tx: &mut dyn ApiTx| {
                begin(tx).await?;
                Ok(Answer::no_content())
            };
            // Entered before the record can be found, and left after its answer is stored.
            let _running = match &self.recorder {
                Some(recorder) => Some(recorder.running().ok_or(ApiError::IdempotencyInProgress)?),
                None => None,
            };
            match self.until_committed(&first, Ending::Open).await? {
                Done::Anew(_) => {}
                Done::Before(earlier) => return Ok(earlier),
                Done::Refused(error) => return Err(error),
            }
            let outcome = act().await;
            if let Some(recorder) = &self.recorder {
                self.keep(recorder, &outcome).await?;
            }
            outcome
        });
        work.await.unwrap_or_else(|fault| Err(ApiError::Internal(fault.into())))
    }

    /// Keeps the answer of what was done outside. One that is not to be kept is followed by nothing else either, since
    /// what went out may have arrived; unless it says that nothing went out.
    async fn keep(&self, recorder: &Recorder, outcome: &Result<Answer, ApiError>) -> Result<(), ApiError> {
        let kept = match outcome {
            Ok(answer) => Some(answer.recorded()),
            Err(error) => error.recorded(),
        };
        let nothing_went_out = outcome.as_ref().is_err_and(ApiError::says_that_nothing_was_done);
        if kept.is_none() && !nothing_went_out {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        match kept {
            Some(kept) => recorder.record(&mut *tx, &kept).await?,
            None => recorder.forget(&mut *tx).await?,
        }
        Ok(commit(tx).await?)
    }

    async fn until_committed<F>(&self, effect: &F, ending: Ending) -> Result<Done, ApiError>
    where
        F: AsyncFn(&mut dyn ApiTx) -> Result<Answer, ApiError>,
    {
        let mut attempt = 1;
        loop {
            match self.attempt(effect, ending).await {
                Err(ApiError::Unavailable(cause)) if attempt < Self::ATTEMPTS && is_retryable(&cause) => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    async fn attempt<F>(&self, effect: &F, ending: Ending) -> Result<Done, ApiError>
    where
        F: AsyncFn(&mut dyn ApiTx) -> Result<Answer, ApiError>,
    {
        let mut tx = self.store.begin().await?;
        match self.work(&mut *tx, effect, ending).await {
            Ok(Done::Anew(mut answer)) => {
                commit(tx).await?;
                answer.committed();
                Ok(Done::Anew(answer))
            }
            Ok(Done::Refused(error)) => {
                commit(tx).await?;
                Ok(Done::Refused(error))
            }
            Ok(Done::Before(answer)) => {
                undo(tx).await;
                Ok(Done::Before(answer))
            }
            Err(error) => {
                undo(tx).await;
                Err(error)
            }
        }
    }

    /// The effect, and its answer for whoever repeats the request. Nothing is committed yet.
    async fn work<F>(&self, tx: &mut dyn ApiTx, effect: &F, ending: Ending) -> Result<Done, ApiError>
    where
        F: AsyncFn(&mut dyn ApiTx) -> Result<Answer, ApiError>,
    {
        let Some(recorder) = &self.recorder else { return effect(tx).await.map(Done::Anew) };
        if let Some(earlier) = recorder.claim(tx).await? {
            return Ok(Done::Before(Answer::replayed(&earlier)));
        }
        tx.mark().await?;
        match effect(tx).await {
            Ok(answer) => {
                tx.release_mark().await?;
                match ending {
                    Ending::Answered => recorder.record(tx, &answer.recorded()).await?,
                    Ending::Open => recorder.record_begun(tx).await?,
                }
                Ok(Done::Anew(answer))
            }
            Err(error) => {
                let Some(refusal) = error.recorded() else { return Err(error) };
                tx.undo_to_mark().await?;
                recorder.record(tx, &refusal).await?;
                Ok(Done::Refused(error))
            }
        }
    }
}

/// Whether a request is over when its transaction commits.
#[derive(Clone, Copy)]
enum Ending {
    /// It is, and its answer is stored with its effect.
    Answered,
    /// Something is still to be done outside.
    Open,
}

/// What became of a request.
enum Done {
    /// It was done.
    Anew(Answer),
    /// It was refused, for good: repeating it gets the same refusal.
    Refused(ApiError),
    /// It was done before.
    Before(Answer),
}

pub(crate) async fn undo(tx: Box<dyn Transaction>) {
    if let Err(fault) = tx.rollback().await {
        tracing::warn!(error = %fault, "a transaction could not be rolled back; the store will undo it");
    }
}

pub(crate) async fn commit(tx: Box<dyn Transaction>) -> Result<(), StorageError> {
    tx.commit().await
}

pub(crate) fn is_retryable(cause: &core_domain::BoxError) -> bool {
    cause.downcast_ref::<StorageError>().is_some_and(StorageError::is_retryable)
}

impl FromRequest for Write {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        if let Some(InvalidKey(reason)) = request.extensions().get() {
            return ready(Err(ApiError::BadRequest((*reason).to_owned())));
        }
        let store = request.app_data::<web::Data<dyn UnitOfWork>>().map(|store| Arc::clone(store));
        ready(
            store
                .map(|store| Self { store, recorder: Recorder::of(request) })
                .ok_or_else(|| ApiError::Internal("no store is configured".into())),
        )
    }
}
