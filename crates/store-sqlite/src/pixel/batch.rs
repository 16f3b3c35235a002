//! Rows go in as one JSON list, so that one statement serves any number of them.

use ::pixel::{Accepted, Batch, Dimension, NameKey, NamesKey, Properties, State, VisitorId, VisitorKey, Wanted};
use core_domain::{SiteId, StorageError, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, SmallInt, Text};
use serde_json::{Value, json};

use crate::error::{Failure, OrCorrupt};

#[derive(QueryableByName)]
struct SeenRow {
    #[diesel(sql_type = BigInt)]
    place: i64,
    #[diesel(sql_type = BigInt)]
    last_seen_at: i64,
}

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = BigInt)]
    site_id: i64,
    #[diesel(sql_type = BigInt)]
    day: i64,
    #[diesel(sql_type = SmallInt)]
    dimension: i16,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = BigInt)]
    names: i64,
}

const SEEN: &str = "SELECT w.key AS place, v.last_seen_at FROM json_each(?1) w JOIN pixel_visitors v \
    ON v.day = w.value ->> 0 AND v.site_id = w.value ->> 1 AND v.visitor = w.value ->> 2";

/// Known names, and in rows without a name how many there are of each kind.
const NAMES: &str = "SELECT n.site_id, n.day, n.dimension, n.name, 0 AS names \
    FROM json_each(?1) w CROSS JOIN pixel_names n ON n.site_id = w.value ->> 0 AND n.day = w.value ->> 1 \
    AND n.dimension = w.value ->> 2 AND n.name = w.value ->> 3 \
    UNION ALL SELECT c.site_id, c.day, c.dimension, NULL, c.names FROM json_each(?2) w CROSS JOIN pixel_name_counts c \
    ON c.site_id = w.value ->> 0 AND c.day = w.value ->> 1 AND c.dimension = w.value ->> 2";

pub(super) fn load(connection: &mut SqliteConnection, wanted: &Wanted) -> Result<State, Failure> {
    let mut state = State::default();
    let visitors: Vec<&VisitorKey> = wanted.visitors.iter().collect();
    let asked: Value = visitors.iter().map(|key| visitor(key)).collect();
    let rows: Vec<SeenRow> = diesel::sql_query(SEEN).bind::<Text, _>(asked.to_string()).load(connection)?;
    for row in rows {
        let last = Timestamp::from_unix_micros(row.last_seen_at).or_corrupt("pixel_visitors", "last_seen_at")?;
        if let Some(key) = usize::try_from(row.place).ok().and_then(|place| visitors.get(place)) {
            state.seen.insert(**key, last);
        }
    }
    let asked: Value = wanted.names.iter().map(|key| name(key, Vec::new())).collect();
    let mut kinds: Vec<NamesKey> = wanted.names.iter().map(|key| key.of).collect();
    kinds.dedup();
    let kinds: Value = kinds.iter().map(|of| names(of, Vec::new())).collect();
    let rows: Vec<NameRow> = diesel::sql_query(NAMES)
        .bind::<Text, _>(asked.to_string())
        .bind::<Text, _>(kinds.to_string())
        .load(connection)?;
    for row in rows {
        let of = names_key(&row)?;
        if let Some(name) = row.name {
            state.known.insert(NameKey { of, name });
        } else {
            state.names.insert(of, u32::try_from(row.names).or_corrupt("pixel_name_counts", "names")?);
        }
    }
    Ok(state)
}

fn names_key(row: &NameRow) -> Result<NamesKey, StorageError> {
    const TABLE: &str = "pixel_names";
    Ok(NamesKey {
        site_id: SiteId::try_from(row.site_id).or_corrupt(TABLE, "site_id")?,
        day: Timestamp::from_unix_micros(row.day).or_corrupt(TABLE, "day")?,
        dimension: Dimension::from_number(row.dimension).or_corrupt(TABLE, "dimension")?,
    })
}

fn visitor(key: &VisitorKey) -> Value {
    json!([key.day.as_unix_micros(), key.site_id.get(), hex_of(key.visitor)])
}

