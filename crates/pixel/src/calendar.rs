use std::time::Duration;

use core_domain::Timestamp;

/// One hour.
pub const HOUR: Duration = Duration::from_hours(1);
/// One day.
pub const DAY: Duration = Duration::from_hours(24);

/// Midnight at the beginning of a moment's day, UTC.
pub fn day_of(moment: Timestamp) -> Timestamp {
    floor(moment, DAY)
}

/// The beginning of a moment's hour.
pub fn hour_of(moment: Timestamp) -> Timestamp {
    floor(moment, HOUR)
}

fn floor(moment: Timestamp, span: Duration) -> Timestamp {
    let span = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    let micros = moment.as_unix_micros().div_euclid(span) * span;
    Timestamp::from_unix_micros(micros).unwrap_or(moment)
}
