use ::webhooks::{Endpoint, Realm, WebhookFilter, WebhookQuery, WebhookSort};
use core_domain::{Order, Page, Sort, StorageError, WireWord as _};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{by, by_optional};
use crate::error::storage;
use crate::list::{self, containing};
use crate::schema::webhooks;
use crate::time;
use crate::webhooks::read::live;
use crate::webhooks::row::EndpointRow;

const OPERATION: &str = "list_webhooks";

type Rows<'a> = webhooks::BoxedQuery<'a, Pg>;

pub(crate) async fn page(
    connection: &mut AsyncPgConnection,
    realm: Realm,
    query: &WebhookQuery,
) -> Result<Page<Endpoint>, StorageError> {
    let Some(rows) = matching(realm, &query.filter) else {
        return Ok(list::empty());
    };
    let rows: Vec<EndpointRow> = ordered(rows, &query.sort)
        .limit(list::limit(query.page))
        .offset(list::offset(query.page))
        .select(EndpointRow::as_select())
        .load(connection)
        .await
        .map_err(storage(OPERATION))?;
    let total = match (query.page.total_if_last(rows.len()), matching(realm, &query.filter)) {
        (Some(total), _) => total,
        (None, None) => 0,
        (None, Some(all)) => {
            let counted = all.count().get_result(connection).await.map_err(storage(OPERATION))?;
            list::total(counted, query.page, rows.len())
        }
    };
    let items = rows.into_iter().map(Endpoint::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

/// `None` where the filter can't match any.
fn matching<'a>(realm: Realm, filter: &WebhookFilter) -> Option<Rows<'a>> {
    let mut rows = webhooks::table
        .filter(webhooks::workspace_id.eq(realm.workspace_id.get()))
        .filter(webhooks::environment.eq(realm.environment.as_str()))
        .filter(live!())
        .into_boxed();
    match filter.is_active {
        Some(true) => rows = rows.filter(webhooks::disabled_at.is_null()),
        Some(false) => rows = rows.filter(webhooks::disabled_at.is_not_null()),
        None => {}
    }
    if let Some(patterns) = &filter.patterns {
        // No pattern has a character that JSON escapes.
        let quoted = patterns.iter().filter_map(|pattern| containing(&format!("\"{pattern}\"")));
        let any = sql::<Bool>("subscriptions LIKE ANY (").bind::<Array<Text>, _>(quoted.collect::<Vec<_>>());
        rows = rows.filter(any.sql(")"));
    }
    if let Some(moment) = filter.created.from {
        rows = rows.filter(webhooks::created_at.ge(time::stored(moment)));
    }
    if let Some(moment) = filter.created.to {
        rows = rows.filter(webhooks::created_at.le(time::stored(moment)));
    }
    if let Some(moment) = filter.updated.from {
        rows = rows.filter(webhooks::updated_at.ge(time::stored(moment)));
    }
    if let Some(moment) = filter.updated.to {
        rows = rows.filter(webhooks::updated_at.le(time::stored(moment)));
    }
    if let Some(text) = &filter.search {
        rows = rows.filter(webhooks::search_text.like(containing(text)?));
    }
    Some(rows)
}

fn ordered<'a>(mut rows: Rows<'a>, sort: &[Sort<WebhookSort>]) -> Rows<'a> {
    for Sort { field, order } in sort {
        rows = match field {
            WebhookSort::Id => by!(rows, webhooks::id, order),
            WebhookSort::Url => by!(rows, webhooks::url, order),
            WebhookSort::CreatedAt => by!(rows, webhooks::created_at, order),
            WebhookSort::LastDeliveryAt => by_optional!(rows, webhooks::last_delivery_at, order),
            WebhookSort::SuccessCount => by!(rows, webhooks::success_count, order),
            WebhookSort::FailureCount => by!(rows, webhooks::failure_count, order),
        };
    }
    let last = sort.last().map_or(Order::Ascending, |part| part.order);
    by!(rows, webhooks::id, last)
}
