use async_trait::async_trait;
use core_domain::{ApiKeyId, StorageError, Tier, Timestamp};
use diesel::dsl::{case_when, max};
use diesel::prelude::*;
use keys::{ApiKey, CredentialStore, KeyDigest, StoredCredential};

use crate::error::{Failure, OrCorrupt};
use crate::keys::KeyRow;
use crate::schema::{api_keys, memberships, workspaces};
use crate::store::SqliteStore;

#[async_trait]
impl CredentialStore for SqliteStore {
    async fn find_credential(&self, digests: &[KeyDigest]) -> Result<Option<StoredCredential>, StorageError> {
        if digests.is_empty() {
            return Ok(None);
        }
        let digests: Vec<[u8; 32]> = digests.iter().map(|digest| *digest.as_bytes()).collect();
        self.read("find_credential", move |connection| find(connection, &digests)).await
    }

    async fn record_last_used(&self, uses: &[(ApiKeyId, Timestamp)]) -> Result<(), StorageError> {
        if uses.is_empty() {
            return Ok(());
        }
        let uses: Vec<(i64, i64)> = uses.iter().map(|(id, at)| (id.get(), at.as_unix_micros())).collect();
        self.write("record_last_used", move |connection| {
            connection.immediate_transaction(|connection| raise_last_used(connection, &uses))
        })
        .await
    }
}

fn find(connection: &mut SqliteConnection, digests: &[[u8; 32]]) -> Result<Option<StoredCredential>, Failure> {
    let highest = memberships::table
        .filter(memberships::account_id.eq(api_keys::account_id))
        .select(max(memberships::tier))
        .single_value();
    let ceiling = case_when(api_keys::workspace_id.is_null(), highest).otherwise(workspaces::tier.nullable());
    let mut query = api_keys::table.left_join(workspaces::table).select((KeyRow::as_select(), ceiling)).into_boxed();
    // One OR after another and not `eq_any`, whose statements diesel prepares anew each time.
    for digest in digests {
        query = query.or_filter(api_keys::digest.eq(digest.as_slice()));
    }
    let of_live = workspaces::id.is_not_null().and(workspaces::deleted_at.is_null());
    let found: Option<(KeyRow, Option<i16>)> =
        query.filter(api_keys::workspace_id.is_null().or(of_live)).first(connection).optional()?;
    let Some((row, rank)) = found else {
        return Ok(None);
    };
    let ceiling = match rank {
        Some(rank) => Tier::from_rank(rank).or_corrupt("workspaces", "tier")?,
        None => Tier::Free,
    };
    Ok(Some(StoredCredential { key: ApiKey::try_from(row)?, ceiling }))
}

fn raise_last_used(connection: &mut SqliteConnection, uses: &[(i64, i64)]) -> Result<(), Failure> {
    for (id, at) in uses {
        let earlier = api_keys::last_used_at.is_null().or(api_keys::last_used_at.lt(at));
        diesel::update(api_keys::table.find(id).filter(earlier))
            .set(api_keys::last_used_at.eq(at))
            .execute(connection)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;

    #[test]
    fn a_credential_takes_one_query_that_reads_no_table_whole() {
        for digests in [&[[1; 32]][..], &[[1; 32], [2; 32], [3; 32]]] {
            let plans = plan::of_each_in(|connection| find(connection, digests));
            assert_eq!(plans.len(), 1);
            assert!(!plans[0].contains("SCAN"), "{}", plans[0]);
            assert!(plans[0].contains("(digest=?)"), "{}", plans[0]);
        }
    }
}
