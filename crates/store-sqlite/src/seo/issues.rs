use core_domain::{Order, Page, Sort, WireWord as _};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use seo::{Issue, IssueFilter, IssueQuery, IssueSort, IssueStatus, Realm};

use super::row::IssueRow;
use crate::error::{Failure, OrCorrupt as _};
use crate::schema::{seo_issues as table, seo_totals};
use crate::search::instr;

type Rows<'a> = table::BoxedQuery<'a, Sqlite>;

/// One page of the issues of a workspace that is live.
pub(super) fn page(
    connection: &mut SqliteConnection,
    place: Realm,
    query: &IssueQuery,
) -> Result<Page<Issue>, Failure> {
    let rows: Vec<IssueRow> = ordered(matching(place, &query.filter), &query.sort)
        .limit(query.page.per_page().into())
        .offset(i64::try_from(query.page.offset()).unwrap_or(i64::MAX))
        .select(IssueRow::as_select())
        .load(connection)?;
    let total = match query.page.total_if_last(rows.len()) {
        Some(total) => total,
        None => count(connection, place, &query.filter)?,
    };
    let items = rows.into_iter().map(Issue::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

fn count(connection: &mut SqliteConnection, place: Realm, filter: &IssueFilter) -> Result<u64, Failure> {
    let counted: i64 = if filter.is_empty() {
        let kept = seo_totals::table.find((place.workspace_id.get(), place.environment.as_str()));
        kept.select(seo_totals::issue_count).first(connection).optional()?.unwrap_or(0)
    } else {
        matching(place, filter).count().get_result(connection)?
    };
    Ok(u64::try_from(counted).or_corrupt("seo_totals", "issue_count")?)
}

/// Says [`IssueFilter::matches`] in SQL.
fn matching(place: Realm, filter: &IssueFilter) -> Rows<'_> {
    let own = table::workspace_id.eq(place.workspace_id.get()).and(table::environment.eq(place.environment.as_str()));
    let mut rows = table::table.filter(own).into_boxed();
    rows = match filter.status {
        None => rows,
        Some(IssueStatus::Open) => rows.filter(table::resolved_at.is_null()),
        Some(IssueStatus::Resolved) => rows.filter(table::resolved_at.is_not_null()),
    };
    if let Some(severity) = filter.severity {
        rows = rows.filter(table::severity.eq(severity.rank()));
    }
    if let Some(issue_type) = &filter.issue_type {
        rows = rows.filter(table::issue_type.eq(issue_type.as_str()));
    }
    if let Some(url) = &filter.url {
        rows = rows.filter(table::url.eq(url.as_str()));
    }
    if let Some(from) = filter.created.from {
        rows = rows.filter(table::created_at.ge(from.as_unix_micros()));
    }
    if let Some(to) = filter.created.to {
        rows = rows.filter(table::created_at.le(to.as_unix_micros()));
    }
    if let Some(from) = filter.updated.from {
        rows = rows.filter(table::updated_at.ge(from.as_unix_micros()));
    }
    if let Some(to) = filter.updated.to {
        rows = rows.filter(table::updated_at.le(to.as_unix_micros()));
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

fn ordered<'a>(mut rows: Rows<'a>, sort: &[Sort<IssueSort>]) -> Rows<'a> {
    for Sort { field, order } in sort {
        rows = match field {
            IssueSort::CreatedAt => by!(rows, table::created_at, order),
            IssueSort::Id => by!(rows, table::id, order),
            IssueSort::Severity => by!(rows, table::severity, order),
            IssueSort::Url => by!(rows, table::url, order),
        };
    }
    let last = sort.last().map_or(Order::Ascending, |part| part.order);
    by!(rows, table::id, last)
}

#[cfg(test)]
mod tests {
    use core_domain::{Environment, WorkspaceId};

    use super::*;
    use crate::plan;

    #[test]
    fn every_order_of_a_workspaces_issues_comes_from_an_index() {
        let place = Realm { workspace_id: WorkspaceId::try_from(1).unwrap(), environment: Environment::Live };
        let all = IssueFilter::default();
        for field in IssueSort::ALL {
            for order in [Order::Ascending, Order::Descending] {
                let rows = ordered(matching(place, &all), &[Sort { field: *field, order }]);
                let plan = plan::of(&rows.limit(25).offset(100).select(IssueRow::as_select()));
                let index = format!("USING INDEX seo_issues_by_{field} (workspace_id=? AND environment=?)");
                assert!(plan.contains(&index) && !plan.contains("TEMP B-TREE"), "{field} {order:?}: {plan}");
            }
        }
    }
}
