use ::mcp::{Call, CallEnd, Outcome};
use chrono::{DateTime, Utc};
use core_domain::{Environment, McpCallId, Realm, StorageError, WireWord as _};
use diesel::prelude::*;
use std::time::Duration;

use super::TABLE;
use crate::error::OrCorrupt as _;
use crate::prepared::Value;
use crate::schema::mcp_calls;
use crate::time;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = mcp_calls)]
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
    created_at: DateTime<Utc>,
    #[diesel(embed)]
    end: EndRow,
}

/// What is written when a call ends.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = mcp_calls)]
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
    /// As a statement's values, with the call's id before them.
    pub(super) fn bound(&self, id: McpCallId) -> Vec<Value<'_>> {
        vec![
            Value::Ints(vec![id.get()]),
            Value::Texts(vec![&self.outcome]),
            Value::TextsOrNull(vec![self.error.as_deref()]),
            Value::IntsOrNull(vec![self.size]),
            Value::SmallIntsOrNull(vec![self.duration_ms]),
        ]
    }

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

impl From<&Call> for CallRow {
    fn from(call: &Call) -> Self {
        Self {
            id: call.id.get(),
            workspace_id: call.realm.workspace_id.get(),
            environment: call.realm.environment.as_str().to_owned(),
            account_id: call.account_id.get(),
            api_key_id: call.api_key_id.map(core_domain::ApiKeyId::get),
            request_id: call.request_id.clone(),
            server: call.server.clone(),
            tool: call.tool.clone(),
            arguments: call.arguments.clone(),
            created_at: time::stored(call.created_at),
            end: call.end.as_ref().into(),
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
        Ok(Self {
            id: row.id.try_into().or_corrupt(TABLE, "id")?,
            realm: realm(row.workspace_id, &row.environment)?,
            account_id: row.account_id.try_into().or_corrupt(TABLE, "account_id")?,
            api_key_id: row.api_key_id.map(TryInto::try_into).transpose().or_corrupt(TABLE, "api_key_id")?,
            request_id: row.request_id,
            server: row.server,
            tool: row.tool,
            arguments: row.arguments,
            created_at: time::read(row.created_at, TABLE, "created_at")?,
            end: row.end.read()?,
        })
    }
}
