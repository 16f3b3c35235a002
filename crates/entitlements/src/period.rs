use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, Utc};
use core_domain::Timestamp;

use crate::Reset;

const DAY_MICROS: i64 = 86_400_000_000;

/// A span that a counter counts: from its start to just before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment after it; `None` when it never ends.
    pub end: Option<Timestamp>,
}

impl Period {
    /// The one period of what never begins anew.
    pub const ALWAYS: Self = Self { start: Timestamp::MIN, end: None };

    /// The period that `now` is in.
    pub fn of(reset: Reset, now: Timestamp) -> Self {
        match reset {
            Reset::Never => Self::ALWAYS,
            Reset::Daily => {
                let start = day_of(now);
                let end = Timestamp::from_unix_micros(start.as_unix_micros() + DAY_MICROS);
                Self { start, end: Some(end.unwrap_or(Timestamp::MAX)) }
            }
            Reset::Monthly => Self::month(now),
        }
    }

    fn month(now: Timestamp) -> Self {
        let date = DateTime::from_timestamp_micros(now.as_unix_micros()).unwrap_or(DateTime::UNIX_EPOCH).date_naive();
        let (year, month) = (date.year(), date.month());
        let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        Self {
            start: first_of(year, month).unwrap_or(Timestamp::MIN),
            end: Some(first_of(next_year, next_month).unwrap_or(Timestamp::MAX)),
        }
    }

    /// Its last moment that is not after `now`.
    pub(crate) fn clamp(self, now: Timestamp) -> Timestamp {
        match self.end {
            Some(end) if now >= end => Timestamp::from_unix_micros(end.as_unix_micros() - 1).unwrap_or(now),
            _ => now,
        }
    }
}

/// Midnight UTC at the beginning of a moment's day.
pub fn day_of(moment: Timestamp) -> Timestamp {
    let micros = moment.as_unix_micros();
    Timestamp::from_unix_micros(micros - micros.rem_euclid(DAY_MICROS)).unwrap_or(Timestamp::MIN)
}

/// `None` beyond the year 9999.
fn first_of(year: i32, month: u32) -> Option<Timestamp> {
    let date: DateTime<Utc> = NaiveDate::from_ymd_opt(year, month, 1)?.and_time(NaiveTime::MIN).and_utc();
    Timestamp::from_unix_micros(date.timestamp_micros()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn span(reset: Reset, now: &str) -> (String, String) {
        let period = Period::of(reset, at(now));
        (period.start.to_string(), period.end.unwrap().to_string())
    }

    #[test]
    fn a_month_ends_with_its_last_day_whatever_its_length() {
        for (now, start, end) in [
            ("2026-01-15T10:30:00Z", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
            ("2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            ("2027-02-28T23:59:59Z", "2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z"),
            ("2100-02-28T12:00:00Z", "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z"),
            ("2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("1969-12-31T23:59:59Z", "1969-12-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(span(Reset::Monthly, now), (start.to_owned(), end.to_owned()), "{now}");
        }
    }

    #[test]
    fn midnight_belongs_to_what_it_begins_to_the_microsecond() {
        let midnight = at("2028-03-01T00:00:00Z");
        let before = Timestamp::from_unix_micros(midnight.as_unix_micros() - 1).unwrap();
        for reset in [Reset::Monthly, Reset::Daily] {
            assert_eq!(Period::of(reset, before).end, Some(midnight));
            assert_eq!(Period::of(reset, midnight).start, midnight);
        }
    }

    #[test]
    fn the_ends_of_time_have_periods() {
        assert_eq!(Period::of(Reset::Monthly, Timestamp::MAX).end, Some(Timestamp::MAX));
        assert_eq!(Period::of(Reset::Daily, Timestamp::MAX).end, Some(Timestamp::MAX));
        assert_eq!(Period::of(Reset::Monthly, Timestamp::MIN).start, Timestamp::MIN);
    }

    proptest! {
        #[test]
        fn periods_hold_their_moment_and_follow_each_other(
            micros in -60_000_000_000_000_000_i64..250_000_000_000_000_000,
            reset in prop::sample::select(vec![Reset::Monthly, Reset::Daily]),
        ) {
            let now = Timestamp::from_unix_micros(micros).unwrap();
            let period = Period::of(reset, now);
            let end = period.end.unwrap();
            prop_assert!(period.start <= now && now < end);
            prop_assert_eq!(Period::of(reset, period.start), period);
            prop_assert_eq!(Period::of(reset, end).start, end);
        }
    }
}
