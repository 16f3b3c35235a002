use std::collections::BTreeSet;

use ::pixel::{
    Accepted, Batch, Dimension, NameKey, NamesKey, Properties, State, Totals, VisitorId, VisitorKey, Wanted,
};
use chrono::{DateTime, Utc};
use core_domain::{SiteId, StorageError};
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, SmallInt, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join;

use crate::error::OrCorrupt as _;
use crate::prepared::{Prepared, Value};
use crate::{PgTx, time};

type Seen = (Timestamptz, BigInt, Binary, Timestamptz);
type SeenRow = (DateTime<Utc>, i64, Vec<u8>, DateTime<Utc>);
type Name = (BigInt, Timestamptz, SmallInt, Nullable<Text>, Integer);
type NameRow = (i64, DateTime<Utc>, i16, Option<String>, i32);

/// Days are named once more, so that partitions of others are not looked at.
const SEEN: &str = "SELECT v.day, v.site_id, v.visitor, v.last_seen_at \
    FROM unnest(?, ?, ?) w(day, site_id, visitor) JOIN pixel_visitors v \
    ON v.day = w.day AND v.site_id = w.site_id AND v.visitor = w.visitor WHERE v.day = ANY(?)";

/// Known names, and in rows without a name how many there are of each kind.
const NAMES: &str = "WITH w AS (SELECT * FROM unnest(?, ?, ?, ?) u(site_id, day, dimension, name)) \
    SELECT n.site_id, n.day, n.dimension, n.name, 0 FROM w JOIN pixel_names n \
    ON n.site_id = w.site_id AND n.day = w.day AND n.dimension = w.dimension AND n.name = w.name \
    UNION ALL SELECT c.site_id, c.day, c.dimension, NULL, c.names \
    FROM (SELECT DISTINCT site_id, day, dimension FROM w) k \
    JOIN pixel_name_counts c ON c.site_id = k.site_id AND c.day = k.day AND c.dimension = k.dimension";

/// All in one statement: each goes to the store and back once, while others wait for its sites.
const SAVE: &str = "WITH events AS (\
    INSERT INTO pixel_events (at, site_id, visitor, name, host, path, referrer, \
    utm_source, utm_medium, utm_campaign, utm_term, utm_content, properties) \
    SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)), \
    visitors AS (INSERT INTO pixel_visitors (day, site_id, visitor, last_seen_at) SELECT * FROM unnest(?, ?, ?, ?) \
    ON CONFLICT (day, site_id, visitor) DO UPDATE SET last_seen_at = excluded.last_seen_at), \
    hours AS (INSERT INTO pixel_hours AS h (site_id, hour, visitors, new_visitors, sessions, pageviews, events) \
    SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?) ON CONFLICT (site_id, hour) DO UPDATE SET \
    visitors = h.visitors + excluded.visitors, new_visitors = h.new_visitors + excluded.new_visitors, \
    sessions = h.sessions + excluded.sessions, pageviews = h.pageviews + excluded.pageviews, \
    events = h.events + excluded.events), \
    names AS (INSERT INTO pixel_names AS n (site_id, day, dimension, name, count) \
    SELECT * FROM unnest(?, ?, ?, ?, ?) ON CONFLICT (site_id, day, dimension, name) \
    DO UPDATE SET count = n.count + excluded.count) \
    INSERT INTO pixel_name_counts (site_id, day, dimension, names) SELECT * FROM unnest(?, ?, ?, ?) \
    ON CONFLICT (site_id, day, dimension) DO UPDATE SET names = excluded.names";

pub(super) async fn load(tx: &mut PgTx, wanted: &Wanted) -> Result<State, StorageError> {
    const OPERATION: &str = "load_state";
    let keys = || wanted.visitors.iter();
    let days: BTreeSet<_> = keys().map(|key| time::stored(key.day)).collect();
    let visitors = vec![
        Value::Moments(keys().map(|key| time::stored(key.day)).collect()),
        Value::Ints(keys().map(|key| key.site_id.get()).collect()),
        Value::Bytes(keys().map(|key| key.visitor.as_bytes().as_slice()).collect()),
        Value::Moments(days.into_iter().collect()),
    ];
    let names = names_of(&wanted.names.iter().collect::<Vec<_>>());
    // Both are on their way at once: others wait for these sites.
    let (mut first, mut second) = {
        let connection: &AsyncPgConnection = tx.start(OPERATION)?;
        (connection, connection)
    };
    let visitors = Prepared::<Seen>::new(SEEN, visitors).load::<SeenRow>(&mut first);
    let names = Prepared::<Name>::new(NAMES, names.into()).load::<NameRow>(&mut second);
    let rows = try_join(visitors, names).await;
    let (visitors, names) = tx.finish(OPERATION, rows)?;
    let mut state = State::default();
    for row in visitors {
        let (key, last) = seen(&row)?;
        state.seen.insert(key, last);
    }
    for (site, day, dimension, name, names) in names {
        let of = names_key(site, day, dimension)?;
        if let Some(name) = name {
            state.known.insert(NameKey { of, name });
        } else {
            let names = u32::try_from(names).or_corrupt("pixel_name_counts", "names")?;
            state.names.insert(of, names);
        }
    }
    Ok(state)
}

