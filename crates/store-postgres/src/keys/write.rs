use ::keys::{ApiKey, KeyReach, KeyRepository};
use async_trait::async_trait;
use core_domain::{ApiKeyId, Constraint, StorageError, Timestamp};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::reach::reached;
use super::row::{KeyRow, TABLE};
use crate::PgTx;
use crate::error::OrCorrupt as _;
use crate::schema::{api_keys, nextval, workspaces};
use crate::time;

#[async_trait]
impl KeyRepository for PgTx {
    async fn next_key_id(&mut self) -> Result<ApiKeyId, StorageError> {
        const OPERATION: &str = "next_key_id";
        let next = diesel::select(nextval("api_key_ids")).get_result::<i64>(self.start(OPERATION)?).await;
        self.finish(OPERATION, next)?.try_into().or_corrupt(TABLE, "id")
    }

    async fn insert_key(&mut self, key: &ApiKey) -> Result<(), StorageError> {
        const OPERATION: &str = "insert_key";
        let inserted = diesel::insert_into(api_keys::table)
            .values((KeyRow::from(key), api_keys::search_text.eq(key.search_text())))
            .on_conflict(api_keys::digest)
            .do_nothing()
            .execute(self.start(OPERATION)?)
            .await;
        if self.finish(OPERATION, inserted)? == 0 {
            return Err(StorageError::Conflict { constraint: Constraint::ApiKeyDigest });
        }
        if let (Some(workspace), None) = (key.workspace_id, key.revoked_at) {
            self.add_to_key_count(OPERATION, workspace.get(), 1).await?;
        }
        Ok(())
    }

    async fn find_key_for_change(&mut self, reach: KeyReach, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError> {
        const OPERATION: &str = "find_key_for_change";
        let row = reached(reach, id).select(KeyRow::as_select()).first(self.start(OPERATION)?).await.optional();
        self.finish(OPERATION, row)?.map(ApiKey::try_from).transpose()
    }

    async fn begin_grace_period(
        &mut self,
        id: ApiKeyId,
        ends_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        const OPERATION: &str = "begin_grace_period";
        let now = time::stored(now);
        let begun = diesel::update(api_keys::table.find(id.get()))
            .filter(api_keys::revoked_at.is_null())
            .filter(api_keys::grace_period_ends_at.is_null())
            .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now)))
            .set((api_keys::grace_period_ends_at.eq(time::stored(ends_at)), api_keys::updated_at.eq(now)))
            .execute(self.start(OPERATION)?)
            .await;
        Ok(self.finish(OPERATION, begun)? == 1)
    }

    async fn revoke_key(&mut self, id: ApiKeyId, now: Timestamp) -> Result<bool, StorageError> {
        const OPERATION: &str = "revoke_key";
        let now = time::stored(now);
        let workspace = diesel::update(api_keys::table.find(id.get()))
            .filter(api_keys::revoked_at.is_null())
            .set((api_keys::revoked_at.eq(now), api_keys::updated_at.eq(now)))
            .returning(api_keys::workspace_id)
            .get_result::<Option<i64>>(self.start(OPERATION)?)
            .await
            .optional();
        let Some(workspace) = self.finish(OPERATION, workspace)? else {
            return Ok(false);
        };
        if let Some(workspace) = workspace {
            self.add_to_key_count(OPERATION, workspace, -1).await?;
        }
        Ok(true)
    }
}

impl PgTx {
    async fn add_to_key_count(
        &mut self,
        operation: &'static str,
        workspace: i64,
        difference: i64,
    ) -> Result<(), StorageError> {
        let counted = diesel::update(workspaces::table.find(workspace))
            .set(workspaces::key_count.eq(workspaces::key_count + difference))
            .execute(self.start(operation)?)
            .await;
        self.finish(operation, counted).map(drop)
    }
}
