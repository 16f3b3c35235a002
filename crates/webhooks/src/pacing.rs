use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use core_domain::Timestamp;

/// What an endpoint's own rate limit has granted in the last second: every grant is remembered, so that no second,
/// wherever it begins, sees more than the limit.
///
/// As text it is `moment:number` for each grant, in microseconds of the Unix epoch, parted by blanks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pacing(Vec<(i64, u32)>);

/// A text that is no [`Pacing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a list of moment:number")]
pub struct InvalidPacing;

impl Pacing {
    const WINDOW: Duration = Duration::from_secs(1);

    /// How many sends may begin at `now`.
    pub fn allowed(&self, limit: NonZeroU32, now: Timestamp) -> u32 {
        let spent = self.recent(now).map(|(_, number)| u64::from(number)).sum::<u64>();
        u32::try_from(u64::from(limit.get()).saturating_sub(spent)).unwrap_or(0)
    }

    /// Remembers that so many sends begin at `now`, and forgets what no longer counts.
    pub fn grant(&mut self, number: u32, now: Timestamp) {
        self.0 = self.recent(now).collect();
        if number > 0 {
            self.0.push((now.as_unix_micros(), number));
        }
    }

    /// A grant of a clock that is ahead counts, too.
    fn recent(&self, now: Timestamp) -> impl Iterator<Item = (i64, u32)> + '_ {
        let begin = now.saturating_sub(Self::WINDOW).as_unix_micros();
        self.0.iter().copied().filter(move |(moment, _)| *moment > begin)
    }
}

impl fmt::Display for Pacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (moment, number)) in self.0.iter().enumerate() {
            let gap = if position == 0 { "" } else { " " };
            write!(f, "{gap}{moment}:{number}")?;
        }
        Ok(())
    }
}

impl FromStr for Pacing {
    type Err = InvalidPacing;

    fn from_str(text: &str) -> Result<Self, InvalidPacing> {
        let grant = |part: &str| {
            let (moment, number) = part.split_once(':')?;
            Some((moment.parse().ok()?, number.parse().ok()?))
        };
        text.split_whitespace().map(grant).collect::<Option<_>>().map(Self).ok_or(InvalidPacing)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start() -> Timestamp {
        Timestamp::parse("2026-01-15").unwrap()
    }

    proptest! {
        #[test]
        fn no_second_sees_more_than_the_limit(
            limit in 1_u32..20,
            asks in proptest::collection::vec((0_u64..700_000, 0_u32..30), 1..60),
        ) {
            let limit = NonZeroU32::new(limit).unwrap();
            let (mut pacing, mut now, mut granted) = (Pacing::default(), start(), Vec::new());
            for (later, wanted) in asks {
                now = now.saturating_add(Duration::from_micros(later));
                let number = wanted.min(pacing.allowed(limit, now));
                pacing.grant(number, now);
                prop_assert_eq!(pacing.to_string().parse::<Pacing>(), Ok(pacing.clone()));
                granted.push((now, number));
                let second = granted.iter().filter(|(at, _)| now.since(*at) < Duration::from_secs(1));
                prop_assert!(second.map(|(_, number)| number).sum::<u32>() <= limit.get());
            }
        }

        #[test]
        fn after_a_second_the_whole_limit_is_free_again(limit in 1_u32..1_000) {
            let limit = NonZeroU32::new(limit).unwrap();
            let mut pacing = Pacing::default();
            pacing.grant(limit.get(), start());
            prop_assert_eq!(pacing.allowed(limit, start()), 0);
            prop_assert_eq!(pacing.allowed(limit, start().saturating_add(Duration::from_secs(1))), limit.get());
        }
    }
}
