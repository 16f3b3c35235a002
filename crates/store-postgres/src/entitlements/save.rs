use ::entitlements::{CounterChange, Metadata, ReservationId};
use chrono::{DateTime, Utc};
use core_domain::WireWord as _;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable, SmallInt, Text, Timestamptz};

use super::row::stored;
use crate::time;

/// One statement, however many records there are. It is a fragment of its own, since diesel keeps no prepared statement
/// of plain SQL.
#[derive(QueryId)]
pub(super) struct SaveCounter {
    workspace_id: i64,
    environment: &'static str,
    feature: String,
    period_start: DateTime<Utc>,
    counted: i64,
    announced: i16,
    day: DateTime<Utc>,
    now: DateTime<Utc>,
    used: i64,
    freed: i64,
    records: i64,
    quantities: Vec<i64>,
    balances: Vec<i64>,
    metadata: Vec<Option<String>>,
    reservations: Vec<Option<i64>>,
}

impl From<&CounterChange> for SaveCounter {
    fn from(change: &CounterChange) -> Self {
        let quantities: Vec<i64> = change.records.iter().map(|record| record.quantity).collect();
        Self {
            workspace_id: change.id.place.workspace_id.get(),
            environment: change.id.place.environment.as_str(),
            feature: change.id.feature.to_string(),
            period_start: time::stored(change.id.period_start),
            counted: stored(change.counter.used),
            announced: change.counter.announced.as_number(),
            day: time::stored(change.day),
            now: time::stored(change.now),
            used: quantities.iter().filter(|quantity| **quantity > 0).sum(),
            freed: -quantities.iter().filter(|quantity| **quantity < 0).sum::<i64>(),
            records: i64::try_from(quantities.len()).unwrap_or(i64::MAX),
            quantities,
            balances: change.records.iter().map(|record| stored(record.balance)).collect(),
            metadata: change
                .records
                .iter()
                .map(|record| record.metadata.as_ref().map(Metadata::as_str).map(str::to_owned))
                .collect(),
            reservations: change.records.iter().map(|record| record.reservation_id.map(ReservationId::get)).collect(),
        }
    }
}

impl QueryFragment<Pg> for SaveCounter {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH counter AS (UPDATE entitlement_counters SET used = ");
        out.push_bind_param::<BigInt, _>(&self.counted)?;
        out.push_sql(", announced = ");
        out.push_bind_param::<SmallInt, _>(&self.announced)?;
        out.push_sql(", records = records + ");
        out.push_bind_param::<BigInt, _>(&self.records)?;
        out.push_sql(" WHERE workspace_id = ");
        out.push_bind_param::<BigInt, _>(&self.workspace_id)?;
        out.push_sql(" AND environment = ");
        out.push_bind_param::<Text, _>(&self.environment)?;
        out.push_sql(" AND feature = ");
        out.push_bind_param::<Text, _>(&self.feature)?;
        out.push_sql(" AND period_start = ");
        out.push_bind_param::<Timestamptz, _>(&self.period_start)?;
        out.push_sql(
            "), day AS (INSERT INTO entitlement_days AS d \
             (workspace_id, environment, day, feature, used, freed, records, balance) VALUES (",
        );
        out.push_bind_param::<BigInt, _>(&self.workspace_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.environment)?;
        out.push_sql(", ");
        out.push_bind_param::<Timestamptz, _>(&self.day)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.feature)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.used)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.freed)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.records)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.counted)?;
        out.push_sql(
            ") ON CONFLICT ON CONSTRAINT entitlement_days_pkey DO UPDATE SET \
             used = LEAST(d.used + excluded.used, 4611686018427387904), \
             freed = LEAST(d.freed + excluded.freed, 4611686018427387904), \
             records = d.records + excluded.records, balance = excluded.balance) \
             INSERT INTO entitlement_usage \
             (workspace_id, environment, feature, quantity, balance, metadata, reservation_id, created_at) SELECT ",
        );
        out.push_bind_param::<BigInt, _>(&self.workspace_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.environment)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.feature)?;
        out.push_sql(", u.quantity, u.balance, u.metadata, u.reservation_id, ");
        out.push_bind_param::<Timestamptz, _>(&self.now)?;
        out.push_sql(" FROM unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.quantities)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.balances)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.metadata)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<BigInt>>, _>(&self.reservations)?;
        out.push_sql(") WITH ORDINALITY AS u(quantity, balance, metadata, reservation_id, place) ORDER BY u.place");
        Ok(())
    }
}
