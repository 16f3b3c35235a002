#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use core_domain::{Clock, Entropy, Monotonic, Timestamp};

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose monotonic readings count from now.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    /// A machine whose clock is set before 1970 reads 1970.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_unix_micros(micros).unwrap_or(Timestamp::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    fn monotonic(&self) -> Monotonic {
        self.origin.elapsed()
    }
}

/// The operating system's generator, read in blocks: a request asks for few bytes, and a system call for each
/// would cost more than the rest of it.
pub struct OsEntropy(Mutex<Block>);

struct Block {
    bytes: [u8; 4096],
    used: usize,
}

impl std::fmt::Debug for OsEntropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OsEntropy").finish_non_exhaustive()
    }
}

impl Default for OsEntropy {
    fn default() -> Self {
        Self(Mutex::new(Block { bytes: [0; 4096], used: 4096 }))
    }
}

impl Entropy for OsEntropy {
    /// # Panics
    /// When the operating system gives no randomness: nothing that needs a secret may go on without.
    fn fill(&self, buffer: &mut [u8]) {
        let mut block = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in buffer.chunks_mut(4096) {
            if block.used + chunk.len() > block.bytes.len() {
                read_os(&mut block.bytes);
                block.used = 0;
            }
            let from = block.used;
            block.used += chunk.len();
            chunk.copy_from_slice(&block.bytes[from..from + chunk.len()]);
            // What was handed out may be a secret: keep no copy of it.
            block.bytes[from..from + chunk.len()].fill(0);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "the one place that asks for randomness, and there is no going on without"
)]
fn read_os(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system gives randomness");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ_whatever_their_size() {
        let entropy = OsEntropy::default();
        for size in [16, 4_095, 4_096, 10_000] {
            let (mut first, mut second) = (vec![0; size], vec![0; size]);
            entropy.fill(&mut first);
            entropy.fill(&mut second);
            assert_ne!(first, second, "{size}");
        }
    }

    #[test]
    fn monotonic_readings_never_fall() {
        let clock = SystemClock::new();
        let readings: Vec<Monotonic> = (0..100).map(|_| clock.monotonic()).collect();
        assert!(readings.is_sorted());
    }
}
