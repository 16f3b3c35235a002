use ::mcp::{Call, CallFilter, CallQuery, CallSort, ServerId};
use core_domain::{Order, Page, Realm, Sort, StorageError, WireWord as _};
use diesel::dsl::exists;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::row::{self, CallRow};
use crate::error::storage;
use crate::list::{self, containing};
use crate::schema::{mcp_calls as table, mcp_totals, workspaces};
use crate::time;

type Rows<'a> = table::BoxedQuery<'a, Pg>;

pub(super) async fn page(
    connection: &mut AsyncPgConnection,
    operation: &'static str,
    realm: Realm,
    query: &CallQuery,
) -> Result<Page<Call>, StorageError> {
    let Some(rows) = matching(realm, &query.filter) else {
        return Ok(list::empty());
    };
    let rows: Vec<CallRow> = ordered(rows, &query.sort)
        .limit(list::limit(query.page))
        .offset(list::offset(query.page))
        .select(CallRow::as_select())
        .load(connection)
        .await
        .map_err(storage(operation))?;
    let total = if let Some(total) = query.page.total_if_last(rows.len()) {
        total
    } else {
        let counted = count(connection, realm, &query.filter).await.map_err(storage(operation))?;
        list::total(counted, query.page, rows.len())
    };
    let items = rows.into_iter().map(Call::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

async fn count(connection: &mut AsyncPgConnection, realm: Realm, filter: &CallFilter) -> QueryResult<i64> {
    let live = workspaces::table.find(realm.workspace_id.get()).filter(workspaces::deleted_at.is_null());
    if filter.is_empty() {
        let slots: Vec<i64> = mcp_totals::table
            .filter(mcp_totals::workspace_id.eq(realm.workspace_id.get()))
            .filter(mcp_totals::environment.eq(realm.environment.as_str()))
            .filter(exists(live))
            .select(mcp_totals::call_count)
            .load(connection)
            .await?;
        return Ok(slots.iter().sum());
    }
    match matching(realm, filter) {
        Some(rows) => rows.count().get_result(connection).await,
        None => Ok(0),
    }
}

/// The realms that called this server, in the order of their workspaces.
pub(super) async fn callers_of(
    connection: &mut AsyncPgConnection,
    operation: &'static str,
    server: &ServerId,
) -> Result<Vec<Realm>, StorageError> {
    let live = workspaces::table.find(mcp_totals::workspace_id).filter(workspaces::deleted_at.is_null());
    let calls = table::table
        .filter(table::workspace_id.eq(mcp_totals::workspace_id))
        .filter(table::environment.eq(mcp_totals::environment))
        .filter(table::server.eq(server.as_str()));
    let places: Vec<(i64, String)> = mcp_totals::table
        .filter(exists(live))
        .filter(exists(calls))
        .select((mcp_totals::workspace_id, mcp_totals::environment))
        .distinct()
        .order_by((mcp_totals::workspace_id, mcp_totals::environment))
        .load(connection)
        .await
        .map_err(storage(operation))?;
    places.into_iter().map(|(workspace, environment)| row::realm(workspace, &environment)).collect()
}

/// Says [`CallFilter::matches`] in SQL; `None` where it can't match any.
fn matching<'a>(realm: Realm, filter: &CallFilter) -> Option<Rows<'a>> {
    let live = workspaces::table.find(realm.workspace_id.get()).filter(workspaces::deleted_at.is_null());
    let mut rows = table::table
        .filter(table::workspace_id.eq(realm.workspace_id.get()))
        .filter(table::environment.eq(realm.environment.as_str()))
        .filter(exists(live))
        .into_boxed();
    // PostgreSQL stores no NUL, and takes none in a parameter.
    if [&filter.server, &filter.tool].into_iter().flatten().any(|text| text.contains('\0')) {
        return None;
    }
    if let Some(server) = &filter.server {
        rows = rows.filter(table::server.eq(server.clone()));
    }
    if let Some(tool) = &filter.tool {
        rows = rows.filter(table::tool.eq(tool.clone()));
    }
    if let Some(outcome) = filter.outcome {
        rows = rows.filter(table::outcome.eq(outcome.as_str()));
    }
    if let Some(key) = filter.api_key_id {
        rows = rows.filter(table::api_key_id.eq(key.get()));
    }
    if let Some(from) = filter.created.from {
        rows = rows.filter(table::created_at.ge(time::stored(from)));
    }
    if let Some(to) = filter.created.to {
        rows = rows.filter(table::created_at.le(time::stored(to)));
    }
    if let Some(text) = &filter.search {
        rows = rows.filter(table::search_text.like(containing(text)?));
    }
    Some(rows)
}

macro_rules! by {
    ($rows:expr, $column:expr, $order:expr) => {
        match $order {
            Order::Ascending => $rows.then_order_by($column.asc()),
            Order::Descending => $rows.then_order_by($column.desc()),
        }
    };
}

fn ordered<'a>(mut rows: Rows<'a>, sort: &[Sort<CallSort>]) -> Rows<'a> {
    for Sort { field, order } in sort {
        rows = match field {
            CallSort::CreatedAt => by!(rows, table::created_at, order),
            CallSort::Id => by!(rows, table::id, order),
        };
    }
    let last = sort.last().map_or(Order::Ascending, |part| part.order);
    by!(rows, table::id, last)
}
