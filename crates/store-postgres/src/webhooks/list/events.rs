use ::webhooks::{EventFilter, EventQuery, EventSort, Realm};
use core_domain::{DomainEvent, Order, Page, Sort, StorageError, WireWord as _};
use diesel::dsl::exists;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::by;
use crate::error::storage;
use crate::events::EventRow;
use crate::list;
use crate::schema::{event_counts, events, workspaces};
use crate::time;

const OPERATION: &str = "list_events";

type Rows<'a> = events::BoxedQuery<'a, Pg>;

pub(crate) async fn page(
    connection: &mut AsyncPgConnection,
    realm: Realm,
    query: &EventQuery,
) -> Result<Page<DomainEvent>, StorageError> {
    let rows: Vec<EventRow> = ordered(matching(realm, &query.filter), &query.sort)
        .limit(list::limit(query.page))
        .offset(list::offset(query.page))
        .select(EventRow::as_select())
        .load(connection)
        .await
        .map_err(storage(OPERATION))?;
    let total = if let Some(total) = query.page.total_if_last(rows.len()) {
        total
    } else {
        let counted = count(connection, realm, &query.filter).await.map_err(storage(OPERATION))?;
        list::total(counted, query.page, rows.len())
    };
    let items = rows.into_iter().map(DomainEvent::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

async fn count(connection: &mut AsyncPgConnection, realm: Realm, filter: &EventFilter) -> QueryResult<i64> {
    if *filter != EventFilter::default() {
        return matching(realm, filter).count().get_result(connection).await;
    }
    let live = workspaces::table.find(realm.workspace_id.get()).filter(workspaces::deleted_at.is_null());
    let kept: Vec<i64> = event_counts::table
        .filter(event_counts::workspace_id.eq(realm.workspace_id.get()))
        .filter(event_counts::environment.eq(realm.environment.as_str()))
        .filter(exists(live))
        .select(event_counts::events)
        .load(connection)
        .await?;
    Ok(kept.into_iter().sum())
}

fn matching<'a>(realm: Realm, filter: &EventFilter) -> Rows<'a> {
    let live = workspaces::table.find(realm.workspace_id.get()).filter(workspaces::deleted_at.is_null());
    let mut rows = events::table
        .filter(events::workspace_id.eq(realm.workspace_id.get()))
        .filter(events::environment.eq(realm.environment.as_str()))
        .filter(exists(live))
        .into_boxed();
    if let Some(event_type) = &filter.event_type {
        rows = rows.filter(events::event_type.eq(event_type.clone()));
    }
    if let Some(text) = &filter.search {
        // What no stored text can contain becomes the empty pattern, which no type is like.
        rows = rows.filter(events::event_type.like(list::containing(text).unwrap_or_default()));
    }
    if let Some(moment) = filter.created.from {
        rows = rows.filter(events::created_at.ge(time::stored(moment)));
    }
    if let Some(moment) = filter.created.to {
        rows = rows.filter(events::created_at.le(time::stored(moment)));
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
