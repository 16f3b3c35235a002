use core_domain::{DomainEvent, Order, Page, Sort, WireWord};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use webhooks::{EventFilter, EventQuery, EventSort, Realm};

use super::{by, offset};
use crate::error::{Failure, OrCorrupt};
use crate::events::EventRow;
use crate::schema::{event_counts, events, workspaces};
use crate::search::instr;

type Rows<'a> = events::BoxedQuery<'a, Sqlite>;

pub(crate) fn page(
    connection: &mut SqliteConnection,
    realm: Realm,
    query: &EventQuery,
) -> Result<Page<DomainEvent>, Failure> {
    let rows = ordered(matching(realm, &query.filter), &query.sort)
        .limit(query.page.per_page().into())
        .offset(offset(query.page))
        .select(EventRow::as_select())
        .load(connection)?;
    let total = match query.page.total_if_last(rows.len()) {
        Some(total) => total,
        None => count(connection, realm, &query.filter)?,
    };
    let items = rows.into_iter().map(DomainEvent::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

fn count(connection: &mut SqliteConnection, realm: Realm, filter: &EventFilter) -> Result<u64, Failure> {
    let number = if *filter == EventFilter::default() {
        let live = workspaces::table.find(realm.workspace_id.get()).filter(workspaces::deleted_at.is_null());
        event_counts::table
            .find((realm.workspace_id.get(), realm.environment.as_str()))
            .filter(exists(live))
            .select(event_counts::events)
            .first(connection)
            .optional()?
            .unwrap_or(0)
    } else {
        matching(realm, filter).count().get_result(connection)?
    };
    Ok(u64::try_from(number).or_corrupt("event_counts", "events")?)
}

fn matching(realm: Realm, filter: &EventFilter) -> Rows<'_> {
    let live = workspaces::table.find(realm.workspace_id.get()).filter(workspaces::deleted_at.is_null());
    let mut rows = events::table
        .filter(events::workspace_id.eq(realm.workspace_id.get()))
        .filter(events::environment.eq(realm.environment.as_str()))
        .filter(exists(live))
        .into_boxed();
    if let Some(event_type) = &filter.event_type {
        rows = rows.filter(events::event_type.eq(event_type));
    }
    if let Some(text) = &filter.search {
        rows = rows.filter(instr(events::event_type, text).gt(0));
    }
    if let Some(from) = filter.created.from {
        rows = rows.filter(events::created_at.ge(from.as_unix_micros()));
    }
    if let Some(to) = filter.created.to {
        rows = rows.filter(events::created_at.le(to.as_unix_micros()));
    }
    rows
}

fn ordered<'a>(mut rows: Rows<'a>, sort: &[Sort<EventSort>]) -> Rows<'a> {
    for Sort { field, order } in sort {
        rows = match field {
            EventSort::CreatedAt => by!(rows, events::created_at, order),
        };
    }
    let last = sort.last().map_or(Order::Ascending, |part| part.order);
    by!(rows, events::seq, last)
}
