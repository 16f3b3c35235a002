use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use core_domain::{Clock, Monotonic};
use tokens::{Rejection, VerifyTokenError};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::FetchError;
use crate::fetch::JwksSource;
use crate::header::KeyHint;
use crate::key_set::{KeySet, VerificationKey};

/// The issuer's keys as they were fetched last.
pub(crate) struct KeyCache(Arc<Shared>);

struct Shared {
    source: JwksSource,
    clock: Arc<dyn Clock>,
    held: RwLock<Option<Held>>,
    /// When the last fetch began. Whoever holds the lock is fetching; those who wait for it share what comes.
    turn: Arc<Mutex<LastFetch>>,
}

type LastFetch = Option<Monotonic>;

#[derive(Clone)]
struct Held {
    keys: Arc<KeySet>,
    fetched_at: Monotonic,
}

#[derive(Debug, thiserror::Error)]
#[error("no key set could be fetched yet")]
struct NoKeySet;

impl KeyCache {
    /// The age at which keys are fetched anew.
    const REFRESH_AFTER: Duration = Duration::from_mins(10);
    /// Between two fetches: tokens are made up more easily than keys are replaced.
    const PAUSE: Duration = Duration::from_mins(1);
    /// The same as long as there are no keys at all.
    const FIRST_PAUSE: Duration = Duration::from_secs(5);

    pub(crate) fn new(source: JwksSource, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared { source, clock, held: RwLock::default(), turn: Arc::default() }))
    }

    /// Fetches the keys now.
    pub(crate) async fn load(&self) -> Result<(), FetchError> {
        let mut turn = Arc::clone(&self.0.turn).lock_owned().await;
        self.0.fetch(&mut turn).await
    }

    /// The key that a token means.
    pub(crate) async fn find(&self, hint: &KeyHint) -> Result<VerificationKey, VerifyTokenError> {
        if let Some(held) = self.0.held() {
            self.refresh_aside(&held);
            match held.keys.find(hint) {
                // Only a name can become known.
                Err(Rejection::UnknownKey) if hint.id.is_some() => {}
                outcome => return outcome.cloned().map_err(VerifyTokenError::Rejected),
            }
        }
        self.refresh().await;
        let held = self.0.held().ok_or_else(|| VerifyTokenError::KeysUnavailable(NoKeySet.into()))?;
        held.keys.find(hint).cloned().map_err(VerifyTokenError::Rejected)
    }

    /// Fetches the keys unless that was done a moment ago, or waits for whoever is at it.
    async fn refresh(&self) {
        let shared = Arc::clone(&self.0);
        // In a task of its own: a caller that hangs up must not take the fetch along, and its turn with it.
        let task = tokio::spawn(async move {
            let turn = Arc::clone(&shared.turn).lock_owned().await;
            shared.fetch_if_due(turn).await;
        });
        if let Err(error) = task.await {
            tracing::error!(%error, "fetching the key set was cut short");
        }
    }

    /// Has old keys fetched anew, without waiting for them.
    fn refresh_aside(&self, held: &Held) {
        if self.0.clock.monotonic() < held.fetched_at + Self::REFRESH_AFTER {
            return;
        }
        if let Ok(turn) = Arc::clone(&self.0.turn).try_lock_owned()
            && self.0.is_due(*turn)
        {
            let shared = Arc::clone(&self.0);
            tokio::spawn(async move { shared.fetch_if_due(turn).await });
        }
    }
}

impl Shared {
    fn held(&self) -> Option<Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_due(&self, last_fetch: LastFetch) -> bool {
        let pause = if self.held().is_some() { KeyCache::PAUSE } else { KeyCache::FIRST_PAUSE };
        last_fetch.is_none_or(|began| self.clock.monotonic() >= began + pause)
    }

    async fn fetch_if_due(&self, mut turn: OwnedMutexGuard<LastFetch>) {
        if self.is_due(*turn)
            && let Err(error) = self.fetch(&mut turn).await
        {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the key set could not be fetched; tokens are verified with the keys at hand");
        }
    }

    async fn fetch(&self, turn: &mut LastFetch) -> Result<(), FetchError> {
        let began = self.clock.monotonic();
        *turn = Some(began);
        let keys = self.source.fetch().await?;
        tracing::debug!(keys = keys.len(), "the key set was fetched");
        let held = Held { keys: Arc::new(keys), fetched_at: began };
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Ok(())
    }
}
