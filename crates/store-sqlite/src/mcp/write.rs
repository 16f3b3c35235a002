use std::num::NonZeroU32;

use ::mcp::{Call, CallEnd, CallLog, CallNote, CallQuery, CallRepository, ServerId};
use async_trait::async_trait;
use core_domain::{McpCallId, Page, Realm, StorageError, Timestamp, WireWord as _};
use diesel::prelude::*;

use super::row::{CallRow, EndRow};
use super::{list, purge};
use crate::error::{Failure, OrCorrupt as _};
use crate::ids;
use crate::schema::{mcp_calls as table, mcp_totals};
use crate::store::SqliteStore;
use crate::tx::SqliteTx;

#[async_trait]
impl CallRepository for SqliteTx {
    async fn insert_call(&mut self, note: &CallNote) -> Result<McpCallId, StorageError> {
        let (note, search_text) = (note.clone(), note.search_text());
        self.run("insert_call", move |connection| {
            let (id, realm) = (ids::next(connection, "mcp_calls")?, note.realm);
            let row = CallRow::begun(id, note);
            diesel::insert_into(table::table).values((row, table::search_text.eq(search_text))).execute(connection)?;
            count(connection, realm)?;
            Ok(id.try_into().or_corrupt("id_sequences", "last")?)
        })
        .await
    }
}

fn count(connection: &mut SqliteConnection, realm: Realm) -> Result<(), Failure> {
    diesel::insert_into(mcp_totals::table)
        .values((
            mcp_totals::workspace_id.eq(realm.workspace_id.get()),
            mcp_totals::environment.eq(realm.environment.as_str()),
            mcp_totals::call_count.eq(1),
        ))
        .on_conflict((mcp_totals::workspace_id, mcp_totals::environment))
        .do_update()
        .set(mcp_totals::call_count.eq(mcp_totals::call_count + 1))
        .execute(connection)?;
    Ok(())
}

#[async_trait]
impl CallLog for SqliteStore {
    async fn finish_call(&self, id: McpCallId, end: &CallEnd) -> Result<(), StorageError> {
        let end = EndRow::from(Some(end));
        // What a crash of the machine takes is told as unknown, as that of a call under way.
        self.write_without_flush("finish_call", move |connection| {
            let open = table::table.find(id.get()).filter(table::duration_ms.is_null());
            diesel::update(open).set(end).execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn list_calls(&self, realm: Realm, query: &CallQuery) -> Result<Page<Call>, StorageError> {
        let query = query.clone();
        self.read("list_calls", move |connection| list::page(connection, realm, &query)).await
    }

    async fn callers_of(&self, server: &ServerId) -> Result<Vec<Realm>, StorageError> {
        let server = server.to_string();
        self.read("callers_of", move |connection| list::callers_of(connection, &server)).await
    }

    async fn purge_calls(&self, before: Timestamp, limit: NonZeroU32) -> Result<u64, StorageError> {
        self.write("purge_calls", move |connection| {
            connection.immediate_transaction(|connection| {
                purge::older(connection, before.as_unix_micros(), limit.get().into())
            })
        })
        .await
    }
}
