use std::collections::BTreeSet;

use ::pixel::{Accepted, Batch, Dimension, NameKey, NamesKey, Properties, State, VisitorId, VisitorKey, Wanted};
use chrono::{DateTime, Utc};
use core_domain::{SiteId, StorageError};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, SmallInt, Text, Timestamptz};
use diesel_async::RunQueryDsl;

use crate::error::OrCorrupt as _;
use crate::{PgTx, time};

#[derive(QueryableByName)]
struct SeenRow {
    #[diesel(sql_type = Timestamptz)]
    day: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    site_id: i64,
    #[diesel(sql_type = Binary)]
    visitor: Vec<u8>,
    #[diesel(sql_type = Timestamptz)]
    last_seen_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = BigInt)]
    site_id: i64,
    #[diesel(sql_type = Timestamptz)]
    day: DateTime<Utc>,
    #[diesel(sql_type = SmallInt)]
    dimension: i16,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Integer)]
    names: i32,
}

/// Days are named once more, so that partitions of others are not looked at.
const SEEN: &str = "SELECT v.day, v.site_id, v.visitor, v.last_seen_at \
    FROM unnest($1, $2, $3) w(day, site_id, visitor) JOIN pixel_visitors v \
    ON v.day = w.day AND v.site_id = w.site_id AND v.visitor = w.visitor WHERE v.day = ANY($4)";

/// Known names, and in rows without a name how many there are of each kind.
const NAMES: &str = "SELECT n.site_id, n.day, n.dimension, n.name, 0 AS names \
    FROM unnest($1, $2, $3, $4) w(site_id, day, dimension, name) JOIN pixel_names n \
    ON n.site_id = w.site_id AND n.day = w.day AND n.dimension = w.dimension AND n.name = w.name \
    UNION ALL SELECT c.site_id, c.day, c.dimension, NULL, c.names \
    FROM (SELECT DISTINCT site_id, day, dimension FROM unnest($1, $2, $3) u(site_id, day, dimension)) w \
    JOIN pixel_name_counts c ON c.site_id = w.site_id AND c.day = w.day AND c.dimension = w.dimension";

pub(super) async fn load(tx: &mut PgTx, wanted: &Wanted) -> Result<State, StorageError> {
    const OPERATION: &str = "load_state";
    let mut state = State::default();
    if !wanted.visitors.is_empty() {
        let keys = || wanted.visitors.iter();
        let days: BTreeSet<_> = keys().map(|key| time::stored(key.day)).collect();
        let rows = diesel::sql_query(SEEN)
            .bind::<Array<Timestamptz>, _>(keys().map(|key| time::stored(key.day)).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(keys().map(|key| key.site_id.get()).collect::<Vec<_>>())
            .bind::<Array<Binary>, _>(keys().map(|key| key.visitor.as_bytes().as_slice()).collect::<Vec<_>>())
            .bind::<Array<Timestamptz>, _>(days.into_iter().collect::<Vec<_>>())
            .load::<SeenRow>(tx.start(OPERATION)?)
            .await;
        for row in tx.finish(OPERATION, rows)? {
            let (key, last) = seen(&row)?;
            state.seen.insert(key, last);
        }
    }
    if !wanted.names.is_empty() {
        let keys = || wanted.names.iter();
        let rows = diesel::sql_query(NAMES)
            .bind::<Array<BigInt>, _>(keys().map(|key| key.of.site_id.get()).collect::<Vec<_>>())
            .bind::<Array<Timestamptz>, _>(keys().map(|key| time::stored(key.of.day)).collect::<Vec<_>>())
            .bind::<Array<SmallInt>, _>(keys().map(|key| key.of.dimension.as_number()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(keys().map(|key| key.name.as_str()).collect::<Vec<_>>())
            .load::<NameRow>(tx.start(OPERATION)?)
            .await;
        for row in tx.finish(OPERATION, rows)? {
            let of = names_key(&row)?;
            if let Some(name) = row.name {
                state.known.insert(NameKey { of, name });
            } else {
                let names = u32::try_from(row.names).or_corrupt("pixel_name_counts", "names")?;
                state.names.insert(of, names);
            }
        }
    }
    Ok(state)
}

fn seen(row: &SeenRow) -> Result<(VisitorKey, core_domain::Timestamp), StorageError> {
    const TABLE: &str = "pixel_visitors";
    let visitor = <[u8; VisitorId::LEN]>::try_from(row.visitor.as_slice()).or_corrupt(TABLE, "visitor")?;
    let key = VisitorKey {
        site_id: SiteId::try_from(row.site_id).or_corrupt(TABLE, "site_id")?,
        day: time::read(row.day, TABLE, "day")?,
        visitor: VisitorId::from(visitor),
    };
    Ok((key, time::read(row.last_seen_at, TABLE, "last_seen_at")?))
}

fn names_key(row: &NameRow) -> Result<NamesKey, StorageError> {
    const TABLE: &str = "pixel_names";
    Ok(NamesKey {
        site_id: SiteId::try_from(row.site_id).or_corrupt(TABLE, "site_id")?,
        day: time::read(row.day, TABLE, "day")?,
        dimension: Dimension::from_number(row.dimension).or_corrupt(TABLE, "dimension")?,
    })
}

fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) async fn save(tx: &mut PgTx, batch: &Batch) -> Result<(), StorageError> {
    save_events(tx, &batch.events).await?;
    save_visitors(tx, batch).await?;
    save_hours(tx, batch).await?;
    save_names(tx, batch).await
}

fn texts<'a>(events: &'a [Accepted], read: impl Fn(&'a Accepted) -> &'a str) -> Vec<&'a str> {
    events.iter().map(read).collect()
}

fn maybe<'a>(events: &'a [Accepted], read: impl Fn(&'a Accepted) -> Option<&'a str>) -> Vec<Option<&'a str>> {
    events.iter().map(read).collect()
}

