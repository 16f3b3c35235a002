use core_domain::{DomainEvent, Environment, StorageError, Timestamp, WireWord, WorkspaceId};
use diesel::prelude::*;

use crate::error::OrCorrupt;
use crate::schema::events;
use crate::store::SqliteStore;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = events, check_for_backend(diesel::sqlite::Sqlite))]
pub(crate) struct EventRow {
    pub(crate) id: String,
    pub(crate) workspace_id: i64,
    pub(crate) environment: String,
    pub(crate) event_type: String,
    pub(crate) data: String,
    created_at: i64,
}

impl From<&DomainEvent> for EventRow {
    fn from(event: &DomainEvent) -> Self {
        Self {
            id: event.id.as_str().to_owned(),
            workspace_id: event.workspace_id.get(),
            environment: event.environment.as_str().to_owned(),
            event_type: event.event_type.clone(),
            data: event.data.to_string(),
            created_at: event.created_at.as_unix_micros(),
        }
    }
}

impl TryFrom<EventRow> for DomainEvent {
    type Error = StorageError;

    fn try_from(row: EventRow) -> Result<Self, StorageError> {
        let created_at = row.moment()?;
        Ok(Self {
            id: row.id.try_into().or_corrupt("events", "id")?,
            workspace_id: row.workspace_id.try_into().or_corrupt("events", "workspace_id")?,
            environment: Environment::from_word(&row.environment).or_corrupt("events", "environment")?,
            event_type: row.event_type,
            data: serde_json::from_str(&row.data).or_corrupt("events", "data")?,
            created_at,
        })
    }
}

impl EventRow {
    pub(crate) fn moment(&self) -> Result<Timestamp, StorageError> {
        Timestamp::from_unix_micros(self.created_at).or_corrupt("events", "created_at")
    }
}

impl SqliteStore {
    /// The first `limit` events of a workspace, in the order in which they were appended.
    pub async fn list_events_of(&self, workspace: WorkspaceId, limit: u32) -> Result<Vec<DomainEvent>, StorageError> {
        self.read("list_events_of", move |connection| {
            let query = events::table.filter(events::workspace_id.eq(workspace.get())).order(events::seq);
            let rows = query.limit(limit.into()).select(EventRow::as_select()).load(connection)?;
            Ok(rows.into_iter().map(DomainEvent::try_from).collect::<Result<_, _>>()?)
        })
        .await
    }
}
