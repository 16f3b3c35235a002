use ::keys::{ApiKey, KeyQuery, KeyReach, KeyReader, PepperVersion};
use async_trait::async_trait;
use core_domain::{AccountId, ApiKeyId, Page, StorageError, Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::reach::reached;
use super::{KeyRow, list};
use crate::PgStore;
use crate::error::storage;
use crate::schema::{api_keys, workspaces};

#[async_trait]
impl KeyReader for PgStore {
    async fn find_key(&self, reach: KeyReach, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError> {
        const OPERATION: &str = "find_key";
        let mut connection = self.connection(OPERATION).await?;
        let row = reached(reach, id)
            .select(KeyRow::as_select())
            .first(&mut connection)
            .await
            .optional()
            .map_err(storage(OPERATION))?;
        row.map(ApiKey::try_from).transpose()
    }

    async fn list_keys(
        &self,
        workspace: WorkspaceId,
        query: &KeyQuery,
        now: Timestamp,
    ) -> Result<Page<ApiKey>, StorageError> {
        const OPERATION: &str = "list_keys";
        let mut connection = self.connection(OPERATION).await?;
        list::page(&mut connection, OPERATION, workspace, query, now).await
    }

    async fn list_keys_of_account(&self, account: AccountId) -> Result<Vec<ApiKey>, StorageError> {
        const OPERATION: &str = "list_keys_of_account";
        let mut connection = self.connection(OPERATION).await?;
        let rows: Vec<KeyRow> = api_keys::table
            .left_join(workspaces::table)
            .filter(api_keys::account_id.eq(account.get()))
            .filter(api_keys::revoked_at.is_null())
            .filter(
                api_keys::workspace_id.is_null().or(workspaces::id.is_not_null().and(workspaces::deleted_at.is_null())),
            )
            .order_by(api_keys::id)
            .select(KeyRow::as_select())
            .load(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        rows.into_iter().map(ApiKey::try_from).collect()
    }

    async fn list_pepper_versions(&self) -> Result<Vec<PepperVersion>, StorageError> {
        const OPERATION: &str = "list_pepper_versions";
        let mut connection = self.connection(OPERATION).await?;
        let versions: Vec<i32> = api_keys::table
            .select(api_keys::pepper_version)
            .distinct()
            .load(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        Ok(versions.into_iter().map(PepperVersion).collect())
    }
}
