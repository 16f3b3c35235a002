use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use core_domain::{ApiKeyId, Clock, Credential, Monotonic, Principal, StorageError, Timestamp, WorkspaceId};
use moka::future::Cache;

use crate::{ApiKey, AuthenticateError, CredentialStore, KeyHasher, KeyStatus, Rejection, StoredCredential, Token};

/// Tells who is calling by the key they show.
///
/// It costs no write, and at most one look-up for each key and second: what was looked up is believed for
/// [`STALENESS`](Self::STALENESS), and callers of one key at the same time share one look-up. Expiry and grace period
/// are compared with the clock every time, so they end to the moment; a revocation is felt at once where it was made
/// known by [`forget_key`](Self::forget_key), and within `STALENESS` everywhere else.
pub struct Authenticator {
    store: Arc<dyn CredentialStore>,
    hasher: Arc<KeyHasher>,
    clock: Arc<dyn Clock>,
    known: Cache<[u8; 32], Arc<Known>>,
    forgotten: Forgotten,
    last_used: LastUsed,
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("hasher", &self.hasher).finish_non_exhaustive()
    }
}

/// What one look-up brought.
struct Known {
    asked_at: Monotonic,
    answer: Answer,
}

enum Answer {
    Found(Box<Entry>),
    NotFound,
    Failed(Arc<StorageError>),
}

struct Entry {
    key: ApiKey,
    principal: Arc<Principal>,
    noted_at: AtomicI64,
}

impl Entry {
    fn new(found: StoredCredential) -> Self {
        let StoredCredential { key, ceiling } = found;
        let principal = Principal {
            credential: Credential::ApiKey {
                id: key.id,
                lineage_id: key.lineage_id,
                name: key.name.as_str().to_owned(),
                prefix: key.prefix.clone(),
            },
            account_id: key.account_id,
            bound_to: key.workspace_id,
            environment: key.environment,
            scopes: key.scopes.clone(),
            tier: key.effective_tier(ceiling),
            ceiling,
            allowed_ips: key.allowed_ips.clone(),
            mcp_servers: key.mcp_servers.clone(),
            expires_at: key.expires_at,
        };
        let noted_at = key.last_used_at.map_or(i64::MIN, Timestamp::as_unix_micros);
        Self { key, principal: Arc::new(principal), noted_at: AtomicI64::new(noted_at) }
    }
}

impl Authenticator {
    /// How long a look-up is believed.
    pub const STALENESS: Duration = Duration::from_secs(1);
    /// How many keys are remembered at most, unknown ones included.
    const CAPACITY: u64 = 100_000;

    /// An authenticator with nothing remembered.
    pub fn new(store: Arc<dyn CredentialStore>, hasher: Arc<KeyHasher>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            hasher,
            clock,
            known: Cache::new(Self::CAPACITY),
            forgotten: Forgotten::default(),
            last_used: LastUsed::default(),
        }
    }

    /// Tells whose key `secret` is, shown from address `from`.
    ///
    /// # Errors
    /// [`AuthenticateError::Rejected`] for a key that opens nothing, whatever the reason; a store that fails is
    /// [`AuthenticateError::Storage`], never a rejection.
    pub async fn authenticate(&self, secret: &str, from: IpAddr) -> Result<Arc<Principal>, AuthenticateError> {
        let token = Token::parse(secret).map_err(|_| AuthenticateError::Rejected(Rejection::Malformed))?;
        let known = self.look_up(&token).await;
        let entry = match &known.answer {
            Answer::Found(entry) => entry,
            Answer::NotFound => return Err(AuthenticateError::Rejected(Rejection::Unknown)),
            Answer::Failed(error) => return Err(AuthenticateError::Storage(Arc::clone(error))),
        };
        let now = self.clock.now();
        match entry.key.status(now) {
            KeyStatus::Active | KeyStatus::Rotating => {}
            KeyStatus::Expired => return Err(AuthenticateError::Rejected(Rejection::Expired)),
            KeyStatus::Revoked => return Err(AuthenticateError::Rejected(Rejection::Revoked)),
        }
        if entry.key.allowed_ips.as_ref().is_some_and(|allowed| !allowed.contains(from)) {
            return Err(AuthenticateError::AddressNotAllowed);
        }
        self.last_used.note(entry, now);
        Ok(Arc::clone(&entry.principal))
    }

    /// Whether `secret` is a key that opened something when it was last looked up here, and has not ended since.
    ///
    /// Looks nothing up, so a good key that was not shown here yet is none. It is no authentication: what was looked
    /// up may be stale.
    pub async fn has_opened(&self, secret: &str) -> bool {
        let Ok(token) = Token::parse(secret) else { return false };
        let Some(current) = self.hasher.candidates(&token).into_iter().next() else { return false };
        let Some(known) = self.known.get(current.as_bytes()).await else { return false };
        let Answer::Found(entry) = &known.answer else { return false };
        matches!(entry.key.status(self.clock.now()), KeyStatus::Active | KeyStatus::Rotating)
    }

    /// Looks the key up anew at its next use: it was revoked or rotated here.
    pub fn forget_key(&self, id: ApiKeyId) {
        self.forgotten.add(Subject::Key(id), self.clock.monotonic());
    }

    /// Looks all keys bound to the workspace up anew at their next use: it was changed or deleted here.
    pub fn forget_workspace(&self, id: WorkspaceId) {
        self.forgotten.add(Subject::Workspace(id), self.clock.monotonic());
    }

    /// Writes down when keys were used since the last call. To be called every [`LastUsed::INTERVAL`], and at the end.
    pub async fn flush_last_used(&self) -> Result<(), StorageError> {
        let uses = self.last_used.take();
        if uses.is_empty() {
            return Ok(());
        }
        let written = self.store.record_last_used(&uses).await;
        if written.is_err() {
            self.last_used.put_back(uses);
        }
        written
    }

    async fn look_up(&self, token: &Token) -> Arc<Known> {
        let digests = self.hasher.candidates(token);
        let Some(current) = digests.first() else {
            return Arc::new(Known { asked_at: Monotonic::ZERO, answer: Answer::NotFound });
        };
        let cache_key = *current.as_bytes();
        if let Some(known) = self.known.get(&cache_key).await
            && self.is_fresh(&known)
        {
            return known;
        }
        let ask = async {
            let asked_at = self.clock.monotonic();
            let answer = match self.store.find_credential(&digests).await {
                Ok(Some(found)) if digests.contains(&found.key.digest) => Answer::Found(Box::new(Entry::new(found))),
                Ok(_) => Answer::NotFound,
                Err(error) => Answer::Failed(Arc::new(error)),
            };
            Arc::new(Known { asked_at, answer })
        };
        self.known.entry_by_ref(&cache_key).or_insert_with_if(ask, |known| !self.is_fresh(known)).await.into_value()
    }

    fn is_fresh(&self, known: &Known) -> bool {
        let subject_is_kept = match &known.answer {
            Answer::Found(entry) => !self.forgotten.since(known.asked_at, &entry.key),
            Answer::NotFound => true,
            Answer::Failed(_) => false,
        };
        subject_is_kept && self.clock.monotonic() < known.asked_at + Self::STALENESS
    }
}

