use ::pixel::{Dimension, Interval, NamedCount, Stats, StatsQuery, Totals};
use core_domain::{StorageError, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, SmallInt, Text};

use crate::error::{Failure, OrCorrupt};

const HOURS: &str = "SELECT hour AS at, visitors, new_visitors, sessions, pageviews, events FROM pixel_hours \
    WHERE site_id = ?1 AND hour >= ?2 AND hour < ?3 ORDER BY hour";

const DAYS: &str = "SELECT hour - ((hour % 86400000000) + 86400000000) % 86400000000 AS at, sum(visitors) AS visitors, \
    sum(new_visitors) AS new_visitors, sum(sessions) AS sessions, \
    sum(pageviews) AS pageviews, sum(events) AS events FROM pixel_hours \
    WHERE site_id = ?1 AND hour >= ?2 AND hour < ?3 GROUP BY 1 ORDER BY 1";

const NAMES: &str = "SELECT dimension, name, count FROM (\
    SELECT dimension, name, sum(count) AS count, \
    row_number() OVER (PARTITION BY dimension ORDER BY sum(count) DESC, name) AS place FROM pixel_names \
    WHERE site_id = ?1 AND day >= ?2 AND day < ?3 GROUP BY dimension, name) ranked \
    WHERE place <= ?4 ORDER BY dimension, place";

#[derive(QueryableByName)]
struct Point {
    #[diesel(sql_type = BigInt)]
    at: i64,
    #[diesel(sql_type = BigInt)]
    visitors: i64,
    #[diesel(sql_type = BigInt)]
    new_visitors: i64,
    #[diesel(sql_type = BigInt)]
    sessions: i64,
    #[diesel(sql_type = BigInt)]
    pageviews: i64,
    #[diesel(sql_type = BigInt)]
    events: i64,
}

impl TryFrom<Point> for (Timestamp, Totals) {
    type Error = StorageError;

    fn try_from(point: Point) -> Result<Self, StorageError> {
        const TABLE: &str = "pixel_hours";
        let count = |number: i64, column| u64::try_from(number).or_corrupt(TABLE, column);
        let totals = Totals {
            visitors: count(point.visitors, "visitors")?,
            new_visitors: count(point.new_visitors, "new_visitors")?,
            sessions: count(point.sessions, "sessions")?,
            pageviews: count(point.pageviews, "pageviews")?,
            events: count(point.events, "events")?,
        };
        Ok((Timestamp::from_unix_micros(point.at).or_corrupt(TABLE, "hour")?, totals))
    }
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = SmallInt)]
    dimension: i16,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl TryFrom<Named> for NamedCount {
    type Error = StorageError;

    fn try_from(row: Named) -> Result<Self, StorageError> {
        const TABLE: &str = "pixel_names";
        Ok(Self {
            dimension: Dimension::from_number(row.dimension).or_corrupt(TABLE, "dimension")?,
            name: row.name,
            count: u64::try_from(row.count).or_corrupt(TABLE, "count")?,
        })
    }
}

pub(super) fn find(connection: &mut SqliteConnection, query: &StatsQuery) -> Result<Stats, Failure> {
    let series = match query.interval {
        Interval::Hour => HOURS,
        Interval::Day => DAYS,
    };
    let (from, end) = (query.from.as_unix_micros(), query.end().as_unix_micros());
    let points: Vec<Point> = diesel::sql_query(series)
        .bind::<BigInt, _>(query.site_id.get())
        .bind::<BigInt, _>(from)
        .bind::<BigInt, _>(end)
        .load(connection)?;
    let names: Vec<Named> = diesel::sql_query(NAMES)
        .bind::<BigInt, _>(query.site_id.get())
        .bind::<BigInt, _>(from)
        .bind::<BigInt, _>(end)
        .bind::<BigInt, _>(i64::from(query.top))
        .load(connection)?;
    Ok(Stats {
        series: points.into_iter().map(TryInto::try_into).collect::<Result<_, StorageError>>()?,
        names: names.into_iter().map(TryInto::try_into).collect::<Result<_, StorageError>>()?,
    })
}

#[cfg(test)]
mod tests {
    use core_domain::SiteId;

    use super::*;
    use crate::plan;

    #[test]
    fn stats_read_rollups_by_their_keys_alone() {
        let day = Timestamp::parse("2026-01-15").unwrap();
        for interval in [Interval::Hour, Interval::Day] {
            let query = StatsQuery { site_id: SiteId::try_from(1).unwrap(), from: day, to: day, interval, top: 10 };
            let plans = plan::of_each_in(|connection| find(connection, &query)).join("\n");
            assert!(
                plans.contains("SEARCH pixel_hours USING PRIMARY KEY (site_id=? AND hour>? AND hour<?)"),
                "{plans}"
            );
            assert!(plans.contains("SEARCH pixel_names USING PRIMARY KEY (site_id=? AND day>? AND day<?)"), "{plans}");
            assert!(!plans.contains("pixel_events"), "{plans}");
        }
    }
}
