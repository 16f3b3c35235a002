use core_domain::{Order, Page, Sort, WireWord as _};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use seo::{Realm, Report, ReportFilter, ReportQuery, ReportSort};

use super::row::ReportRow;
use crate::error::{Failure, OrCorrupt as _};
use crate::schema::{seo_reports as table, seo_totals};
use crate::search::instr;

type Rows<'a> = table::BoxedQuery<'a, Sqlite>;

/// One page of the reports of a workspace that is live.
pub(super) fn page(
    connection: &mut SqliteConnection,
    place: Realm,
    query: &ReportQuery,
) -> Result<Page<Report>, Failure> {
    let rows: Vec<ReportRow> = ordered(matching(place, &query.filter), &query.sort)
        .limit(query.page.per_page().into())
        .offset(i64::try_from(query.page.offset()).unwrap_or(i64::MAX))
        .select(ReportRow::as_select())
        .load(connection)?;
    let total = match query.page.total_if_last(rows.len()) {
        Some(total) => total,
        None => count(connection, place, &query.filter)?,
    };
    let items = rows.into_iter().map(Report::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

fn count(connection: &mut SqliteConnection, place: Realm, filter: &ReportFilter) -> Result<u64, Failure> {
    let counted: i64 = if filter.is_empty() {
        let kept = seo_totals::table.find((place.workspace_id.get(), place.environment.as_str()));
        kept.select(seo_totals::report_count).first(connection).optional()?.unwrap_or(0)
    } else {
        matching(place, filter).count().get_result(connection)?
    };
    Ok(u64::try_from(counted).or_corrupt("seo_totals", "report_count")?)
}

/// Says [`ReportFilter::matches`] in SQL.
fn matching(place: Realm, filter: &ReportFilter) -> Rows<'_> {
    let own = table::workspace_id.eq(place.workspace_id.get()).and(table::environment.eq(place.environment.as_str()));
    let mut rows = table::table.filter(own).into_boxed();
    if let Some(url) = &filter.url {
        rows = rows.filter(table::url.eq(url.as_str()));
    }
    if let Some(tool) = &filter.tool {
        rows = rows.filter(table::tool.eq(tool));
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

fn ordered<'a>(mut rows: Rows<'a>, sort: &[Sort<ReportSort>]) -> Rows<'a> {
    for Sort { field, order } in sort {
        rows = match field {
            ReportSort::CreatedAt => by!(rows, table::created_at, order),
            ReportSort::Id => by!(rows, table::id, order),
            ReportSort::Url => by!(rows, table::url, order),
        };
    }
    let last = sort.last().map_or(Order::Ascending, |part| part.order);
    by!(rows, table::id, last)
}

#[cfg(test)]
mod tests {
    use core_domain::{Environment, WorkspaceId};
    use seo::PageUrl;

    use super::*;
    use crate::plan;

    fn plan_of(filter: &ReportFilter, field: ReportSort, order: Order) -> String {
        let place = Realm { workspace_id: WorkspaceId::try_from(1).unwrap(), environment: Environment::Live };
        let rows = ordered(matching(place, filter), &[Sort { field, order }]);
        plan::of(&rows.limit(25).offset(100).select(ReportRow::as_select()))
    }

    #[test]
    fn every_order_of_a_workspaces_reports_comes_from_an_index() {
        for field in ReportSort::ALL {
            for order in [Order::Ascending, Order::Descending] {
                let plan = plan_of(&ReportFilter::default(), *field, order);
                let index = "(workspace_id=? AND environment=?)";
                assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{field} {order:?}: {plan}");
            }
        }
    }

    #[test]
    fn a_pages_history_has_its_own_index() {
        let url = PageUrl::try_from("https://example.com/").ok();
        let plan = plan_of(&ReportFilter { url, ..ReportFilter::default() }, ReportSort::CreatedAt, Order::Descending);
        let index = "seo_reports_of_url (workspace_id=? AND environment=? AND url=?)";
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}
