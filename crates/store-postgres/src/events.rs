use chrono::{DateTime, Utc};
use core_domain::{DomainEvent, Environment, StorageError, WireWord as _, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::error::{OrCorrupt as _, storage};
use crate::schema::events;
use crate::{PgStore, time};

const TABLE: &str = "events";

#[derive(Queryable, Selectable)]
#[diesel(table_name = events)]
pub(crate) struct EventRow {
    id: String,
    workspace_id: i64,
    environment: String,
    event_type: String,
    data: String,
    created_at: DateTime<Utc>,
}

impl TryFrom<EventRow> for DomainEvent {
    type Error = StorageError;

    fn try_from(row: EventRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.id.try_into().or_corrupt(TABLE, "id")?,
            workspace_id: row.workspace_id.try_into().or_corrupt(TABLE, "workspace_id")?,
            environment: Environment::from_word(&row.environment).or_corrupt(TABLE, "environment")?,
            event_type: row.event_type,
            data: serde_json::from_str(&row.data).or_corrupt(TABLE, "data")?,
            created_at: time::read(row.created_at, TABLE, "created_at")?,
        })
    }
}

impl PgStore {
    /// The first `limit` events of a workspace, in the order in which they were appended.
    pub async fn list_events_of(&self, workspace: WorkspaceId, limit: u32) -> Result<Vec<DomainEvent>, StorageError> {
        const OPERATION: &str = "list_events_of";
        let mut connection = self.connection(OPERATION).await?;
        let rows: Vec<EventRow> = events::table
            .filter(events::workspace_id.eq(workspace.get()))
            .order_by(events::seq)
            .limit(i64::from(limit))
            .select(EventRow::as_select())
            .load(&mut connection)
            .await
            .map_err(storage(OPERATION))?;
        rows.into_iter().map(DomainEvent::try_from).collect()
    }
}
