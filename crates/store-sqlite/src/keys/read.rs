use async_trait::async_trait;
use core_domain::{AccountId, ApiKeyId, Page, StorageError, Timestamp, WorkspaceId};
use diesel::dsl::exists;
use diesel::prelude::*;
use keys::{ApiKey, KeyQuery, KeyReach, KeyReader, PepperVersion};

use super::{KeyRow, list};
use crate::error::Failure;
use crate::schema::{api_keys, workspaces};
use crate::store::SqliteStore;

pub(super) fn find(
    connection: &mut SqliteConnection,
    reach: KeyReach,
    id: ApiKeyId,
) -> Result<Option<ApiKey>, Failure> {
    let home = workspaces::table.find(reach.workspace_id.get()).filter(workspaces::deleted_at.is_null());
    let bound = api_keys::workspace_id.eq(reach.workspace_id.get()).and(exists(home));
    // Nobody's account when the reach has none: no value equals NULL.
    let account = reach.account_id.map(AccountId::get);
    let account_level = api_keys::workspace_id.is_null().and(api_keys::account_id.nullable().eq(account));
    let row = api_keys::table
        .find(id.get())
        .filter(bound.or(account_level))
        .select(KeyRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(ApiKey::try_from).transpose()?)
}

fn list_of_account(connection: &mut SqliteConnection, account: i64) -> Result<Vec<ApiKey>, Failure> {
    let rows = api_keys::table
        .left_join(workspaces::table)
        .filter(api_keys::account_id.eq(account))
        .filter(api_keys::revoked_at.is_null())
        .filter(api_keys::workspace_id.is_null().or(workspaces::id.is_not_null().and(workspaces::deleted_at.is_null())))
        .order(api_keys::id)
        .select(KeyRow::as_select())
        .load(connection)?;
    Ok(rows.into_iter().map(ApiKey::try_from).collect::<Result<_, _>>()?)
}

#[async_trait]
impl KeyReader for SqliteStore {
    async fn find_key(&self, reach: KeyReach, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError> {
        self.read("find_key", move |connection| find(connection, reach, id)).await
    }

    async fn list_keys(
        &self,
        workspace: WorkspaceId,
        query: &KeyQuery,
        now: Timestamp,
    ) -> Result<Page<ApiKey>, StorageError> {
        let query = query.clone();
        self.read("list_keys", move |connection| {
            connection.transaction(|connection| list::page(connection, workspace.get(), &query, now.as_unix_micros()))
        })
        .await
    }

    async fn list_keys_of_account(&self, account: AccountId) -> Result<Vec<ApiKey>, StorageError> {
        self.read("list_keys_of_account", move |connection| list_of_account(connection, account.get())).await
    }

    async fn list_pepper_versions(&self) -> Result<Vec<PepperVersion>, StorageError> {
        self.read("list_pepper_versions", |connection| {
            let versions: Vec<i32> = api_keys::table.select(api_keys::pepper_version).distinct().load(connection)?;
            Ok(versions.into_iter().map(PepperVersion).collect())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;

    #[test]
    fn finding_and_listing_an_accounts_keys_reads_no_table_whole() {
        let reach = KeyReach { workspace_id: WorkspaceId::try_from(1).unwrap(), account_id: None };
        let id = ApiKeyId::try_from(1).unwrap();
        let mut plans = plan::of_each_in(|connection| find(connection, reach, id));
        plans.extend(plan::of_each_in(|connection| list_of_account(connection, 1)));
        assert_eq!(plans.len(), 2);
        assert!(plans.iter().all(|plan| !plan.contains("SCAN")), "{plans:?}");
    }
}