fn seen((day, site, visitor, last): &SeenRow) -> Result<(VisitorKey, core_domain::Timestamp), StorageError> {
    const TABLE: &str = "pixel_visitors";
    let visitor = <[u8; VisitorId::LEN]>::try_from(visitor.as_slice()).or_corrupt(TABLE, "visitor")?;
    let key = VisitorKey {
        site_id: SiteId::try_from(*site).or_corrupt(TABLE, "site_id")?,
        day: time::read(*day, TABLE, "day")?,
        visitor: VisitorId::from(visitor),
    };
    Ok((key, time::read(*last, TABLE, "last_seen_at")?))
}

fn names_key(site: i64, day: DateTime<Utc>, dimension: i16) -> Result<NamesKey, StorageError> {
    const TABLE: &str = "pixel_names";
    Ok(NamesKey {
        site_id: SiteId::try_from(site).or_corrupt(TABLE, "site_id")?,
        day: time::read(day, TABLE, "day")?,
        dimension: Dimension::from_number(dimension).or_corrupt(TABLE, "dimension")?,
    })
}

pub(super) async fn save(tx: &mut PgTx, told: &[Accepted], batch: &Batch) -> Result<(), StorageError> {
    const OPERATION: &str = "save_batch";
    let mut values = events(told);
    values.extend(visitors(batch));
    values.extend(hours(batch));
    values.extend(names_of(&batch.names.keys().collect::<Vec<_>>()));
    values.push(Value::Ints(batch.names.values().map(|count| stored(*count)).collect()));
    values.extend(kinds_of(&batch.name_counts.keys().collect::<Vec<_>>()));
    let counts = batch.name_counts.values().map(|names| i32::try_from(*names).unwrap_or(i32::MAX));
    values.push(Value::SmallInts(counts.collect()));
    let saved = Prepared::<()>::new(SAVE, values).execute(tx.start(OPERATION)?).await;
    tx.finish(OPERATION, saved).map(drop)
}

fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn events(events: &[Accepted]) -> Vec<Value<'_>> {
    fn texts<'a>(events: &'a [Accepted], read: impl Fn(&'a Accepted) -> &'a str) -> Value<'a> {
        Value::Texts(events.iter().map(read).collect())
    }
    fn maybe<'a>(events: &'a [Accepted], read: impl Fn(&'a Accepted) -> Option<&'a str>) -> Value<'a> {
        Value::TextsOrNull(events.iter().map(read).collect())
    }
    vec![
        Value::Moments(events.iter().map(|event| time::stored(event.at)).collect()),
        Value::Ints(events.iter().map(|event| event.site_id.get()).collect()),
        Value::Bytes(events.iter().map(|event| event.visitor.as_bytes().as_slice()).collect()),
        texts(events, |event| event.event.name.as_str()),
        texts(events, |event| event.event.page.host.as_str()),
        texts(events, |event| &event.event.page.path),
        maybe(events, |event| event.event.referrer.as_deref()),
        maybe(events, |event| event.event.page.utm.source.as_deref()),
        maybe(events, |event| event.event.page.utm.medium.as_deref()),
        maybe(events, |event| event.event.page.utm.campaign.as_deref()),
        maybe(events, |event| event.event.page.utm.term.as_deref()),
        maybe(events, |event| event.event.page.utm.content.as_deref()),
        maybe(events, |event| event.event.properties.as_ref().map(Properties::as_str)),
    ]
}

fn visitors(batch: &Batch) -> [Value<'_>; 4] {
    let keys = || batch.seen.keys();
    [
        Value::Moments(keys().map(|key| time::stored(key.day)).collect()),
        Value::Ints(keys().map(|key| key.site_id.get()).collect()),
        Value::Bytes(keys().map(|key| key.visitor.as_bytes().as_slice()).collect()),
        Value::Moments(batch.seen.values().map(|last| time::stored(*last)).collect()),
    ]
}

fn hours(batch: &Batch) -> [Value<'_>; 7] {
    let sums =
        |read: fn(&Totals) -> u64| Value::Ints(batch.hours.values().map(|totals| stored(read(totals))).collect());
    [
        Value::Ints(batch.hours.keys().map(|(site, _)| site.get()).collect()),
        Value::Moments(batch.hours.keys().map(|(_, hour)| time::stored(*hour)).collect()),
        sums(|totals| totals.visitors),
        sums(|totals| totals.new_visitors),
        sums(|totals| totals.sessions),
        sums(|totals| totals.pageviews),
        sums(|totals| totals.events),
    ]
}

fn names_of<'a>(keys: &[&'a NameKey]) -> [Value<'a>; 4] {
    let [sites, days, dimensions] = kinds_of(&keys.iter().map(|key| &key.of).collect::<Vec<_>>());
    [sites, days, dimensions, Value::Texts(keys.iter().map(|key| key.name.as_str()).collect())]
}

fn kinds_of<'a>(keys: &[&NamesKey]) -> [Value<'a>; 3] {
    [
        Value::Ints(keys.iter().map(|key| key.site_id.get()).collect()),
        Value::Moments(keys.iter().map(|key| time::stored(key.day)).collect()),
        Value::SmallInts(keys.iter().map(|key| i32::from(key.dimension.as_number())).collect()),
    ]
}
