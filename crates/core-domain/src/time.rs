use std::fmt;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

/// A moment in UTC, to the microsecond, from year 1 to year 9999.
///
/// Both stores round-trip it exactly. It is shown in whole seconds (contract: Times).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text or number that is no moment within the bounds of [`Timestamp`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 date and time between the years 1 and 9999")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// `0001-01-01T00:00:00Z`.
    pub const MIN: Self = Self(-62_135_596_800_000_000);
    /// `9999-12-31T23:59:59.999999Z`.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// A moment by its distance from the Unix epoch, in microseconds.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] outside [`Timestamp::MIN`]`..=`[`Timestamp::MAX`].
    pub fn from_unix_micros(micros: i64) -> Result<Self, InvalidTimestamp> {
        let moment = Self(micros);
        if (Self::MIN..=Self::MAX).contains(&moment) { Ok(moment) } else { Err(InvalidTimestamp) }
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_unix_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn as_unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Reads RFC 3339 with any offset, or a bare `YYYY-MM-DD`, which is midnight UTC.
    ///
    /// Digits beyond the microsecond are dropped.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        let moment = match text.parse::<NaiveDate>() {
            Ok(date) if text.len() == 10 => date.and_time(chrono::NaiveTime::MIN).and_utc(),
            _ => DateTime::parse_from_rfc3339(text).map_err(|_| InvalidTimestamp)?.to_utc(),
        };
        Self::from_unix_micros(moment.timestamp_micros())
    }

    /// The last moment that is shown like this one: the end of its second.
    ///
    /// Answers show whole seconds, so an inclusive upper bound copied from an answer means its whole second.
    #[must_use]
    pub const fn end_of_second(self) -> Self {
        Self(self.0.div_euclid(1_000_000) * 1_000_000 + 999_999)
    }

    /// The first whole second that is not before this moment.
    #[must_use]
    pub const fn next_second(self) -> Self {
        Self((self.0 + 999_999).div_euclid(1_000_000) * 1_000_000)
    }

    /// This moment and `span` later, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn saturating_add(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros).min(Self::MAX.0))
    }

    /// This moment and `span` earlier, at least [`Timestamp::MIN`].
    #[must_use]
    pub fn saturating_sub(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros).max(Self::MIN.0))
    }

    /// How long after `earlier` this is; zero when it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    fn to_chrono(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

/// Prints RFC 3339 in UTC with `Z` and whole seconds: `2026-01-15T10:30:00Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_chrono().to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_chrono().to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A reading of a clock that never steps: time since an origin that has no meaning of its own.
pub type Monotonic = Duration;

/// The time, as a value handed in: decisions never ask the machine for it.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Clock: Send + Sync {
    /// The wall clock. It may step when the machine's clock is set.
    fn now(&self) -> Timestamp;

    /// A reading that only grows, for ages and deadlines within the process.
    fn monotonic(&self) -> Monotonic;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn any_offset_is_read_and_utc_is_shown() {
        let shown = |text: &str| Timestamp::parse(text).map(|moment| moment.to_string());
        assert_eq!(shown("2026-01-15T12:30:00+02:00").as_deref(), Ok("2026-01-15T10:30:00Z"));
        assert_eq!(shown("2026-01-15").as_deref(), Ok("2026-01-15T00:00:00Z"));
        assert_eq!(shown("2026-01-15T10:30:00.999999Z").as_deref(), Ok("2026-01-15T10:30:00Z"));
        assert_eq!(shown("0001-01-01T00:00:00Z").as_deref(), Ok("0001-01-01T00:00:00Z"));
        assert_eq!(shown("9999-12-31T23:59:59Z").as_deref(), Ok("9999-12-31T23:59:59Z"));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "now", "2026-13-01", "2026-01-15 10:30", "1768473000", "+12026-01-01", "0000-01-01T00:00:00Z"]
        {
            assert_eq!(Timestamp::parse(text), Err(InvalidTimestamp), "{text}");
        }
    }

    proptest! {
        #[test]
        fn shown_times_are_read_back_to_their_second(micros in Timestamp::MIN.0..=Timestamp::MAX.0) {
            let moment = Timestamp::from_unix_micros(micros)?;
            let read = Timestamp::parse(&moment.to_string())?;
            prop_assert_eq!(read.as_unix_seconds(), moment.as_unix_seconds());
            prop_assert!(read <= moment && moment <= read.end_of_second());
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}") {
            let _ = Timestamp::parse(&text);
        }
    }
}
