use ::workspaces::{Settings, Slug, Workspace, WorkspaceName};
use chrono::{DateTime, Utc};
use core_domain::{StorageError, Tier};
use diesel::prelude::*;

use crate::error::OrCorrupt as _;
use crate::schema::workspaces;
use crate::time;

pub(super) const TABLE: &str = "workspaces";

#[derive(Queryable, Selectable)]
#[diesel(table_name = workspaces)]
pub(super) struct WorkspaceRow {
    id: i64,
    name: String,
    slug: String,
    tier: i16,
    settings: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<WorkspaceRow> for Workspace {
    type Error = StorageError;

    fn try_from(row: WorkspaceRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.id.try_into().or_corrupt(TABLE, "id")?,
            name: WorkspaceName::try_from(&*row.name).or_corrupt(TABLE, "name")?,
            slug: Slug::try_from(&*row.slug).or_corrupt(TABLE, "slug")?,
            tier: Tier::from_rank(row.tier).or_corrupt(TABLE, "tier")?,
            settings: Settings::from_stored(&row.settings).or_corrupt(TABLE, "settings")?,
            created_at: time::read(row.created_at, TABLE, "created_at")?,
            updated_at: time::read(row.updated_at, TABLE, "updated_at")?,
        })
    }
}
