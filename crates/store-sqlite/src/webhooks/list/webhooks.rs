use core_domain::{Order, Page, Sort, WireWord};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel::sqlite::Sqlite;
use webhooks::{Endpoint, Realm, WebhookFilter, WebhookQuery, WebhookSort};

use super::{by, offset};
use crate::error::Failure;
use crate::schema::webhooks as table;
use crate::search::instr;
use crate::webhooks::read::live;
use crate::webhooks::row::EndpointRow;

type Rows<'a> = table::BoxedQuery<'a, Sqlite>;
type Condition<'a> = Box<dyn BoxableExpression<table::table, Sqlite, SqlType = Bool> + 'a>;

pub(crate) fn page(
    connection: &mut SqliteConnection,
    realm: Realm,
    query: &WebhookQuery,
) -> Result<Page<Endpoint>, Failure> {
    let rows = ordered(matching(realm, &query.filter), &query.sort)
        .limit(query.page.per_page().into())
        .offset(offset(query.page))
        .select(EndpointRow::as_select())
        .load(connection)?;
    let total = if let Some(total) = query.page.total_if_last(rows.len()) {
        total
    } else {
        let counted: i64 = matching(realm, &query.filter).count().get_result(connection)?;
        counted.unsigned_abs()
    };
    let items = rows.into_iter().map(Endpoint::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

fn matching(realm: Realm, filter: &WebhookFilter) -> Rows<'_> {
    let mut rows = table::table
        .filter(table::workspace_id.eq(realm.workspace_id.get()))
        .filter(table::environment.eq(realm.environment.as_str()))
        .filter(live!())
        .into_boxed();
    match filter.is_active {
        Some(true) => rows = rows.filter(table::disabled_at.is_null()),
        Some(false) => rows = rows.filter(table::disabled_at.is_not_null()),
        None => {}
    }
    if let Some(patterns) = &filter.patterns {
        let none: Condition<'_> = Box::new(false.into_sql::<Bool>());
        let any = patterns.iter().fold(none, |any, pattern| {
            // No pattern has a character that JSON escapes.
            Box::new(any.or(instr(table::subscriptions, format!("\"{pattern}\"")).gt(0)))
        });
        rows = rows.filter(any);
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

fn ordered<'a>(mut rows: Rows<'a>, sort: &[Sort<WebhookSort>]) -> Rows<'a> {
    for Sort { field, order } in sort {
        rows = match field {
            WebhookSort::Id => by!(rows, table::id, order),
            WebhookSort::Url => by!(rows, table::url, order),
            WebhookSort::CreatedAt => by!(rows, table::created_at, order),
            WebhookSort::LastDeliveryAt => by!(rows, table::last_delivery_at, order),
            WebhookSort::SuccessCount => by!(rows, table::success_count, order),
            WebhookSort::FailureCount => by!(rows, table::failure_count, order),
        };
    }
    let last = sort.last().map_or(Order::Ascending, |part| part.order);
    by!(rows, table::id, last)
}

#[cfg(test)]
mod tests {
    use core_domain::Environment;

    use super::*;
    use crate::plan;

    #[test]
    fn every_order_of_a_realms_webhooks_comes_from_an_index() {
        let realm = Realm { workspace_id: 1.try_into().unwrap(), environment: Environment::Live };
        for field in WebhookSort::ALL {
            for order in [Order::Ascending, Order::Descending] {
                let filter = WebhookFilter::default();
                let rows = ordered(matching(realm, &filter), &[Sort { field: *field, order }]);
                let plan = plan::of(&rows.limit(25).offset(100).select(EndpointRow::as_select()));
                let index = format!("USING INDEX webhooks_by_{field} (workspace_id=? AND environment=?)");
                assert!(plan.contains(&index) && !plan.contains("TEMP B-TREE"), "{field} {order:?}: {plan}");
            }
        }
    }
}
