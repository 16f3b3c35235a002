use ::entitlements::{Realm, UsageFilter, UsageQuery, UsageRow};
use core_domain::{Order, Page, Sort, StorageError, WireWord as _};
use diesel::dsl::{IntoBoxed, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::row::RecordRow;
use crate::error::storage;
use crate::schema::{entitlement_counters as counters, entitlement_usage as usage, workspaces};
use crate::{list, time};

type Rows<'a> = IntoBoxed<'a, usage::table, Pg>;

pub(super) async fn page(
    connection: &mut AsyncPgConnection,
    operation: &'static str,
    place: Realm,
    query: &UsageQuery,
) -> Result<Page<UsageRow>, StorageError> {
    let mut rows = matching(place, &query.filter);
    rows = match query.sort.as_slice() {
        [Sort { order: Order::Ascending, .. }, ..] => rows.order_by((usage::created_at.asc(), usage::id.asc())),
        _ => rows.order_by((usage::created_at.desc(), usage::id.desc())),
    };
    let rows: Vec<RecordRow> = rows
        .limit(list::limit(query.page))
        .offset(list::offset(query.page))
        .select(RecordRow::as_select())
        .load(connection)
        .await
        .map_err(storage(operation))?;
    let total = if let Some(total) = query.page.total_if_last(rows.len()) {
        total
    } else {
        let counted = count(connection, place, &query.filter).await.map_err(storage(operation))?;
        list::total(counted, query.page, rows.len())
    };
    let items = rows.into_iter().map(UsageRow::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

fn matching<'a>(place: Realm, filter: &UsageFilter) -> Rows<'a> {
    let live = workspaces::table.find(place.workspace_id.get()).filter(workspaces::deleted_at.is_null());
    let mut rows = usage::table
        .into_boxed()
        .filter(usage::workspace_id.eq(place.workspace_id.get()))
        .filter(usage::environment.eq(place.environment.as_str()))
        .filter(diesel::dsl::exists(live));
    if let Some(feature) = &filter.feature {
        rows = rows.filter(usage::feature.eq(feature.to_string()));
    }
    if let Some(moment) = filter.created.from {
        rows = rows.filter(usage::created_at.ge(time::stored(moment)));
    }
    if let Some(moment) = filter.created.to {
        rows = rows.filter(usage::created_at.le(time::stored(moment)));
    }
    rows
}

/// Without a time, what the counters say: there are few of them.
async fn count(connection: &mut AsyncPgConnection, place: Realm, filter: &UsageFilter) -> QueryResult<i64> {
    if !filter.created.is_open() {
        return matching(place, filter).count().get_result(connection).await;
    }
    let mut own = counters::table
        .into_boxed()
        .filter(counters::workspace_id.eq(place.workspace_id.get()))
        .filter(counters::environment.eq(place.environment.as_str()));
    if let Some(feature) = &filter.feature {
        own = own.filter(counters::feature.eq(feature.to_string()));
    }
    own.select(sql::<BigInt>("COALESCE(sum(records), 0)::bigint")).get_result(connection).await
}
