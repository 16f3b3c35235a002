use ::pixel::{Site, SiteFilter, SiteQuery, SiteSort};
use core_domain::{Order, Page, Realm, SiteId, Sort, StorageError, WireWord};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use super::row::SiteRow;
use crate::error::Failure;
use crate::schema::{pixel_sites as sites, workspaces};
use crate::search::instr;

type Rows<'a> = sites::BoxedQuery<'a, Sqlite>;

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

pub(super) fn find(connection: &mut SqliteConnection, place: Realm, id: SiteId) -> Result<Option<Site>, Failure> {
    let row =
        of_place(place).filter(sites::id.eq(id.get())).select(SiteRow::as_select()).first(connection).optional()?;
    Ok(row.map(Site::try_from).transpose()?)
}

pub(super) fn page(connection: &mut SqliteConnection, place: Realm, query: &SiteQuery) -> Result<Page<Site>, Failure> {
    let rows: Vec<SiteRow> = ordered(matching(place, &query.filter), &query.sort)
        .limit(query.page.per_page().into())
        .offset(i64::try_from(query.page.offset()).unwrap_or(i64::MAX))
        .select(SiteRow::as_select())
        .load(connection)?;
    let total = if let Some(total) = query.page.total_if_last(rows.len()) {
        total
    } else {
        let counted: i64 = matching(place, &query.filter).count().get_result(connection)?;
        counted.unsigned_abs()
    };
    let items = rows.into_iter().map(Site::try_from).collect::<Result<_, StorageError>>()?;
    Ok(Page { items, total })
}

fn matching<'a>(place: Realm, filter: &SiteFilter) -> Rows<'a> {
    let mut rows = of_place(place);
    if let Some(enabled) = filter.enabled {
        rows = rows.filter(sites::enabled.eq(enabled));
    }
    if let Some(from) = filter.created.from {
        rows = rows.filter(sites::created_at.ge(from.as_unix_micros()));
    }
    if let Some(to) = filter.created.to {
        rows = rows.filter(sites::created_at.le(to.as_unix_micros()));
    }
    if let Some(from) = filter.updated.from {
        rows = rows.filter(sites::updated_at.ge(from.as_unix_micros()));
    }
    if let Some(to) = filter.updated.to {
        rows = rows.filter(sites::updated_at.le(to.as_unix_micros()));
    }
    if let Some(text) = &filter.search {
        rows = rows.filter(instr(sites::domain, text.clone()).gt(0));
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

#[cfg(test)]
mod tests {
    use core_domain::{Environment, WorkspaceId};

    use super::*;
    use crate::plan;

    #[test]
    fn every_order_of_a_places_sites_comes_from_an_index() {
        let place = Realm { workspace_id: WorkspaceId::try_from(1).unwrap(), environment: Environment::Live };
        for field in SiteSort::ALL {
            for order in [Order::Ascending, Order::Descending] {
                let rows = ordered(matching(place, &SiteFilter::default()), &[Sort { field: *field, order }]);
                let plan = plan::of(&rows.limit(25).offset(100).select(SiteRow::as_select()));
                let index = format!("USING INDEX pixel_sites_by_{field} (workspace_id=? AND environment=?)");
                assert!(plan.contains(&index) && !plan.contains("TEMP B-TREE"), "{field} {order:?}: {plan}");
            }
        }
    }
}
