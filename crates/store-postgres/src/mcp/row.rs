use ::mcp::{Call, CallEnd, CallNote, Outcome};
use chrono::{DateTime, Utc};
use core_domain::{Environment, McpCallId, Realm, StorageError, WireWord as _};
use diesel::prelude::*;
use std::time::Duration;

use super::TABLE;
use crate::error::OrCorrupt as _;
use crate::prepared::Value;
use crate::schema::mcp_calls;
use crate::time;

#[derive(Queryable, Selectable)]
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
#[derive(Queryable, Selectable)]
#[diesel(table_name = mcp_calls)]
pub(super) struct EndRow {
    outcome: String,
    error: Option<String>,
    size: Option<i64>,
    duration_ms: Option<i32>,
}

impl From<&CallEnd> for EndRow {
    fn from(end: &CallEnd) -> Self {
        Self {
            outcome: end.outcome.as_str().to_owned(),
            error: end.error.clone(),
            size: end.size.map(|size| i64::try_from(size).unwrap_or(i64::MAX)),
            duration_ms: Some(i32::try_from(end.duration.as_millis()).unwrap_or(i32::MAX)),
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

/// As a statement's values, each a list of one.
pub(super) fn bound<'a>(note: &'a CallNote, search_text: &'a str) -> Vec<Value<'a>> {
    vec![
        Value::Ints(vec![note.realm.workspace_id.get()]),
        Value::Texts(vec![note.realm.environment.as_str()]),
        Value::Ints(vec![note.account_id.get()]),
        Value::IntsOrNull(vec![note.api_key_id.map(core_domain::ApiKeyId::get)]),
        Value::Texts(vec![&note.request_id]),
        Value::Texts(vec![&note.server]),
        Value::Texts(vec![&note.tool]),
        Value::Texts(vec![&note.arguments]),
        Value::Moments(vec![time::stored(note.created_at)]),
        Value::Texts(vec![search_text]),
        Value::Texts(vec![Outcome::Unknown.as_str()]),
    ]
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
            created_at: time::read(row.created_at, TABLE, "created_at")?,
        };
        Ok(Self { id: row.id.try_into().or_corrupt(TABLE, "id")?, note, end: row.end.read()? })
    }
}
