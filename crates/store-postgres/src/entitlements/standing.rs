use ::entitlements::{Announced, Counter, LineOfStanding, Standing, Terms};
use chrono::{DateTime, Utc};
use core_domain::{StorageError, Tier};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Nullable, SmallInt, Text, Timestamptz};

use super::row::addition;
use crate::error::OrCorrupt as _;

/// How a place stands with some features at one moment. It is a fragment of its own, since diesel keeps no prepared
/// statement of plain SQL.
#[derive(QueryId)]
pub(super) struct FindStanding {
    pub(super) workspace_id: i64,
    pub(super) environment: &'static str,
    pub(super) features: Vec<String>,
    pub(super) periods: Vec<DateTime<Utc>>,
    pub(super) now: DateTime<Utc>,
}

impl Query for FindStanding {
    type SqlType = (
        SmallInt,
        Nullable<BigInt>,
        Nullable<SmallInt>,
        Nullable<BigInt>,
        Bool,
        Nullable<BigInt>,
        Nullable<Timestamptz>,
    );
}

impl QueryFragment<Pg> for FindStanding {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "SELECT w.tier, c.used, c.announced, r.held::bigint, o.workspace_id IS NOT NULL, o.extra, o.ends_at \
             FROM workspaces w CROSS JOIN unnest(",
        );
        out.push_bind_param::<Array<Text>, _>(&self.features)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.periods)?;
        out.push_sql(
            ") WITH ORDINALITY AS f(feature, period_start, place) \
             LEFT JOIN entitlement_counters c ON c.workspace_id = w.id AND c.feature = f.feature \
             AND c.period_start = f.period_start AND c.environment = ",
        );
        out.push_bind_param::<Text, _>(&self.environment)?;
        out.push_sql(
            " LEFT JOIN entitlement_overrides o ON o.workspace_id = w.id AND o.feature = f.feature \
             LEFT JOIN LATERAL (SELECT sum(quantity) AS held FROM entitlement_reservations \
             WHERE workspace_id = w.id AND feature = f.feature AND period_start = f.period_start \
             AND settled_at IS NULL AND environment = ",
        );
        out.push_bind_param::<Text, _>(&self.environment)?;
        out.push_sql(" AND expires_at > ");
        out.push_bind_param::<Timestamptz, _>(&self.now)?;
        out.push_sql(") r ON true WHERE w.deleted_at IS NULL AND w.id = ");
        out.push_bind_param::<BigInt, _>(&self.workspace_id)?;
        out.push_sql(" ORDER BY f.place");
        Ok(())
    }
}

#[derive(Queryable)]
pub(super) struct StandingRow {
    tier: i16,
    used: Option<i64>,
    announced: Option<i16>,
    held: Option<i64>,
    is_overridden: bool,
    extra: Option<i64>,
    ends_at: Option<DateTime<Utc>>,
}

impl StandingRow {
    fn tier(&self) -> Result<Tier, StorageError> {
        Tier::from_rank(self.tier).or_corrupt("workspaces", "tier")
    }
}

impl TryFrom<StandingRow> for LineOfStanding {
    type Error = StorageError;

    fn try_from(row: StandingRow) -> Result<Self, StorageError> {
        const TABLE: &str = "entitlement_counters";
        let addition = if row.is_overridden { Some(addition(row.extra, row.ends_at)?) } else { None };
        Ok(Self {
            counter: Counter {
                used: u64::try_from(row.used.unwrap_or(0)).or_corrupt(TABLE, "used")?,
                held: u64::try_from(row.held.unwrap_or(0)).or_corrupt("entitlement_reservations", "quantity")?,
                announced: Announced::from_number(row.announced.unwrap_or(0)).or_corrupt(TABLE, "announced")?,
            },
            terms: Terms { tier: row.tier()?, addition },
        })
    }
}

/// `None` where there is no such workspace. At least one feature was asked for.
pub(super) fn standing(rows: Vec<StandingRow>) -> Result<Option<Standing>, StorageError> {
    let Some(first) = rows.first() else { return Ok(None) };
    let tier = first.tier()?;
    let lines = rows.into_iter().map(LineOfStanding::try_from).collect::<Result<_, _>>()?;
    Ok(Some(Standing { tier, lines }))
}