fn hex_of(visitor: VisitorId) -> String {
    visitor.to_string()
}

fn names(of: &NamesKey, more: Vec<Value>) -> Value {
    let mut row = vec![json!(of.site_id.get()), json!(of.day.as_unix_micros()), json!(of.dimension.as_number())];
    row.extend(more);
    row.into()
}

fn name(key: &NameKey, mut more: Vec<Value>) -> Value {
    more.insert(0, json!(key.name));
    names(&key.of, more)
}

/// What is to be written, each table's rows as JSON.
pub(super) struct Rows([(&'static str, Option<String>); 5]);

impl Rows {
    pub(super) fn of(events: &[Accepted], batch: &Batch) -> Self {
        let list = |rows: Vec<Value>| (!rows.is_empty()).then(|| Value::from(rows).to_string());
        let seen = batch.seen.iter().map(|(key, last)| {
            json!([key.day.as_unix_micros(), key.site_id.get(), hex_of(key.visitor), last.as_unix_micros()])
        });
        let hours = batch.hours.iter().map(|((site, hour), sums)| {
            let counts = [sums.visitors, sums.new_visitors, sums.sessions, sums.pageviews, sums.events];
            json!([site.get(), hour.as_unix_micros(), counts[0], counts[1], counts[2], counts[3], counts[4]])
        });
        Self([
            (EVENTS, list(events.iter().map(event).collect())),
            (VISITORS, list(seen.collect())),
            (HOURS, list(hours.collect())),
            (COUNTED, list(batch.names.iter().map(|(key, count)| name(key, vec![json!(count)])).collect())),
            (COUNTS, list(batch.name_counts.iter().map(|(of, count)| names(of, vec![json!(count)])).collect())),
        ])
    }

    pub(super) fn save(&self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        for (sql, rows) in &self.0 {
            if let Some(rows) = rows {
                diesel::sql_query(*sql).bind::<Text, _>(rows).execute(connection)?;
            }
        }
        Ok(())
    }
}

// `WHERE true` keeps SQLite from reading `ON CONFLICT` as the end of a join.
const EVENTS: &str = "INSERT INTO pixel_events (at, site_id, visitor, name, host, path, referrer, utm_source, utm_medium, \
    utm_campaign, utm_term, utm_content, properties) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, \
    value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, \
    value ->> 12 FROM json_each(?1) ORDER BY key";
const VISITORS: &str = "INSERT INTO pixel_visitors (day, site_id, visitor, last_seen_at) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1) WHERE true \
    ON CONFLICT DO UPDATE SET last_seen_at = excluded.last_seen_at";
const HOURS: &str = "INSERT INTO pixel_hours (site_id, hour, visitors, new_visitors, sessions, pageviews, events) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 \
    FROM json_each(?1) WHERE true ON CONFLICT DO UPDATE SET \
    visitors = visitors + excluded.visitors, new_visitors = new_visitors + excluded.new_visitors, \
    sessions = sessions + excluded.sessions, pageviews = pageviews + excluded.pageviews, \
    events = events + excluded.events";
const COUNTED: &str = "INSERT INTO pixel_names (site_id, day, dimension, name, count) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1) WHERE true \
    ON CONFLICT DO UPDATE SET count = count + excluded.count";
const COUNTS: &str = "INSERT INTO pixel_name_counts (site_id, day, dimension, names) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1) WHERE true \
    ON CONFLICT DO UPDATE SET names = excluded.names";

fn event(accepted: &Accepted) -> Value {
    let Accepted { event, .. } = accepted;
    let utm = &event.page.utm;
    json!([
        accepted.at.as_unix_micros(),
        accepted.site_id.get(),
        hex_of(accepted.visitor),
        event.name.as_str(),
        event.page.host.as_str(),
        event.page.path,
        event.referrer,
        utm.source,
        utm.medium,
        utm.campaign,
        utm.term,
        utm.content,
        event.properties.as_ref().map(Properties::as_str),
    ])
}