/// What was told to be forgotten within the last [`Authenticator::STALENESS`].
///
/// A look-up that was under way when its subject was forgotten may bring the old state; it began before, so it does
/// not count.
#[derive(Default)]
struct Forgotten {
    subjects: Mutex<HashMap<Subject, Monotonic>>,
    /// The latest moment in `subjects`, in nanoseconds: most look-ups are younger and need not take the lock.
    latest: AtomicU64,
}

#[derive(PartialEq, Eq, Hash)]
enum Subject {
    Key(ApiKeyId),
    Workspace(WorkspaceId),
}

impl Forgotten {
    fn add(&self, subject: Subject, now: Monotonic) {
        let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        subjects.retain(|_, at| now < *at + Authenticator::STALENESS);
        subjects.insert(subject, now);
        let nanos = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.latest.fetch_max(nanos, Ordering::Release);
    }

    fn since(&self, asked_at: Monotonic, key: &ApiKey) -> bool {
        if asked_at.as_nanos() > u128::from(self.latest.load(Ordering::Acquire)) {
            return false;
        }
        let subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        let forgotten = |subject: &Subject| subjects.get(subject).is_some_and(|at| asked_at <= *at);
        forgotten(&Subject::Key(key.id)) || key.workspace_id.is_some_and(|id| forgotten(&Subject::Workspace(id)))
    }
}

/// When keys were last used, waiting to be written down together.
///
/// What a key shows is right to the minute: a use is noted unless one within the last 20 seconds is, and notes wait
/// at most [`INTERVAL`](Self::INTERVAL).
#[derive(Default)]
pub struct LastUsed {
    waiting: Mutex<HashMap<ApiKeyId, Timestamp>>,
}

impl fmt::Debug for LastUsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastUsed").finish_non_exhaustive()
    }
}

impl LastUsed {
    /// How often notes are to be written down.
    pub const INTERVAL: Duration = Duration::from_secs(20);
    const RESOLUTION: Duration = Duration::from_secs(20);

    fn note(&self, entry: &Entry, now: Timestamp) {
        let noted = entry.noted_at.load(Ordering::Relaxed);
        let micros = now.as_unix_micros();
        if Duration::from_micros(micros.saturating_sub(noted).unsigned_abs()) < Self::RESOLUTION {
            return;
        }
        entry.noted_at.store(micros, Ordering::Relaxed);
        self.waiting().insert(entry.key.id, now);
    }

    fn take(&self) -> Vec<(ApiKeyId, Timestamp)> {
        let mut uses: Vec<_> = std::mem::take(&mut *self.waiting()).into_iter().collect();
        // One order everywhere, so that two replicas writing at once can't deadlock.
        uses.sort_unstable();
        uses
    }

    fn put_back(&self, uses: Vec<(ApiKeyId, Timestamp)>) {
        let mut waiting = self.waiting();
        for (id, at) in uses {
            let latest = waiting.entry(id).or_insert(at);
            *latest = at.max(*latest);
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<ApiKeyId, Timestamp>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
