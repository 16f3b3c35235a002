use core_domain::{Order, Page, Sort, WireWord};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel::sqlite::Sqlite;
use webhooks::{Delivery, DeliveryFilter, DeliveryQuery, DeliverySort, DeliveryStatus};

use super::{by, offset};
use crate::error::{Failure, OrCorrupt};
use crate::schema::{deliveries, events, webhooks as table};
use crate::search::instr;
use crate::webhooks::read::{DeliveryRow, live};

type Rows<'a> = deliveries::BoxedQuery<'a, Sqlite>;

pub(crate) fn page(
    connection: &mut SqliteConnection,
    webhook: i64,
    query: &DeliveryQuery,
) -> Result<Page<Delivery>, Failure> {
    let home = table::table.filter(table::id.eq(webhook)).filter(live!());
    let settled = home.select((table::settled_success, table::settled_failed));
    let Some(settled) = settled.first::<(i64, i64)>(connection).optional()? else {
        return Ok(Page { items: Vec::new(), total: 0 });
    };
    let rows = ordered(matching(webhook, &query.filter), &query.sort)
        .limit(query.page.per_page().into())
        .offset(offset(query.page))
        .select(DeliveryRow::as_select())
        .load(connection)?;
    let total = match query.page.total_if_last(rows.len()) {
        Some(total) => total,
        None => count(connection, webhook, &query.filter, settled)?,
    };
    let items = rows.into_iter().map(Delivery::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

fn count(
    connection: &mut SqliteConnection,
    webhook: i64,
    filter: &DeliveryFilter,
    (successes, failures): (i64, i64),
) -> Result<u64, Failure> {
    let of_status = DeliveryFilter { status: filter.status, ..DeliveryFilter::default() };
    let number = match filter.status {
        Some(DeliveryStatus::Success) if *filter == of_status => successes,
        Some(DeliveryStatus::Failed) if *filter == of_status => failures,
        None if *filter == of_status => {
            let open =
                deliveries::table.filter(deliveries::webhook_id.eq(webhook)).filter(deliveries::due_at.is_not_null());
            successes + failures + open.count().get_result::<i64>(connection)?
        }
        _ => matching(webhook, filter).count().get_result(connection)?,
    };
    Ok(u64::try_from(number).or_corrupt("webhooks", "settled_success")?)
}

fn matching(webhook: i64, filter: &DeliveryFilter) -> Rows<'_> {
    let mut rows = deliveries::table.filter(deliveries::webhook_id.eq(webhook)).into_boxed();
    if let Some(status) = filter.status {
        rows = rows.filter(deliveries::status.eq(status.as_str()));
        // What an index of its own is for.
        rows = match status {
            DeliveryStatus::Pending | DeliveryStatus::Retrying => rows.filter(deliveries::due_at.is_not_null()),
            DeliveryStatus::Failed => rows.filter(sql::<Bool>("status = 'failed'")),
            DeliveryStatus::Success => rows,
        };
    }
    if let Some(event_type) = &filter.event_type {
        rows = rows.filter(deliveries::event_type.eq(event_type));
    }
    if let Some(id) = &filter.event_id {
        let made = events::table.filter(events::id.eq(id.as_str())).select(events::created_at);
        rows = rows.filter(deliveries::event_id.eq(id.as_str()));
        rows = rows.filter(deliveries::created_at.nullable().eq(made.single_value()));
    }
    if let Some(from) = filter.created.from {
        rows = rows.filter(deliveries::created_at.ge(from.as_unix_micros()));
    }
    if let Some(to) = filter.created.to {
        rows = rows.filter(deliveries::created_at.le(to.as_unix_micros()));
    }
    if let Some(text) = &filter.search {
        rows = rows.filter(instr(deliveries::event_type, text).gt(0));
    }
    rows
}

fn ordered<'a>(mut rows: Rows<'a>, sort: &[Sort<DeliverySort>]) -> Rows<'a> {
    for Sort { field, order } in sort {
        rows = match field {
            DeliverySort::CreatedAt => by!(rows, deliveries::created_at, order),
            DeliverySort::Id => by!(rows, deliveries::id, order),
            DeliverySort::Attempt => by!(rows, deliveries::attempt, order),
            DeliverySort::DeliveredAt => by!(rows, deliveries::delivered_at, order),
            DeliverySort::NextRetryAt => by!(rows, deliveries::next_retry_at, order),
        };
    }
    let last = sort.last().map_or(Order::Ascending, |part| part.order);
    by!(rows, deliveries::id, last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;

    #[test]
    fn every_order_of_a_webhooks_deliveries_comes_from_an_index() {
        for field in DeliverySort::ALL {
            for order in [Order::Ascending, Order::Descending] {
                let filter = DeliveryFilter::default();
                let rows = ordered(matching(1, &filter), &[Sort { field: *field, order }]);
                let plan = plan::of(&rows.limit(25).offset(100).select(DeliveryRow::as_select()));
                let index = format!("USING INDEX deliveries_by_{field} (webhook_id=?)");
                assert!(plan.contains(&index) && !plan.contains("TEMP B-TREE"), "{field} {order:?}: {plan}");
            }
        }
    }

    #[test]
    fn failed_deliveries_have_their_own_index() {
        let filter = DeliveryFilter { status: Some(DeliveryStatus::Failed), ..DeliveryFilter::default() };
        let rows = ordered(matching(1, &filter), &[DeliverySort::DEFAULT]);
        let plan = plan::of(&rows.limit(25).select(DeliveryRow::as_select()));
        assert!(plan.contains("deliveries_failed (webhook_id=?)") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}
