use std::collections::HashMap;

use core_domain::{Order, Page, Sort};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use workspaces::{Workspace, WorkspaceFilter, WorkspaceQuery, WorkspaceSort};

use super::WorkspaceRow;
use crate::error::{Failure, OrCorrupt};
use crate::schema::{accounts, memberships as copy, workspaces as table};
use crate::search::instr;

type Rows<'a> = copy::BoxedQuery<'a, Sqlite>;

/// The ids of the page come from the memberships' indexes alone, however deep the page; then its rows are fetched.
pub(super) fn page(
    connection: &mut SqliteConnection,
    account: i64,
    query: &WorkspaceQuery,
) -> Result<Page<Workspace>, Failure> {
    let ids: Vec<i64> = ordered(matching(account, &query.filter), &query.sort)
        .limit(query.page.per_page().into())
        .offset(i64::try_from(query.page.offset()).unwrap_or(i64::MAX))
        .select(copy::workspace_id)
        .load(connection)?;
    let total = match query.page.total_if_last(ids.len()) {
        Some(total) => total,
        None => total(connection, account, &query.filter)?,
    };
    let rows = table::table.filter(table::id.eq_any(&ids)).select(WorkspaceRow::as_select()).load(connection)?;
    let mut by_id: HashMap<i64, WorkspaceRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    let found = ids.iter().filter_map(|id| by_id.remove(id));
    let items = found.map(Workspace::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

fn total(connection: &mut SqliteConnection, account: i64, filter: &WorkspaceFilter) -> Result<u64, Failure> {
    let count: i64 = if filter.is_empty() {
        let kept = accounts::table.find(account).select(accounts::workspace_count);
        kept.first(connection).optional()?.unwrap_or(0)
    } else {
        matching(account, filter).count().get_result(connection)?
    };
    Ok(u64::try_from(count).or_corrupt("accounts", "workspace_count")?)
}

fn matching(account: i64, filter: &WorkspaceFilter) -> Rows<'_> {
    let mut rows = copy::table.filter(copy::account_id.eq(account)).into_boxed();
    if let Some(tier) = filter.tier {
        rows = rows.filter(copy::tier.eq(tier.rank()));
    }
    if let Some(from) = filter.created.from {
        rows = rows.filter(copy::created_at.ge(from.as_unix_micros()));
    }
    if let Some(to) = filter.created.to {
        rows = rows.filter(copy::created_at.le(to.as_unix_micros()));
    }
    if let Some(from) = filter.updated.from {
        rows = rows.filter(copy::updated_at.ge(from.as_unix_micros()));
    }
    if let Some(to) = filter.updated.to {
        rows = rows.filter(copy::updated_at.le(to.as_unix_micros()));
    }
    if let Some(text) = &filter.search {
        rows = rows.filter(instr(copy::search_text, text).gt(0));
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

fn ordered<'a>(mut rows: Rows<'a>, sort: &[Sort<WorkspaceSort>]) -> Rows<'a> {
    for Sort { field, order } in sort {
        rows = match field {
            WorkspaceSort::Id => by!(rows, copy::workspace_id, order),
            WorkspaceSort::Name => by!(rows, copy::name, order),
            WorkspaceSort::Slug => by!(rows, copy::slug, order),
            WorkspaceSort::Tier => by!(rows, copy::tier, order),
            WorkspaceSort::CreatedAt => by!(rows, copy::created_at, order),
            WorkspaceSort::UpdatedAt => by!(rows, copy::updated_at, order),
        };
    }
    let last = sort.last().map_or(Order::Ascending, |part| part.order);
    by!(rows, copy::workspace_id, last)
}

#[cfg(test)]
mod tests {
    use core_domain::WireWord;

    use super::*;
    use crate::plan;

    #[test]
    fn every_order_of_an_accounts_workspaces_comes_from_a_covering_index() {
        for field in WorkspaceSort::ALL {
            for order in [Order::Ascending, Order::Descending] {
                let filter = WorkspaceFilter::default();
                let rows = ordered(matching(1, &filter), &[Sort { field: *field, order }]);
                let plan = plan::of(&rows.limit(25).offset(100).select(copy::workspace_id));
                assert!(plan.contains("INDEX") || plan.contains("PRIMARY KEY"), "{field} {order:?}: {plan}");
                assert!(plan.contains("(account_id=?)") && !plan.contains("TEMP B-TREE"), "{field} {order:?}: {plan}");
            }
        }
    }
}
