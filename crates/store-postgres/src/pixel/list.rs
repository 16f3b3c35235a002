use ::pixel::{Site, SiteFilter, SiteQuery, SiteSort};
use core_domain::{Order, Page, Realm, Sort, StorageError, WireWord as _};
use diesel::dsl::{IntoBoxed, exists};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::row::SiteRow;
use crate::error::storage;
use crate::list::containing;
use crate::schema::{pixel_sites as sites, workspaces};
use crate::{list, time};

type Rows<'a> = IntoBoxed<'a, sites::table, Pg>;

/// The sites of a place, while there is its workspace.
pub(super) fn of_place<'a>(place: Realm) -> Rows<'a> {
    let live = workspaces::table.find(place.workspace_id.get()).filter(workspaces::deleted_at.is_null());
    sites::table
        .into_boxed()
        .filter(sites::workspace_id.eq(place.workspace_id.get()))
        .filter(sites::environment.eq(place.environment.as_str()))
        .filter(sites::deleted_at.is_null())
        .filter(exists(live))
}

pub(super) async fn page(
    connection: &mut AsyncPgConnection,
    operation: &'static str,
    place: Realm,
    query: &SiteQuery,
) -> Result<Page<Site>, StorageError> {
    let Some(rows) = matching(place, &query.filter) else { return Ok(list::empty()) };
    let rows: Vec<SiteRow> = ordered(rows, &query.sort)
        .limit(list::limit(query.page))
        .offset(list::offset(query.page))
        .select(SiteRow::as_select())
        .load(connection)
        .await
        .map_err(storage(operation))?;
    let total = if let Some(total) = query.page.total_if_last(rows.len()) {
        total
    } else {
        let counted: i64 = match matching(place, &query.filter) {
            Some(rows) => rows.count().get_result(connection).await.map_err(storage(operation))?,
            None => 0,
        };
        list::total(counted, query.page, rows.len())
    };
    let items = rows.into_iter().map(Site::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

/// `None` where it can't match any.
fn matching<'a>(place: Realm, filter: &SiteFilter) -> Option<Rows<'a>> {
    let mut rows = of_place(place);
    if let Some(enabled) = filter.enabled {
        rows = rows.filter(sites::enabled.eq(enabled));
    }
    if let Some(from) = filter.created.from {
        rows = rows.filter(sites::created_at.ge(time::stored(from)));
    }
    if let Some(to) = filter.created.to {
        rows = rows.filter(sites::created_at.le(time::stored(to)));
    }
    if let Some(from) = filter.updated.from {
        rows = rows.filter(sites::updated_at.ge(time::stored(from)));
    }
    if let Some(to) = filter.updated.to {
        rows = rows.filter(sites::updated_at.le(time::stored(to)));
    }
    if let Some(text) = &filter.search {
        rows = rows.filter(sites::domain.like(containing(text)?));
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

fn ordered<'a>(mut rows: Rows<'a>, sort: &[Sort<SiteSort>]) -> Rows<'a> {
    for Sort { field, order } in sort {
        rows = match field {
            SiteSort::CreatedAt => by!(rows, sites::created_at, order),
            SiteSort::Id => by!(rows, sites::id, order),
            SiteSort::Domain => by!(rows, sites::domain, order),
        };
    }
    let last = sort.last().map_or(Order::Ascending, |part| part.order);
    by!(rows, sites::id, last)
}
