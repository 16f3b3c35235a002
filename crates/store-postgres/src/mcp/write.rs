use std::num::NonZeroU32;

use ::mcp::{Call, CallEnd, CallLog, CallQuery, CallRepository, ServerId};
use async_trait::async_trait;
use core_domain::{McpCallId, Page, Realm, StorageError, Timestamp, Transaction as _, WireWord as _};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join;

use super::row::{CallRow, EndRow};
use super::{TABLE, list, purge};
use crate::error::{OrCorrupt as _, storage};
use crate::prepared::{Prepared, Value};
use crate::schema::{mcp_calls as table, nextval};
use crate::{PgStore, PgTx, time};

const COUNT: &str = "
    INSERT INTO mcp_totals (workspace_id, environment, slot, call_count) VALUES (?, ?, pg_backend_pid() % 16, 1)
    ON CONFLICT (workspace_id, environment, slot) DO UPDATE SET call_count = mcp_totals.call_count + 1";

/// Not waited for until it is on disk: what a crash of the server takes is told as unknown, as that of a call under way.
const END: &str = "
    UPDATE mcp_calls SET outcome = ended.outcome, error = ended.error, size = ended.size,
        duration_ms = ended.duration_ms
    FROM (SELECT set_config('synchronous_commit', 'off', true)) AS durability,
        unnest(?, ?, ?, ?, ?) AS ended (id, outcome, error, size, duration_ms)
    WHERE mcp_calls.id = ended.id AND mcp_calls.duration_ms IS NULL";

#[async_trait]
impl CallRepository for PgTx {
    async fn next_call_id(&mut self) -> Result<McpCallId, StorageError> {
        const OPERATION: &str = "next_call_id";
        let next = diesel::select(nextval("mcp_call_ids")).get_result::<i64>(self.start(OPERATION)?).await;
        self.finish(OPERATION, next)?.try_into().or_corrupt(TABLE, "id")
    }

    async fn insert_call(&mut self, call: &Call) -> Result<(), StorageError> {
        const OPERATION: &str = "insert_call";
        let realm = vec![Value::Int(call.realm.workspace_id.get()), Value::Text(call.realm.environment.as_str())];
        // Both are on their way at once: a tool's caller waits for them.
        let (mut first, mut second) = {
            let connection: &AsyncPgConnection = self.start(OPERATION)?;
            (connection, connection)
        };
        let inserted = diesel::insert_into(table::table)
            .values((CallRow::from(call), table::search_text.eq(call.search_text())))
            .execute(&mut first);
        let counted = Prepared::<()>::new(COUNT, realm).execute(&mut second);
        let kept = try_join(inserted, counted).await;
        self.finish(OPERATION, kept).map(drop)
    }
}

#[async_trait]
impl CallLog for PgStore {
    async fn finish_call(&self, id: McpCallId, end: &CallEnd) -> Result<(), StorageError> {
        const OPERATION: &str = "finish_call";
        let mut connection = self.connection(OPERATION).await?;
        let end = EndRow::from(Some(end));
        let ended = Prepared::<()>::new(END, end.bound(id)).execute(&mut connection).await;
        ended.map(drop).map_err(storage(OPERATION))
    }

    async fn list_calls(&self, realm: Realm, query: &CallQuery) -> Result<Page<Call>, StorageError> {
        const OPERATION: &str = "list_calls";
        let mut connection = self.connection(OPERATION).await?;
        list::page(&mut connection, OPERATION, realm, query).await
    }

    async fn callers_of(&self, server: &ServerId) -> Result<Vec<Realm>, StorageError> {
        const OPERATION: &str = "callers_of";
        let mut connection = self.connection(OPERATION).await?;
        list::callers_of(&mut connection, OPERATION, server).await
    }

    async fn purge_calls(&self, before: Timestamp, limit: NonZeroU32) -> Result<u64, StorageError> {
        const OPERATION: &str = "purge_calls";
        let mut tx = self.begin().await?;
        let purged = purge::older(tx.start(OPERATION)?, time::stored(before), limit.get().into()).await;
        let purged = tx.finish(OPERATION, purged)?;
        Box::new(tx).commit().await?;
        Ok(purged)
    }
}
