use core_domain::{StorageError, Tier};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, SmallInt, Text};
use entitlements::{Announced, Counter, LineOfStanding, Standing, Terms};

use super::row::addition;
use crate::error::{Failure, OrCorrupt};

/// Features come as a JSON list of pairs, so that one query serves any number of them.
const FIND: &str = "
    SELECT w.tier, c.used, c.announced, o.workspace_id IS NOT NULL AS is_overridden, o.extra, o.ends_at,
        (SELECT sum(r.quantity) FROM entitlement_reservations r
         WHERE r.workspace_id = w.id AND r.environment = ?2 AND r.feature = f.value ->> 0
         AND r.period_start = f.value ->> 1 AND r.settled_at IS NULL AND r.expires_at > ?4) AS held
    FROM workspaces w CROSS JOIN json_each(?3) f
    LEFT JOIN entitlement_counters c ON c.workspace_id = w.id AND c.environment = ?2 AND c.feature = f.value ->> 0
        AND c.period_start = f.value ->> 1
    LEFT JOIN entitlement_overrides o ON o.workspace_id = w.id AND o.feature = f.value ->> 0
    WHERE w.id = ?1 AND w.deleted_at IS NULL ORDER BY f.key";

#[derive(QueryableByName)]
struct StandingRow {
    #[diesel(sql_type = SmallInt)]
    tier: i16,
    #[diesel(sql_type = Nullable<BigInt>)]
    used: Option<i64>,
    #[diesel(sql_type = Nullable<SmallInt>)]
    announced: Option<i16>,
    #[diesel(sql_type = Bool)]
    is_overridden: bool,
    #[diesel(sql_type = Nullable<BigInt>)]
    extra: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    ends_at: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    held: Option<i64>,
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

/// `None` where there is no such workspace. At least one feature is asked for.
pub(super) fn find(
    connection: &mut SqliteConnection,
    workspace: i64,
    environment: &'static str,
    features: &[(String, i64)],
    now: i64,
) -> Result<Option<Standing>, Failure> {
    let features = serde_json::to_string(features).map_err(|error| Failure::Other(error.into()))?;
    let rows: Vec<StandingRow> = diesel::sql_query(FIND)
        .bind::<BigInt, _>(workspace)
        .bind::<Text, _>(environment)
        .bind::<Text, _>(features)
        .bind::<BigInt, _>(now)
        .load(connection)?;
    let Some(first) = rows.first() else { return Ok(None) };
    let tier = first.tier()?;
    let lines = rows.into_iter().map(LineOfStanding::try_from).collect::<Result<_, _>>()?;
    Ok(Some(Standing { tier, lines }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;

    #[test]
    fn any_number_of_features_is_one_query_that_reads_no_table_whole() {
        let fifty: Vec<_> = (0..50).map(|number| (format!("feature_{number}"), 0)).collect();
        let plans = plan::of_each_in(|connection| {
            let parts = fifty.clone();
            find(connection, 1, "live", &parts, 0)
        });
        assert_eq!(plans.len(), 1);
        let scans = plans[0].lines().filter(|step| step.contains("SCAN") && !step.contains("VIRTUAL TABLE"));
        assert_eq!(scans.count(), 0, "{}", plans[0]);
    }
}
