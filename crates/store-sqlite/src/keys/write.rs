use async_trait::async_trait;
use core_domain::{ApiKeyId, StorageError, Timestamp};
use diesel::prelude::*;
use keys::{ApiKey, KeyReach, KeyRepository};

use super::{KeyRow, read};
use crate::error::{Failure, OrCorrupt};
use crate::ids;
use crate::schema::{api_keys, workspaces};
use crate::tx::SqliteTx;

#[async_trait]
impl KeyRepository for SqliteTx {
    async fn next_key_id(&mut self) -> Result<ApiKeyId, StorageError> {
        self.run("next_key_id", |connection| {
            Ok(ids::next(connection, "api_keys")?.try_into().or_corrupt("id_sequences", "last")?)
        })
        .await
    }

    async fn insert_key(&mut self, key: &ApiKey) -> Result<(), StorageError> {
        let (row, search_text) = (KeyRow::from(key), key.search_text());
        self.run("insert_key", |connection| insert(connection, row, search_text)).await
    }

    async fn find_key_for_change(&mut self, reach: KeyReach, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError> {
        self.run("find_key_for_change", move |connection| read::find(connection, reach, id)).await
    }

    async fn begin_grace_period(
        &mut self,
        id: ApiKeyId,
        ends_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let (ends_at, now) = (ends_at.as_unix_micros(), now.as_unix_micros());
        self.run("begin_grace_period", move |connection| {
            let active = api_keys::table
                .find(id.get())
                .filter(api_keys::revoked_at.is_null())
                .filter(api_keys::grace_period_ends_at.is_null())
                .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now)));
            let changed = (api_keys::grace_period_ends_at.eq(ends_at), api_keys::updated_at.eq(now));
            Ok(diesel::update(active).set(changed).execute(connection)? == 1)
        })
        .await
    }

    async fn revoke_key(&mut self, id: ApiKeyId, now: Timestamp) -> Result<bool, StorageError> {
        self.run("revoke_key", move |connection| revoke(connection, id.get(), now.as_unix_micros())).await
    }
}

fn insert(connection: &mut SqliteConnection, row: KeyRow, search_text: String) -> Result<(), Failure> {
    let counted = if row.revoked_at.is_none() { row.workspace_id } else { None };
    diesel::insert_into(api_keys::table).values((row, api_keys::search_text.eq(search_text))).execute(connection)?;
    if let Some(workspace) = counted {
        diesel::update(workspaces::table.find(workspace))
            .set(workspaces::key_count.eq(workspaces::key_count + 1))
            .execute(connection)?;
    }
    Ok(())
}

fn revoke(connection: &mut SqliteConnection, id: i64, now: i64) -> Result<bool, Failure> {
    let revoked: Option<Option<i64>> = diesel::update(api_keys::table.find(id).filter(api_keys::revoked_at.is_null()))
        .set((api_keys::revoked_at.eq(now), api_keys::updated_at.eq(now)))
        .returning(api_keys::workspace_id)
        .get_result(connection)
        .optional()?;
    if let Some(Some(workspace)) = revoked {
        diesel::update(workspaces::table.find(workspace))
            .set(workspaces::key_count.eq(workspaces::key_count - 1))
            .execute(connection)?;
    }
    Ok(revoked.is_some())
}
