use ::seo::{Realm, Report, ReportFilter, ReportQuery, ReportSort};
use core_domain::{Order, Page, Sort, StorageError, WireWord as _};
use diesel::dsl::exists;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::row::ReportRow;
use crate::error::storage;
use crate::list::{self, containing};
use crate::schema::{seo_reports as table, seo_totals, workspaces};
use crate::time;

type Rows<'a> = table::BoxedQuery<'a, Pg>;

pub(super) async fn page(
    connection: &mut AsyncPgConnection,
    operation: &'static str,
    place: Realm,
    query: &ReportQuery,
) -> Result<Page<Report>, StorageError> {
    let Some(rows) = matching(place, &query.filter) else {
        return Ok(list::empty());
    };
    let rows: Vec<ReportRow> = ordered(rows, &query.sort)
        .limit(list::limit(query.page))
        .offset(list::offset(query.page))
        .select(ReportRow::as_select())
        .load(connection)
        .await
        .map_err(storage(operation))?;
    let total = if let Some(total) = query.page.total_if_last(rows.len()) {
        total
    } else {
        let counted = count(connection, place, &query.filter).await.map_err(storage(operation))?;
        list::total(counted, query.page, rows.len())
    };
    let items = rows.into_iter().map(Report::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

async fn count(connection: &mut AsyncPgConnection, place: Realm, filter: &ReportFilter) -> QueryResult<i64> {
    let live = workspaces::table.find(place.workspace_id.get()).filter(workspaces::deleted_at.is_null());
    if filter.is_empty() {
        let kept = seo_totals::table.find((place.workspace_id.get(), place.environment.as_str())).filter(exists(live));
        let kept = kept.select(seo_totals::report_count).first(connection).await.optional()?;
        return Ok(kept.unwrap_or(0));
    }
    match matching(place, filter) {
        Some(rows) => rows.count().get_result(connection).await,
        None => Ok(0),
    }
}

/// Says [`ReportFilter::matches`] in SQL; `None` where it can't match any.
fn matching<'a>(place: Realm, filter: &ReportFilter) -> Option<Rows<'a>> {
    let live = workspaces::table.find(place.workspace_id.get()).filter(workspaces::deleted_at.is_null());
    let own = table::workspace_id.eq(place.workspace_id.get()).and(table::environment.eq(place.environment.as_str()));
    let mut rows = table::table.filter(own).filter(exists(live)).into_boxed();
    if let Some(url) = &filter.url {
        rows = rows.filter(table::url.eq(url.as_str().to_owned()));
    }
    if let Some(tool) = &filter.tool {
        // PostgreSQL stores no NUL, and takes none in a parameter.
        if tool.contains('\0') {
            return None;
        }
        rows = rows.filter(table::tool.eq(tool.clone()));
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
