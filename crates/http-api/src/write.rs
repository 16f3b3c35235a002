use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use async_trait::async_trait;
use core_domain::{StorageError, Transaction};
use keys::KeyTx;
use workspaces::WorkspaceTx;

use crate::{Answer, ApiError};

/// A transaction with everything that requests write.
pub trait ApiTx: WorkspaceTx + KeyTx {}

impl<T: WorkspaceTx + KeyTx> ApiTx for T {}

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
}

impl Write {
    /// How often work is begun again that lost a race.
    const ATTEMPTS: u32 = 4;

    /// Runs `effect` on a transaction and commits it with its answer; on an error, nothing of it stays.
    ///
    /// It runs to its end even when the client hangs up, so that a retry finds all of it or none of it.
    pub(crate) async fn run<F>(self, effect: F) -> Result<Answer, ApiError>
    where
        F: AsyncFn(&mut dyn ApiTx) -> Result<Answer, ApiError> + 'static,
    {
        let work = actix_web::rt::spawn(async move {
            let mut attempt = 1;
            loop {
                match Self::attempt(&*self.store, &effect).await {
                    Err(ApiError::Unavailable(cause)) if attempt < Self::ATTEMPTS && is_retryable(&cause) => {
                        attempt += 1;
                    }
                    outcome => break outcome,
                }
            }
        });
        work.await.unwrap_or_else(|fault| Err(ApiError::Internal(fault.into())))
    }

    async fn attempt<F>(store: &dyn UnitOfWork, effect: &F) -> Result<Answer, ApiError>
    where
        F: AsyncFn(&mut dyn ApiTx) -> Result<Answer, ApiError>,
    {
        let mut tx = store.begin().await?;
        match effect(&mut *tx).await {
            Ok(mut answer) => {
                commit(tx).await?;
                answer.committed();
                Ok(answer)
            }
            Err(error) => {
                if let Err(fault) = rollback(tx).await {
                    tracing::warn!(error = %fault, "a transaction could not be rolled back; the store will undo it");
                }
                Err(error)
            }
        }
    }
}

async fn commit(tx: Box<dyn Transaction>) -> Result<(), StorageError> {
    tx.commit().await
}

async fn rollback(tx: Box<dyn Transaction>) -> Result<(), StorageError> {
    tx.rollback().await
}

fn is_retryable(cause: &core_domain::BoxError) -> bool {
    cause.downcast_ref::<StorageError>().is_some_and(StorageError::is_retryable)
}

impl FromRequest for Write {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let store = request.app_data::<web::Data<dyn UnitOfWork>>().map(|store| Arc::clone(store));
        ready(store.map(|store| Self { store }).ok_or_else(|| ApiError::Internal("no store is configured".into())))
    }
}
