use std::str::FromStr;
use std::time::Duration;

use core_domain::{Entropy, Timestamp};

/// How long to wait after each attempt that failed. After as many attempts as there are delays, and one more, a
/// delivery has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySchedule(Vec<Duration>);

/// A text that is no schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 19 times like 30s, 5m, 2h or 1d, parted by commas, each from 1s to 7d")]
pub struct InvalidSchedule;

impl RetrySchedule {
    /// The most attempts at one delivery, those by hand included (contract: Events and webhooks).
    pub const MAX_ATTEMPTS: u32 = 20;

    /// When the next attempt is due after number `attempt` (from 1) failed at `now`; `None` when it was the last.
    ///
    /// Up to 10 % of the delay is added at random, so that what failed together does not come back together. A receiver
    /// that asks for more patience gets it, up to the delay after this one.
    pub fn next(
        &self,
        attempt: u32,
        retry_after: Option<Duration>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Option<Timestamp> {
        let position = usize::try_from(attempt).ok()?.checked_sub(1)?;
        let delay = *self.0.get(position)?;
        let longest = self.0.get(position + 1).map_or(delay, |next| delay.max(*next));
        let asked = retry_after.unwrap_or_default().min(longest);
        Some(now.saturating_add(asked.max(delay + jitter(delay, entropy))))
    }
}

/// Up to a tenth of the delay.
fn jitter(delay: Duration, entropy: &dyn Entropy) -> Duration {
    let mut bytes = [0; 2];
    entropy.fill(&mut bytes);
    delay / 10 * u32::from(u16::from_be_bytes(bytes)) / u32::from(u16::MAX)
}

impl Default for RetrySchedule {
    fn default() -> Self {
        Self([60, 300, 1_800, 7_200, 86_400].map(Duration::from_secs).to_vec())
    }
}

impl FromStr for RetrySchedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let delays = text.split(',').map(|part| delay(part.trim())).collect::<Option<Vec<_>>>();
        match delays {
            Some(delays) if delays.len() < Self::MAX_ATTEMPTS as usize => Ok(Self(delays)),
            _ => Err(InvalidSchedule),
        }
    }
}

fn delay(text: &str) -> Option<Duration> {
    const WEEK: u64 = 7 * 86_400;
    let unit = text.chars().last()?;
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = number.checked_mul(match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    })?;
    (1..=WEEK).contains(&seconds).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use testkit::SeededEntropy;

    use super::*;

    fn start() -> Timestamp {
        Timestamp::parse("2026-01-15").unwrap()
    }

    #[test]
    fn the_default_is_the_contracts() {
        let read: RetrySchedule = "1m, 5m,30m,2h,24h".parse().unwrap();
        assert_eq!(read, RetrySchedule::default());
        let entropy = SeededEntropy::new(1);
        for (attempt, seconds) in [(1, 60), (2, 300), (3, 1_800), (4, 7_200), (5, 86_400)] {
            let waited = read.next(attempt, None, start(), &entropy).unwrap().since(start());
            let delay = Duration::from_secs(seconds);
            assert!(delay <= waited && waited <= delay * 11 / 10, "{attempt}: {waited:?}");
        }
        assert_eq!(read.next(6, None, start(), &entropy), None);
        assert_eq!(read.next(0, None, start(), &entropy), None);
    }

    #[test]
    fn wrong_schedules_are_refused() {
        let twenty = ["1s"; 20].join(",");
        for text in ["", ",", "1", "s", "0s", "1w", "8d", "-1s", "1s,,2s", "99999999999999999999d", "1\u{e9}", &twenty]
        {
            assert_eq!(text.parse::<RetrySchedule>(), Err(InvalidSchedule), "{text}");
        }
    }

    proptest! {
        #[test]
        fn patience_is_granted_up_to_the_next_delay(attempt in 1_u32..=5, asked in 0_u64..200_000, seed: u64) {
            let schedule = RetrySchedule::default();
            let delays = [60_u64, 300, 1_800, 7_200, 86_400, 86_400];
            let asked = Duration::from_secs(asked);
            let next = schedule.next(attempt, Some(asked), start(), &SeededEntropy::new(seed)).unwrap();
            let (delay, following) = (delays[attempt as usize - 1], delays[attempt as usize]);
            let waited = next.since(start());
            prop_assert!(waited >= Duration::from_secs(delay));
            prop_assert!(waited >= asked.min(Duration::from_secs(following)));
            prop_assert!(waited <= Duration::from_secs(following).max(Duration::from_secs(delay) * 11 / 10));
        }
    }
}
