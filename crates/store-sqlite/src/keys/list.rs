use core_domain::{Order, Page, Sort, Tier, WireWord};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use keys::{ApiKey, KeyFilter, KeyQuery, KeySort, KeyStatus};

use super::KeyRow;
use crate::error::{Failure, OrCorrupt};
use crate::schema::{api_keys, workspaces};
use crate::search::instr;

type Rows<'a> = api_keys::BoxedQuery<'a, Sqlite>;

pub(super) fn page(
    connection: &mut SqliteConnection,
    workspace: i64,
    query: &KeyQuery,
    now: i64,
) -> Result<Page<ApiKey>, Failure> {
    let live = workspaces::table.find(workspace).filter(workspaces::deleted_at.is_null());
    let Some(kept) = live.select(workspaces::key_count).first::<i64>(connection).optional()? else {
        return Ok(Page { items: Vec::new(), total: 0 });
    };
    let rows = ordered(matching(workspace, &query.filter, now), &query.sort)
        .limit(query.page.per_page().into())
        .offset(i64::try_from(query.page.offset()).unwrap_or(i64::MAX))
        .select(KeyRow::as_select())
        .load(connection)?;
    let total = match query.page.total_if_last(rows.len()) {
        Some(total) => total,
        None if query.filter.is_default() => u64::try_from(kept).or_corrupt("workspaces", "key_count")?,
        None => {
            let counted: i64 = matching(workspace, &query.filter, now).count().get_result(connection)?;
            counted.unsigned_abs()
        }
    };
    let items = rows.into_iter().map(ApiKey::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total })
}

/// Says [`KeyFilter::matches`] in SQL.
fn matching(workspace: i64, filter: &KeyFilter, now: i64) -> Rows<'_> {
    let mut rows = with_status(api_keys::table.filter(api_keys::workspace_id.eq(workspace)).into_boxed(), filter, now);
    if let Some(environment) = filter.environment {
        rows = rows.filter(api_keys::environment.eq(environment.as_str()));
    }
    if let Some(tiers) = &filter.rate_limit_tier {
        let stored = api_keys::rate_limit_tier.eq_any(tiers.stored.iter().copied().map(Tier::rank));
        rows =
            if tiers.unset { rows.filter(api_keys::rate_limit_tier.is_null().or(stored)) } else { rows.filter(stored) };
    }
    if let Some(from) = filter.created.from {
        rows = rows.filter(api_keys::created_at.ge(from.as_unix_micros()));
    }
    if let Some(to) = filter.created.to {
        rows = rows.filter(api_keys::created_at.le(to.as_unix_micros()));
    }
    if let Some(from) = filter.updated.from {
        rows = rows.filter(api_keys::updated_at.ge(from.as_unix_micros()));
    }
    if let Some(to) = filter.updated.to {
        rows = rows.filter(api_keys::updated_at.le(to.as_unix_micros()));
    }
    if let Some(text) = &filter.search {
        rows = rows.filter(instr(api_keys::search_text, text).gt(0));
    }
    rows
}

/// Says [`ApiKey::status`] in SQL.
fn with_status<'a>(rows: Rows<'a>, filter: &KeyFilter, now: i64) -> Rows<'a> {
    if filter.status == Some(KeyStatus::Revoked) {
        return rows.filter(api_keys::revoked_at.is_not_null());
    }
    let rows = rows.filter(api_keys::revoked_at.is_null());
    let unexpired = api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now));
    match filter.status {
        None | Some(KeyStatus::Revoked) => rows,
        Some(KeyStatus::Active) => rows.filter(api_keys::grace_period_ends_at.is_null()).filter(unexpired),
        Some(KeyStatus::Rotating) => rows.filter(api_keys::grace_period_ends_at.gt(now)).filter(unexpired),
        Some(KeyStatus::Expired) => {
            rows.filter(api_keys::expires_at.le(now).or(api_keys::grace_period_ends_at.le(now)))
        }
    }
}

macro_rules! by {
    ($rows:expr, $column:expr, $order:expr) => {
        match $order {
            Order::Ascending => $rows.then_order_by($column.asc()),
            Order::Descending => $rows.then_order_by($column.desc()),
        }
    };
}

fn ordered<'a>(mut rows: Rows<'a>, sort: &[Sort<KeySort>]) -> Rows<'a> {
    for Sort { field, order } in sort {
        rows = match field {
            KeySort::CreatedAt => by!(rows, api_keys::created_at, order),
            KeySort::Id => by!(rows, api_keys::id, order),
            KeySort::Name => by!(rows, api_keys::name, order),
            KeySort::LastUsedAt => by!(rows, api_keys::last_used_at, order),
            KeySort::ExpiresAt => by!(rows, api_keys::expires_at, order),
        };
    }
    let last = sort.last().map_or(Order::Ascending, |part| part.order);
    by!(rows, api_keys::id, last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;

    fn plan_of(filter: &KeyFilter, field: KeySort, order: Order) -> String {
        let rows = ordered(matching(1, filter, 0), &[Sort { field, order }]);
        plan::of(&rows.limit(25).offset(100).select(KeyRow::as_select()))
    }

    #[test]
    fn every_order_of_a_workspaces_keys_comes_from_an_index() {
        for field in KeySort::ALL {
            for order in [Order::Ascending, Order::Descending] {
                let plan = plan_of(&KeyFilter::default(), *field, order);
                let index = format!("USING INDEX api_keys_by_{field} (workspace_id=?)");
                assert!(plan.contains(&index) && !plan.contains("TEMP B-TREE"), "{field} {order:?}: {plan}");
            }
        }
    }

    #[test]
    fn revoked_keys_have_their_own_index() {
        let revoked = KeyFilter { status: Some(KeyStatus::Revoked), ..KeyFilter::default() };
        let plan = plan_of(&revoked, KeySort::CreatedAt, Order::Descending);
        assert!(plan.contains("api_keys_revoked (workspace_id=?)") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}
