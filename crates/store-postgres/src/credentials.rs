use ::keys::{CredentialStore, KeyDigest, StoredCredential};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use core_domain::{ApiKeyId, StorageError, Tier, Timestamp};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Timestamptz};
use diesel_async::RunQueryDsl;

use crate::PgStore;
use crate::error::{OrCorrupt as _, storage};
use crate::keys::KeyRow;
use crate::schema::{api_keys, memberships, workspaces};
use crate::time;

/// Rows are locked in the order of their ids, so that replicas writing the same keys at once never wait in a circle.
const RECORD_LAST_USED: &str = "
    WITH used AS (SELECT id, max(at) AS at FROM unnest($1, $2) AS used (id, at) GROUP BY id),
    behind AS (
        SELECT id, at FROM api_keys JOIN used USING (id)
        WHERE last_used_at IS NULL OR last_used_at < at
        ORDER BY id FOR NO KEY UPDATE OF api_keys
    )
    UPDATE api_keys SET last_used_at = at FROM behind
    WHERE api_keys.id = behind.id AND (last_used_at IS NULL OR last_used_at < at)";

/// Bounds how long one statement takes, and for how long it locks what.
const USES_AT_ONCE: usize = 5_000;

#[async_trait]
impl CredentialStore for PgStore {
    async fn find_credential(&self, digests: &[KeyDigest]) -> Result<Option<StoredCredential>, StorageError> {
        const OPERATION: &str = "find_credential";
        let digests: Vec<&[u8]> = digests.iter().map(|digest| digest.as_bytes().as_slice()).collect();
        let highest_tier = memberships::table
            .filter(memberships::account_id.eq(api_keys::account_id))
            .filter(api_keys::workspace_id.is_null())
            .select(max(memberships::tier))
            .single_value();
        let mut connection = self.connection(OPERATION).await?;
        let found = api_keys::table
            .left_join(workspaces::table)
            .filter(api_keys::digest.eq_any(digests))
            .filter(
                api_keys::workspace_id.is_null().or(workspaces::id.is_not_null().and(workspaces::deleted_at.is_null())),
            )
            .select((KeyRow::as_select(), workspaces::tier.nullable(), highest_tier))
            .first::<(KeyRow, Option<i16>, Option<i16>)>(&mut connection)
            .await
            .optional()
            .map_err(storage(OPERATION))?;
        let Some((row, own_tier, highest_tier)) = found else {
            return Ok(None);
        };
        let ceiling = match own_tier.or(highest_tier) {
            None => Tier::Free,
            Some(rank) => Tier::from_rank(rank).or_corrupt("workspaces", "tier")?,
        };
        Ok(Some(StoredCredential { key: row.try_into()?, ceiling }))
    }

    async fn record_last_used(&self, uses: &[(ApiKeyId, Timestamp)]) -> Result<(), StorageError> {
        const OPERATION: &str = "record_last_used";
        for uses in uses.chunks(USES_AT_ONCE) {
            let (ids, moments): (Vec<i64>, Vec<DateTime<Utc>>) =
                uses.iter().map(|(id, moment)| (id.get(), time::stored(*moment))).unzip();
            let mut connection = self.connection(OPERATION).await?;
            diesel::sql_query(RECORD_LAST_USED)
                .bind::<Array<BigInt>, _>(ids)
                .bind::<Array<Timestamptz>, _>(moments)
                .execute(&mut connection)
                .await
                .map_err(storage(OPERATION))?;
        }
        Ok(())
    }
}
