use core_domain::{Order, Page, Sort, StorageError, WireWord};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::sqlite::Sqlite;
use entitlements::{Realm, UsageFilter, UsageQuery, UsageRow};

use super::row::RecordRow;
use crate::error::{Failure, OrCorrupt};
use crate::schema::{entitlement_counters as counters, entitlement_usage as usage, workspaces};

type Rows<'a> = usage::BoxedQuery<'a, Sqlite>;

pub(super) fn page(
    connection: &mut SqliteConnection,
    place: Realm,
    query: &UsageQuery,
) -> Result<Page<UsageRow>, Failure> {
    let live = workspaces::table.find(place.workspace_id.get()).filter(workspaces::deleted_at.is_null());
    if live.select(workspaces::id).first::<i64>(connection).optional()?.is_none() {
        return Ok(Page { items: Vec::new(), total: 0 });
    }
    let rows: Vec<RecordRow> = ordered(matching(place, &query.filter), &query.sort)
        .limit(query.page.per_page().into())
        .offset(i64::try_from(query.page.offset()).unwrap_or(i64::MAX))
        .select(RecordRow::as_select())
        .load(connection)?;
    let total = match query.page.total_if_last(rows.len()) {
        Some(total) => total,
        None => count(connection, place, &query.filter)?,
    };
    let items = rows.into_iter().map(UsageRow::try_from).collect::<Result<_, StorageError>>()?;
    Ok(Page { items, total })
}

fn ordered<'a>(rows: Rows<'a>, sort: &[Sort<entitlements::UsageSort>]) -> Rows<'a> {
    match sort {
        [Sort { order: Order::Ascending, .. }, ..] => rows.order((usage::created_at.asc(), usage::id.asc())),
        _ => rows.order((usage::created_at.desc(), usage::id.desc())),
    }
}

fn matching<'a>(place: Realm, filter: &UsageFilter) -> Rows<'a> {
    let mut rows = usage::table
        .into_boxed()
        .filter(usage::workspace_id.eq(place.workspace_id.get()))
        .filter(usage::environment.eq(place.environment.as_str()));
    if let Some(feature) = &filter.feature {
        rows = rows.filter(usage::feature.eq(feature.to_string()));
    }
    if let Some(from) = filter.created.from {
        rows = rows.filter(usage::created_at.ge(from.as_unix_micros()));
    }
    if let Some(to) = filter.created.to {
        rows = rows.filter(usage::created_at.le(to.as_unix_micros()));
    }
    rows
}

/// Without a time, what the counters say: there are few of them.
fn count(connection: &mut SqliteConnection, place: Realm, filter: &UsageFilter) -> Result<u64, Failure> {
    let counted: i64 = if filter.created.is_open() {
        let mut own = counters::table
            .into_boxed()
            .filter(counters::workspace_id.eq(place.workspace_id.get()))
            .filter(counters::environment.eq(place.environment.as_str()));
        if let Some(feature) = &filter.feature {
            own = own.filter(counters::feature.eq(feature.to_string()));
        }
        own.select(sql::<BigInt>("COALESCE(sum(records), 0)")).get_result(connection)?
    } else {
        matching(place, filter).count().get_result(connection)?
    };
    Ok(u64::try_from(counted).or_corrupt("entitlement_counters", "records")?)
}

#[cfg(test)]
mod tests {
    use core_domain::{Environment, WorkspaceId};
    use entitlements::{FeatureKey, UsageSort};

    use super::*;
    use crate::plan;

    #[test]
    fn both_orders_come_from_an_index_with_and_without_a_feature() {
        let place = Realm { workspace_id: WorkspaceId::try_from(1).unwrap(), environment: Environment::Live };
        let of_posts = UsageFilter { feature: Some(FeatureKey::try_from("posts").unwrap()), ..UsageFilter::default() };
        for (filter, index) in
            [(UsageFilter::default(), "entitlement_usage_by_created_at"), (of_posts, "entitlement_usage_by_feature")]
        {
            for order in [Order::Ascending, Order::Descending] {
                let rows = ordered(matching(place, &filter), &[Sort { field: UsageSort::CreatedAt, order }]);
                let plan = plan::of(&rows.limit(25).offset(100).select(RecordRow::as_select()));
                assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{order:?}: {plan}");
            }
        }
    }
}