async fn save_events(tx: &mut PgTx, events: &[Accepted]) -> Result<(), StorageError> {
    const OPERATION: &str = "save_events";
    if events.is_empty() {
        return Ok(());
    }
    let inserted = diesel::sql_query(
        "INSERT INTO pixel_events (at, site_id, visitor, name, host, path, referrer, \
         utm_source, utm_medium, utm_campaign, utm_term, utm_content, properties) \
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind::<Array<Timestamptz>, _>(events.iter().map(|event| time::stored(event.at)).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(events.iter().map(|event| event.site_id.get()).collect::<Vec<_>>())
    .bind::<Array<Binary>, _>(events.iter().map(|event| event.visitor.as_bytes().as_slice()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(texts(events, |event| event.event.name.as_str()))
    .bind::<Array<Text>, _>(texts(events, |event| event.event.page.host.as_str()))
    .bind::<Array<Text>, _>(texts(events, |event| &event.event.page.path))
    .bind::<Array<Nullable<Text>>, _>(maybe(events, |event| event.event.referrer.as_deref()))
    .bind::<Array<Nullable<Text>>, _>(maybe(events, |event| event.event.page.utm.source.as_deref()))
    .bind::<Array<Nullable<Text>>, _>(maybe(events, |event| event.event.page.utm.medium.as_deref()))
    .bind::<Array<Nullable<Text>>, _>(maybe(events, |event| event.event.page.utm.campaign.as_deref()))
    .bind::<Array<Nullable<Text>>, _>(maybe(events, |event| event.event.page.utm.term.as_deref()))
    .bind::<Array<Nullable<Text>>, _>(maybe(events, |event| event.event.page.utm.content.as_deref()))
    .bind::<Array<Nullable<Text>>, _>(maybe(events, |event| event.event.properties.as_ref().map(Properties::as_str)))
    .execute(tx.start(OPERATION)?)
    .await;
    tx.finish(OPERATION, inserted).map(drop)
}

async fn save_visitors(tx: &mut PgTx, batch: &Batch) -> Result<(), StorageError> {
    const OPERATION: &str = "save_visitors";
    if batch.seen.is_empty() {
        return Ok(());
    }
    let keys = || batch.seen.keys();
    let saved = diesel::sql_query(
        "INSERT INTO pixel_visitors (day, site_id, visitor, last_seen_at) SELECT * FROM unnest($1, $2, $3, $4) \
         ON CONFLICT (day, site_id, visitor) DO UPDATE SET last_seen_at = excluded.last_seen_at",
    )
    .bind::<Array<Timestamptz>, _>(keys().map(|key| time::stored(key.day)).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(keys().map(|key| key.site_id.get()).collect::<Vec<_>>())
    .bind::<Array<Binary>, _>(keys().map(|key| key.visitor.as_bytes().as_slice()).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(batch.seen.values().map(|last| time::stored(*last)).collect::<Vec<_>>())
    .execute(tx.start(OPERATION)?)
    .await;
    tx.finish(OPERATION, saved).map(drop)
}

async fn save_hours(tx: &mut PgTx, batch: &Batch) -> Result<(), StorageError> {
    const OPERATION: &str = "save_hours";
    if batch.hours.is_empty() {
        return Ok(());
    }
    let sums = |read: fn(&::pixel::Totals) -> u64| -> Vec<i64> {
        batch.hours.values().map(|totals| stored(read(totals))).collect()
    };
    let saved = diesel::sql_query(
        "INSERT INTO pixel_hours AS h (site_id, hour, visitors, new_visitors, sessions, pageviews, events) \
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (site_id, hour) DO UPDATE SET \
         visitors = h.visitors + excluded.visitors, new_visitors = h.new_visitors + excluded.new_visitors, \
         sessions = h.sessions + excluded.sessions, pageviews = h.pageviews + excluded.pageviews, \
         events = h.events + excluded.events",
    )
    .bind::<Array<BigInt>, _>(batch.hours.keys().map(|(site, _)| site.get()).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(batch.hours.keys().map(|(_, hour)| time::stored(*hour)).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(sums(|totals| totals.visitors))
    .bind::<Array<BigInt>, _>(sums(|totals| totals.new_visitors))
    .bind::<Array<BigInt>, _>(sums(|totals| totals.sessions))
    .bind::<Array<BigInt>, _>(sums(|totals| totals.pageviews))
    .bind::<Array<BigInt>, _>(sums(|totals| totals.events))
    .execute(tx.start(OPERATION)?)
    .await;
    tx.finish(OPERATION, saved).map(drop)
}

async fn save_names(tx: &mut PgTx, batch: &Batch) -> Result<(), StorageError> {
    const OPERATION: &str = "save_names";
    if !batch.names.is_empty() {
        let keys = || batch.names.keys();
        let saved = diesel::sql_query(
            "INSERT INTO pixel_names AS n (site_id, day, dimension, name, count) \
             SELECT * FROM unnest($1, $2, $3, $4, $5) ON CONFLICT (site_id, day, dimension, name) \
             DO UPDATE SET count = n.count + excluded.count",
        )
        .bind::<Array<BigInt>, _>(keys().map(|key| key.of.site_id.get()).collect::<Vec<_>>())
        .bind::<Array<Timestamptz>, _>(keys().map(|key| time::stored(key.of.day)).collect::<Vec<_>>())
        .bind::<Array<SmallInt>, _>(keys().map(|key| key.of.dimension.as_number()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(keys().map(|key| key.name.as_str()).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(batch.names.values().map(|count| stored(*count)).collect::<Vec<_>>())
        .execute(tx.start(OPERATION)?)
        .await;
        tx.finish(OPERATION, saved)?;
    }
    if !batch.name_counts.is_empty() {
        let keys = || batch.name_counts.keys();
        let counts = batch.name_counts.values().map(|names| i32::try_from(*names).unwrap_or(i32::MAX));
        let saved = diesel::sql_query(
            "INSERT INTO pixel_name_counts (site_id, day, dimension, names) SELECT * FROM unnest($1, $2, $3, $4) \
             ON CONFLICT (site_id, day, dimension) DO UPDATE SET names = excluded.names",
        )
        .bind::<Array<BigInt>, _>(keys().map(|key| key.site_id.get()).collect::<Vec<_>>())
        .bind::<Array<Timestamptz>, _>(keys().map(|key| time::stored(key.day)).collect::<Vec<_>>())
        .bind::<Array<SmallInt>, _>(keys().map(|key| key.dimension.as_number()).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(counts.collect::<Vec<_>>())
        .execute(tx.start(OPERATION)?)
        .await;
        tx.finish(OPERATION, saved)?;
    }
    Ok(())
}
