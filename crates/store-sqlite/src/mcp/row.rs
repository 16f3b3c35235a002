use ::mcp::{Call, CallEnd, CallNote, Outcome};
use core_domain::{Environment, Realm, StorageError, Timestamp, WireWord as _};
use diesel::prelude::*;
use std::time::Duration;

use super::TABLE;
use crate::error::OrCorrupt as _;
use crate::schema::mcp_calls;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = mcp_calls, check_for_backend(diesel::sqlite::Sqlite))]
pub(super) struct CallRow {
    id: i64,
    workspace_id: i64,
    environment: String,
    account_id: i64,
    api_key_id: Option<i64>,
    request_id: String,
    server: String,
    tool: String,
    arguments: String,
    created_at: i64,
    #[diesel(embed)]
    end: EndRow,
}

/// What is written when a call ends.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = mcp_calls, check_for_backend(diesel::sqlite::Sqlite))]
pub(super) struct EndRow {
    outcome: String,
    error: Option<String>,
    size: Option<i64>,
    duration_ms: Option<i32>,
}

impl From<Option<&CallEnd>> for EndRow {
    fn from(end: Option<&CallEnd>) -> Self {
        let duration = |end: &CallEnd| i32::try_from(end.duration.as_millis()).unwrap_or(i32::MAX);
        Self {
            outcome: end.map_or(Outcome::Unknown, |end| end.outcome).as_str().to_owned(),
            error: end.and_then(|end| end.error.clone()),
            size: end.and_then(|end| end.size).map(|size| i64::try_from(size).unwrap_or(i64::MAX)),
            duration_ms: end.map(duration),
        }
    }
}

impl EndRow {
    fn read(self) -> Result<Option<CallEnd>, StorageError> {
        let Some(milliseconds) = self.duration_ms else { return Ok(None) };
        let milliseconds = u64::try_from(milliseconds).or_corrupt(TABLE, "duration_ms")?;
        Ok(Some(CallEnd {
            outcome: Outcome::from_word(&self.outcome).or_corrupt(TABLE, "outcome")?,
            error: self.error,
            size: self.size.map(u64::try_from).transpose().or_corrupt(TABLE, "size")?,
            duration: Duration::from_millis(milliseconds),
        }))
    }
}

impl CallRow {
    /// A call that is about to be made.
    pub(super) fn begun(id: i64, note: CallNote) -> Self {
        Self {
            id,
            workspace_id: note.realm.workspace_id.get(),
            environment: note.realm.environment.as_str().to_owned(),
            account_id: note.account_id.get(),
            api_key_id: note.api_key_id.map(core_domain::ApiKeyId::get),
            request_id: note.request_id,
            server: note.server,
            tool: note.tool,
            arguments: note.arguments,
            created_at: note.created_at.as_unix_micros(),
            end: None.into(),
        }
    }
}

pub(super) fn realm(workspace_id: i64, environment: &str) -> Result<Realm, StorageError> {
    Ok(Realm {
        workspace_id: workspace_id.try_into().or_corrupt(TABLE, "workspace_id")?,
        environment: Environment::from_word(environment).or_corrupt(TABLE, "environment")?,
    })
}

impl TryFrom<CallRow> for Call {
    type Error = StorageError;

    fn try_from(row: CallRow) -> Result<Self, StorageError> {
        let note = CallNote {
            realm: realm(row.workspace_id, &row.environment)?,
            account_id: row.account_id.try_into().or_corrupt(TABLE, "account_id")?,
            api_key_id: row.api_key_id.map(TryInto::try_into).transpose().or_corrupt(TABLE, "api_key_id")?,
            request_id: row.request_id,
            server: row.server,
            tool: row.tool,
            arguments: row.arguments,
            created_at: Timestamp::from_unix_micros(row.created_at).or_corrupt(TABLE, "created_at")?,
        };
        Ok(Self { id: row.id.try_into().or_corrupt(TABLE, "id")?, note, end: row.end.read()? })
    }
}
