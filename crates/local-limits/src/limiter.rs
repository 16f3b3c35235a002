use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use core_domain::{Clock, RateLimit};
use limits::{Decision, RateLimiter, Refusal, Subject};

use crate::shard::Shard;

/// Counts in this process alone, by [`Clock::monotonic`].
pub struct LocalRateLimiter {
    clock: Arc<dyn Clock>,
    /// Secret, so that nobody can choose addresses that all meet in one shard.
    hasher: RandomState,
    kinds: [Vec<Mutex<Shard>>; KINDS],
}

const KINDS: usize = 5;
/// Of each kind of subject; a power of two.
const SHARDS: usize = 64;

impl fmt::Debug for LocalRateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalRateLimiter").finish_non_exhaustive()
    }
}

impl LocalRateLimiter {
    /// How many subjects of one kind have a window of their own, at most.
    pub const CAPACITY: usize = SHARDS * Shard::CAPACITY;

    /// A limiter that has counted nothing.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let shards = || (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { clock, hasher: RandomState::new(), kinds: std::array::from_fn(|_| shards()) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lowest bits are all that is used")]
    fn shard(&self, subject: &Subject) -> MutexGuard<'_, Shard> {
        let number = self.hasher.hash_one(subject) as usize % SHARDS;
        self.kinds[kind(subject)][number].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kind(subject: &Subject) -> usize {
    match subject {
        Subject::Lineage(_) => 0,
        Subject::Account(_) => 1,
        Subject::Address(_) => 2,
        Subject::PixelConfig(_) | Subject::PixelTrack(..) => 3,
        Subject::FailedCredentials(_) => 4,
    }
}

#[async_trait]
impl RateLimiter for LocalRateLimiter {
    async fn try_consume(&self, subject: Subject, limit: RateLimit) -> Decision {
        let now = self.clock.monotonic();
        self.shard(&subject).try_consume(subject, limit, now)
    }

    fn known_refusal(&self, subject: Subject, limit: RateLimit) -> Option<Refusal> {
        let now = self.clock.monotonic();
        self.shard(&subject).peek(&subject, limit, now).refusal()
    }
}
