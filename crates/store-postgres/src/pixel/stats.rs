use ::pixel::{Dimension, Interval, NamedCount, Stats, StatsQuery, Totals};
use chrono::{DateTime, Utc};
use core_domain::{StorageError, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, SmallInt, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::error::{OrCorrupt as _, storage};
use crate::time;

const HOURS: &str = "SELECT hour AS at, visitors, new_visitors, sessions, pageviews, events FROM pixel_hours \
    WHERE site_id = $1 AND hour >= $2 AND hour < $3 ORDER BY hour";

const DAYS: &str = "SELECT date_trunc('day', hour, 'UTC') AS at, sum(visitors)::bigint AS visitors, \
    sum(new_visitors)::bigint AS new_visitors, sum(sessions)::bigint AS sessions, \
    sum(pageviews)::bigint AS pageviews, sum(events)::bigint AS events FROM pixel_hours \
    WHERE site_id = $1 AND hour >= $2 AND hour < $3 GROUP BY 1 ORDER BY 1";

const NAMES: &str = "SELECT dimension, name, count FROM (\
    SELECT dimension, name, sum(count)::bigint AS count, \
    row_number() OVER (PARTITION BY dimension ORDER BY sum(count) DESC, name) AS place FROM pixel_names \
    WHERE site_id = $1 AND day >= $2 AND day < $3 GROUP BY dimension, name) ranked \
    WHERE place <= $4 ORDER BY dimension, place";

#[derive(QueryableByName)]
struct Point {
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
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
        Ok((time::read(point.at, TABLE, "hour")?, totals))
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

pub(super) async fn find(
    connection: &mut AsyncPgConnection,
    operation: &'static str,
    query: &StatsQuery,
) -> Result<Stats, StorageError> {
    let series = match query.interval {
        Interval::Hour => HOURS,
        Interval::Day => DAYS,
    };
    let (from, end) = (time::stored(query.from), time::stored(query.end()));
    let points: Vec<Point> = diesel::sql_query(series)
        .bind::<BigInt, _>(query.site_id.get())
        .bind::<Timestamptz, _>(from)
        .bind::<Timestamptz, _>(end)
        .load(connection)
        .await
        .map_err(storage(operation))?;
    let names: Vec<Named> = diesel::sql_query(NAMES)
        .bind::<BigInt, _>(query.site_id.get())
        .bind::<Timestamptz, _>(from)
        .bind::<Timestamptz, _>(end)
        .bind::<BigInt, _>(i64::from(query.top))
        .load(connection)
        .await
        .map_err(storage(operation))?;
    Ok(Stats {
        series: points.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        names: names.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
    })
}
