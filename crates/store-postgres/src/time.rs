use chrono::{DateTime, Utc};
use core_domain::{StorageError, Timestamp};

use crate::error::OrCorrupt as _;

/// Every [`Timestamp`] is a moment that chrono knows.
pub(crate) fn stored(moment: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(moment.as_unix_micros()).unwrap_or(DateTime::UNIX_EPOCH)
}

pub(crate) fn read(
    moment: DateTime<Utc>,
    table: &'static str,
    column: &'static str,
) -> Result<Timestamp, StorageError> {
    Timestamp::from_unix_micros(moment.timestamp_micros()).or_corrupt(table, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_time_survive() {
        for moment in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(read(stored(moment), "t", "c").unwrap(), moment);
        }
    }

    #[test]
    fn a_moment_out_of_bounds_is_corrupt() {
        let beyond = stored(Timestamp::MAX) + chrono::TimeDelta::microseconds(1);
        assert!(matches!(read(beyond, "t", "c"), Err(StorageError::Corrupt { table: "t", column: "c", .. })));
    }
}
