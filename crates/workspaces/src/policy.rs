use core_domain::{Timestamp, WireWord};
use serde_json::{Value, json};

use crate::{InvalidSettings, UpdateWorkspace, Workspace};

/// The workspace after a change. `updated_at` never goes back, whatever the clock does.
pub(crate) fn changed(
    current: &Workspace,
    change: UpdateWorkspace,
    now: Timestamp,
) -> Result<Workspace, InvalidSettings> {
    Ok(Workspace {
        id: current.id,
        name: change.name.unwrap_or_else(|| current.name.clone()),
        slug: change.slug.unwrap_or_else(|| current.slug.clone()),
        tier: change.tier.unwrap_or(current.tier),
        settings: match &change.settings {
            Some(patch) => current.settings.merged(patch)?,
            None => current.settings.clone(),
        },
        created_at: current.created_at,
        updated_at: now.max(current.updated_at),
    })
}

/// What an event tells of a workspace.
pub(crate) fn event_data(workspace: &Workspace) -> Value {
    json!({
        "id": workspace.id.get(),
        "name": workspace.name.as_str(),
        "slug": workspace.slug.as_str(),
        "tier": workspace.tier.as_str(),
    })
}
