use ::mcp::{Call, CallFilter, CallQuery, CallSort};
use core_domain::{Order, Page, Realm, Sort, WireWord as _};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use super::TABLE;
use super::row::{self, CallRow};
use crate::error::{Failure, OrCorrupt as _};
use crate::schema::{mcp_calls as table, mcp_totals, workspaces};
use crate::search::instr;

type Rows<'a> = table::BoxedQuery<'a, Sqlite>;

pub(super) fn page(connection: &mut SqliteConnection, realm: Realm, query: &CallQuery) -> Result<Page<Call>, Failure> {
    let rows: Vec<CallRow> = ordered(matching(realm, &query.filter), &query.sort)
        .limit(query.page.per_page().into())
        .offset(i64::try_from(query.page.offset()).unwrap_or(i64::MAX))
        .select(CallRow::as_select())
        .load(connection)?;
    let total = match query.page.total_if_last(rows.len()) {
        Some(total) => total,
        None => count(connection, realm, &query.filter)?,
    };
    let items = rows.into_iter().map(Call::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

fn count(connection: &mut SqliteConnection, realm: Realm, filter: &CallFilter) -> Result<u64, Failure> {
    let counted: i64 = if filter.is_empty() {
        let live = workspaces::table.find(realm.workspace_id.get()).filter(workspaces::deleted_at.is_null());
        let kept = mcp_totals::table.find((realm.workspace_id.get(), realm.environment.as_str()));
        kept.filter(exists(live)).select(mcp_totals::call_count).first(connection).optional()?.unwrap_or(0)
    } else {
        matching(realm, filter).count().get_result(connection)?
    };
    Ok(u64::try_from(counted).or_corrupt(TABLE, "call_count")?)
}

/// The realms that called this server, in the order of their workspaces.
pub(super) fn callers_of(connection: &mut SqliteConnection, server: &str) -> Result<Vec<Realm>, Failure> {
    let live = workspaces::table.find(mcp_totals::workspace_id).filter(workspaces::deleted_at.is_null());
    let calls = table::table
        .filter(table::workspace_id.eq(mcp_totals::workspace_id))
        .filter(table::environment.eq(mcp_totals::environment))
        .filter(table::server.eq(server));
    let places: Vec<(i64, String)> = mcp_totals::table
        .filter(exists(live))
        .filter(exists(calls))
        .select((mcp_totals::workspace_id, mcp_totals::environment))
        .order_by((mcp_totals::workspace_id, mcp_totals::environment))
        .load(connection)?;
    Ok(places
        .into_iter()
        .map(|(workspace, environment)| row::realm(workspace, &environment))
        .collect::<Result<_, _>>()?)
}

/// Says [`CallFilter::matches`] in SQL.
fn matching(realm: Realm, filter: &CallFilter) -> Rows<'_> {
    let live = workspaces::table.find(realm.workspace_id.get()).filter(workspaces::deleted_at.is_null());
    let mut rows = table::table
        .filter(table::workspace_id.eq(realm.workspace_id.get()))
        .filter(table::environment.eq(realm.environment.as_str()))
        .filter(exists(live))
        .into_boxed();
    if let Some(server) = &filter.server {
        rows = rows.filter(table::server.eq(server));
    }
    if let Some(tool) = &filter.tool {
        rows = rows.filter(table::tool.eq(tool));
    }
    if let Some(outcome) = filter.outcome {
        rows = rows.filter(table::outcome.eq(outcome.as_str()));
    }
    if let Some(key) = filter.api_key_id {
        rows = rows.filter(table::api_key_id.eq(key.get()));
    }
    if let Some(from) = filter.created.from {
        rows = rows.filter(table::created_at.ge(from.as_unix_micros()));
    }
    if let Some(to) = filter.created.to {
        rows = rows.filter(table::created_at.le(to.as_unix_micros()));
    }
    if let Some(text) = &filter.search {
        rows = rows.filter(instr(table::search_text, text).gt(0));
    }
    rows
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

#[cfg(test)]
mod tests {
    use core_domain::{Environment, Timestamp, WorkspaceId};

    use super::*;
    use crate::mcp::purge;
    use crate::plan;

    fn plan_of(filter: &CallFilter, field: CallSort, order: Order) -> String {
        let realm = Realm { workspace_id: WorkspaceId::try_from(1).unwrap(), environment: Environment::Live };
        let rows = ordered(matching(realm, filter), &[Sort { field, order }]);
        plan::of(&rows.limit(25).offset(100).select(CallRow::as_select()))
    }

    #[test]
    fn every_order_of_calls_comes_from_an_index() {
        let of_server = CallFilter { server: Some("files".to_owned()), ..CallFilter::default() };
        let cases = [
            (CallFilter::default(), CallSort::CreatedAt, "(workspace_id=? AND environment=?)"),
            (CallFilter::default(), CallSort::Id, "(workspace_id=? AND environment=?)"),
            (of_server, CallSort::CreatedAt, "mcp_calls_by_server (workspace_id=? AND environment=? AND server=?)"),
        ];
        for (filter, field, index) in cases {
            for order in [Order::Ascending, Order::Descending] {
                let plan = plan_of(&filter, field, order);
                assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{field} {order:?}: {plan}");
            }
        }
    }

    #[test]
    fn a_purge_reads_no_table_whole() {
        for plan in plan::of_each_in(|connection| purge::older(connection, Timestamp::MIN.as_unix_micros(), 10)) {
            assert!(!plan.contains("SCAN mcp") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
