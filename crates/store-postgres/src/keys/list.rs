use ::keys::{ApiKey, KeyFilter, KeyQuery, KeySort, KeyStatus, TierFilter};
use core_domain::{Order, Page, Sort, StorageError, Tier, Timestamp, WireWord as _, WorkspaceId};
use diesel::dsl::exists;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::KeyRow;
use crate::error::storage;
use crate::list::{self, containing};
use crate::schema::{api_keys, workspaces};
use crate::time;

type Rows<'a> = api_keys::BoxedQuery<'a, Pg>;

pub(super) async fn page(
    connection: &mut AsyncPgConnection,
    operation: &'static str,
    workspace: WorkspaceId,
    query: &KeyQuery,
    now: Timestamp,
) -> Result<Page<ApiKey>, StorageError> {
    let Some(rows) = matching(workspace, &query.filter, now) else {
        return Ok(list::empty());
    };
    let rows: Vec<KeyRow> = ordered(rows, &query.sort)
        .limit(list::limit(query.page))
        .offset(list::offset(query.page))
        .select(KeyRow::as_select())
        .load(connection)
        .await
        .map_err(storage(operation))?;
    let total = if let Some(total) = query.page.total_if_last(rows.len()) {
        total
    } else {
        let counted = count(connection, workspace, &query.filter, now).await.map_err(storage(operation))?;
        list::total(counted, query.page, rows.len())
    };
    let items = rows.into_iter().map(ApiKey::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

async fn count(
    connection: &mut AsyncPgConnection,
    workspace: WorkspaceId,
    filter: &KeyFilter,
    now: Timestamp,
) -> QueryResult<i64> {
    if filter.is_default() {
        let live = workspaces::table.find(workspace.get()).filter(workspaces::deleted_at.is_null());
        let kept = live.select(workspaces::key_count).first(connection).await.optional()?;
        return Ok(kept.unwrap_or(0));
    }
    match matching(workspace, filter, now) {
        Some(rows) => rows.count().get_result(connection).await,
        None => Ok(0),
    }
}

/// Says [`KeyFilter::matches`] in SQL; `None` where it can't match any.
fn matching<'a>(workspace: WorkspaceId, filter: &KeyFilter, now: Timestamp) -> Option<Rows<'a>> {
    let live = workspaces::table.find(workspace.get()).filter(workspaces::deleted_at.is_null());
    let rows = api_keys::table.filter(api_keys::workspace_id.eq(workspace.get())).filter(exists(live));
    let mut rows = with_status(rows.into_boxed(), filter.status, now);
    if let Some(environment) = filter.environment {
        rows = rows.filter(api_keys::environment.eq(environment.as_str()));
    }
    if let Some(tiers) = &filter.rate_limit_tier {
        rows = with_tiers(rows, tiers);
    }
    if let Some(moment) = filter.created.from {
        rows = rows.filter(api_keys::created_at.ge(time::stored(moment)));
    }
    if let Some(moment) = filter.created.to {
        rows = rows.filter(api_keys::created_at.le(time::stored(moment)));
    }
    if let Some(moment) = filter.updated.from {
        rows = rows.filter(api_keys::updated_at.ge(time::stored(moment)));
    }
    if let Some(moment) = filter.updated.to {
        rows = rows.filter(api_keys::updated_at.le(time::stored(moment)));
    }
    if let Some(text) = &filter.search {
        rows = rows.filter(api_keys::search_text.like(containing(text)?));
    }
    Some(rows)
}

/// Says [`ApiKey::status`] in SQL.
fn with_status(rows: Rows<'_>, status: Option<KeyStatus>, now: Timestamp) -> Rows<'_> {
    if status == Some(KeyStatus::Revoked) {
        return rows.filter(api_keys::revoked_at.is_not_null());
    }
    let rows = rows.filter(api_keys::revoked_at.is_null());
    let now = time::stored(now);
    let unexpired = api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now));
    match status {
        None | Some(KeyStatus::Revoked) => rows,
        Some(KeyStatus::Active) => rows.filter(api_keys::grace_period_ends_at.is_null()).filter(unexpired),
        Some(KeyStatus::Rotating) => rows.filter(api_keys::grace_period_ends_at.gt(now)).filter(unexpired),
        Some(KeyStatus::Expired) => {
            rows.filter(api_keys::expires_at.le(now).or(api_keys::grace_period_ends_at.le(now)))
        }
    }
}

fn with_tiers<'a>(rows: Rows<'a>, tiers: &TierFilter) -> Rows<'a> {
    let ranks: Vec<i16> = tiers.stored.iter().copied().map(Tier::rank).collect();
    let stored = api_keys::rate_limit_tier.eq_any(ranks);
    if tiers.unset { rows.filter(stored.or(api_keys::rate_limit_tier.is_null())) } else { rows.filter(stored) }
}

macro_rules! by {
    ($rows:expr, $column:expr, $order:expr) => {
        match $order {
            Order::Ascending => $rows.then_order_by($column.asc()),
            Order::Descending => $rows.then_order_by($column.desc()),
        }
    };
}

/// A missing value is the smallest, which is not PostgreSQL's own order.
macro_rules! by_optional {
    ($rows:expr, $column:expr, $order:expr) => {
        match $order {
            Order::Ascending => $rows.then_order_by($column.asc().nulls_first()),
            Order::Descending => $rows.then_order_by($column.desc().nulls_last()),
        }
    };
}

fn ordered<'a>(mut rows: Rows<'a>, sort: &[Sort<KeySort>]) -> Rows<'a> {
    for Sort { field, order } in sort {
        rows = match field {
            KeySort::CreatedAt => by!(rows, api_keys::created_at, order),
            KeySort::Id => by!(rows, api_keys::id, order),
            KeySort::Name => by!(rows, api_keys::name, order),
            KeySort::LastUsedAt => by_optional!(rows, api_keys::last_used_at, order),
            KeySort::ExpiresAt => by_optional!(rows, api_keys::expires_at, order),
        };
    }
    let last = sort.last().map_or(Order::Ascending, |part| part.order);
    by!(rows, api_keys::id, last)
}
