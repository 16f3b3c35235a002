use std::num::NonZeroU32;

use ::mcp::{Call, CallEnd, CallLog, CallNote, CallQuery, CallRepository, ServerId};
use async_trait::async_trait;
use core_domain::{McpCallId, Page, Realm, StorageError, Timestamp, Transaction as _};
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;

use super::row::{self, EndRow};
use super::{TABLE, list, purge};
use crate::error::{OrCorrupt as _, storage};
use crate::prepared::Prepared;
use crate::{PgStore, PgTx, time};

/// Counted in one of 16 places, so that few wait for each other.
const BEGIN: &str = "
    WITH begun AS (
        SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS note (workspace_id, environment, account_id, api_key_id,
            request_id, server, tool, arguments, created_at, search_text, outcome)
    ), counted AS (
        INSERT INTO mcp_totals (workspace_id, environment, slot, call_count)
        SELECT workspace_id, environment, pg_backend_pid() % 16, 1 FROM begun
        ON CONFLICT (workspace_id, environment, slot) DO UPDATE SET call_count = mcp_totals.call_count + 1
    )
    INSERT INTO mcp_calls (id, workspace_id, environment, account_id, api_key_id, request_id, server, tool, arguments,
        created_at, search_text, outcome)
    SELECT nextval('mcp_call_ids'), * FROM begun RETURNING id";

/// Not waited for until it is on disk: what a crash of the server takes is told as unknown, as that of a call under way.
const END: &str = "
    UPDATE mcp_calls SET outcome = ended.outcome, error = ended.error, size = ended.size,
        duration_ms = ended.duration_ms
    FROM (SELECT set_config('synchronous_commit', 'off', true)) AS durability,
        unnest(?, ?, ?, ?, ?) AS ended (id, outcome, error, size, duration_ms)
    WHERE mcp_calls.id = ended.id AND mcp_calls.duration_ms IS NULL";

#[async_trait]
impl CallRepository for PgTx {
    async fn insert_call(&mut self, note: &CallNote) -> Result<McpCallId, StorageError> {
        const OPERATION: &str = "insert_call";
        let search_text = note.search_text();
        let begin = Prepared::<BigInt>::new(BEGIN, row::bound(note, &search_text));
        let id = begin.get_result::<i64>(self.start(OPERATION)?).await;
        self.finish(OPERATION, id)?.try_into().or_corrupt(TABLE, "id")
    }
}

#[async_trait]
impl CallLog for PgStore {
    async fn finish_call(&self, id: McpCallId, end: &CallEnd) -> Result<(), StorageError> {
        const OPERATION: &str = "finish_call";
        let mut connection = self.connection(OPERATION).await?;
        let end = EndRow::from(end);
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
