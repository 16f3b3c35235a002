mod list;
mod read;
mod write;

use core_domain::{StorageError, Tier, Timestamp};
use diesel::prelude::*;
use workspaces::{Settings, Slug, Workspace, WorkspaceName};

use crate::error::OrCorrupt;
use crate::schema::workspaces as table;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, check_for_backend(diesel::sqlite::Sqlite))]
struct WorkspaceRow {
    id: i64,
    name: String,
    slug: String,
    tier: i16,
    settings: String,
    created_at: i64,
    updated_at: i64,
}

impl From<&Workspace> for WorkspaceRow {
    fn from(workspace: &Workspace) -> Self {
        Self {
            id: workspace.id.get(),
            name: workspace.name.as_str().to_owned(),
            slug: workspace.slug.as_str().to_owned(),
            tier: workspace.tier.rank(),
            settings: workspace.settings.to_json(),
            created_at: workspace.created_at.as_unix_micros(),
            updated_at: workspace.updated_at.as_unix_micros(),
        }
    }
}

impl TryFrom<WorkspaceRow> for Workspace {
    type Error = StorageError;

    fn try_from(row: WorkspaceRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.id.try_into().or_corrupt("workspaces", "id")?,
            name: WorkspaceName::try_from(&*row.name).or_corrupt("workspaces", "name")?,
            slug: Slug::try_from(&*row.slug).or_corrupt("workspaces", "slug")?,
            tier: Tier::from_rank(row.tier).or_corrupt("workspaces", "tier")?,
            settings: Settings::from_stored(&row.settings).or_corrupt("workspaces", "settings")?,
            created_at: Timestamp::from_unix_micros(row.created_at).or_corrupt("workspaces", "created_at")?,
            updated_at: Timestamp::from_unix_micros(row.updated_at).or_corrupt("workspaces", "updated_at")?,
        })
    }
}
