use ::workspaces::{Workspace, WorkspaceFilter, WorkspaceQuery, WorkspaceSort};
use core_domain::{AccountId, Order, Page, Sort, StorageError};
use diesel::dsl::{InnerJoin, IntoBoxed};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::row::WorkspaceRow;
use crate::error::storage;
use crate::list::{self, containing};
use crate::schema::{accounts, memberships, workspaces};
use crate::time;

type Rows<'a> = IntoBoxed<'a, InnerJoin<memberships::table, workspaces::table>, Pg>;

pub(super) async fn page(
    connection: &mut AsyncPgConnection,
    operation: &'static str,
    account: AccountId,
    query: &WorkspaceQuery,
) -> Result<Page<Workspace>, StorageError> {
    let Some(rows) = matching(account, &query.filter) else {
        return Ok(list::empty());
    };
    let rows: Vec<WorkspaceRow> = ordered(rows, &query.sort)
        .limit(list::limit(query.page))
        .offset(list::offset(query.page))
        .select(WorkspaceRow::as_select())
        .load(connection)
        .await
        .map_err(storage(operation))?;
    let total = if let Some(total) = query.page.total_if_last(rows.len()) {
        total
    } else {
        let counted = count(connection, account, &query.filter).await.map_err(storage(operation))?;
        list::total(counted, query.page, rows.len())
    };
    let items = rows.into_iter().map(Workspace::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

async fn count(connection: &mut AsyncPgConnection, account: AccountId, filter: &WorkspaceFilter) -> QueryResult<i64> {
    if filter.is_empty() {
        let kept = accounts::table.find(account.get()).select(accounts::workspace_count);
        return Ok(kept.first(connection).await.optional()?.unwrap_or(0));
    }
    match matching(account, filter) {
        Some(rows) => rows.count().get_result(connection).await,
        None => Ok(0),
    }
}

/// Says [`WorkspaceFilter::matches`] in SQL; `None` where it can't match any.
fn matching<'a>(account: AccountId, filter: &WorkspaceFilter) -> Option<Rows<'a>> {
    let mut rows =
        memberships::table.inner_join(workspaces::table).into_boxed().filter(memberships::account_id.eq(account.get()));
    if let Some(tier) = filter.tier {
        rows = rows.filter(memberships::tier.eq(tier.rank()));
    }
    if let Some(moment) = filter.created.from {
        rows = rows.filter(memberships::created_at.ge(time::stored(moment)));
    }
    if let Some(moment) = filter.created.to {
        rows = rows.filter(memberships::created_at.le(time::stored(moment)));
    }
    if let Some(moment) = filter.updated.from {
        rows = rows.filter(memberships::updated_at.ge(time::stored(moment)));
    }
    if let Some(moment) = filter.updated.to {
        rows = rows.filter(memberships::updated_at.le(time::stored(moment)));
    }
    if let Some(text) = &filter.search {
        rows = rows.filter(memberships::search_text.like(containing(text)?));
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

fn ordered<'a>(mut rows: Rows<'a>, sort: &[Sort<WorkspaceSort>]) -> Rows<'a> {
    for Sort { field, order } in sort {
        rows = match field {
            WorkspaceSort::Id => by!(rows, memberships::workspace_id, order),
            WorkspaceSort::Name => by!(rows, memberships::name, order),
            WorkspaceSort::Slug => by!(rows, memberships::slug, order),
            WorkspaceSort::Tier => by!(rows, memberships::tier, order),
            WorkspaceSort::CreatedAt => by!(rows, memberships::created_at, order),
            WorkspaceSort::UpdatedAt => by!(rows, memberships::updated_at, order),
        };
    }
    let last = sort.last().map_or(Order::Ascending, |part| part.order);
    by!(rows, memberships::workspace_id, last)
}
