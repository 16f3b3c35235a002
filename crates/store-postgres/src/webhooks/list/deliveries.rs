use ::webhooks::{Delivery, DeliveryFilter, DeliveryQuery, DeliverySort, DeliveryStatus};
use core_domain::{Order, Page, Sort, StorageError, WebhookId, WireWord as _};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{by, by_optional};
use crate::error::storage;
use crate::list::{self, containing};
use crate::schema::{deliveries, events, webhooks};
use crate::time;
use crate::webhooks::read::{DeliveryRow, live};

const OPERATION: &str = "list_deliveries";

type Rows<'a> = deliveries::BoxedQuery<'a, Pg>;

pub(crate) async fn page(
    connection: &mut AsyncPgConnection,
    webhook: WebhookId,
    query: &DeliveryQuery,
) -> Result<Page<Delivery>, StorageError> {
    let home = webhooks::table
        .filter(webhooks::id.eq(webhook.get()))
        .filter(live!())
        .select((webhooks::settled_success, webhooks::settled_failed))
        .first::<(i64, i64)>(connection)
        .await
        .optional()
        .map_err(storage(OPERATION))?;
    let (Some(settled), Some(rows)) = (home, matching(webhook, &query.filter)) else {
        return Ok(list::empty());
    };
    let rows: Vec<DeliveryRow> = ordered(rows, &query.sort)
        .limit(list::limit(query.page))
        .offset(list::offset(query.page))
        .select(DeliveryRow::as_select())
        .load(connection)
        .await
        .map_err(storage(OPERATION))?;
    let total = if let Some(total) = query.page.total_if_last(rows.len()) {
        total
    } else {
        let counted = count(connection, webhook, &query.filter, settled).await.map_err(storage(OPERATION))?;
        list::total(counted, query.page, rows.len())
    };
    let items = rows.into_iter().map(Delivery::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

async fn count(
    connection: &mut AsyncPgConnection,
    webhook: WebhookId,
    filter: &DeliveryFilter,
    (successes, failures): (i64, i64),
) -> QueryResult<i64> {
    if *filter == (DeliveryFilter { status: filter.status, ..DeliveryFilter::default() }) {
        match filter.status {
            Some(DeliveryStatus::Success) => return Ok(successes),
            Some(DeliveryStatus::Failed) => return Ok(failures),
            Some(DeliveryStatus::Pending | DeliveryStatus::Retrying) => {}
            None => {
                let open = deliveries::table
                    .filter(deliveries::webhook_id.eq(webhook.get()))
                    .filter(deliveries::due_at.is_not_null());
                let open: i64 = open.count().get_result(connection).await?;
                return Ok(successes + failures + open);
            }
        }
    }
    match matching(webhook, filter) {
        Some(rows) => rows.count().get_result(connection).await,
        None => Ok(0),
    }
}

/// `None` where the filter can't match any.
fn matching<'a>(webhook: WebhookId, filter: &DeliveryFilter) -> Option<Rows<'a>> {
    let mut rows = deliveries::table.filter(deliveries::webhook_id.eq(webhook.get())).into_boxed();
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
        rows = rows.filter(deliveries::event_type.eq(event_type.clone()));
    }
    if let Some(id) = &filter.event_id {
        let made = events::table.filter(events::id.eq(id.as_str().to_owned())).select(events::created_at);
        rows = rows.filter(deliveries::event_id.eq(id.as_str().to_owned()));
        rows = rows.filter(deliveries::created_at.nullable().eq(made.single_value()));
    }
    if let Some(moment) = filter.created.from {
        rows = rows.filter(deliveries::created_at.ge(time::stored(moment)));
    }
    if let Some(moment) = filter.created.to {
        rows = rows.filter(deliveries::created_at.le(time::stored(moment)));
    }
    if let Some(text) = &filter.search {
        rows = rows.filter(deliveries::event_type.like(containing(text)?));
    }
    Some(rows)
}

fn ordered<'a>(mut rows: Rows<'a>, sort: &[Sort<DeliverySort>]) -> Rows<'a> {
    for Sort { field, order } in sort {
        rows = match field {
            DeliverySort::CreatedAt => by!(rows, deliveries::created_at, order),
            DeliverySort::Id => by!(rows, deliveries::id, order),
            DeliverySort::Attempt => by!(rows, deliveries::attempt, order),
            DeliverySort::DeliveredAt => by_optional!(rows, deliveries::delivered_at, order),
            DeliverySort::NextRetryAt => by_optional!(rows, deliveries::next_retry_at, order),
        };
    }
    let last = sort.last().map_or(Order::Ascending, |part| part.order);
    by!(rows, deliveries::id, last)
}
