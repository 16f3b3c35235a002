use core_domain::{StorageError, Timestamp, WorkspaceContext};
use keys::ApiKey;
use workspaces::WorkspaceReader;

use super::dto::KeyView;
use crate::list::Selection;
use crate::workspaces::WorkspaceView;

/// The views of keys, with what was asked to be included: one query a relation, however many keys there are.
pub(crate) async fn views(
    reader: &dyn WorkspaceReader,
    keys: &[ApiKey],
    context: &WorkspaceContext,
    selection: &Selection,
    now: Timestamp,
) -> Result<Vec<KeyView>, StorageError> {
    let mut views: Vec<KeyView> = keys.iter().map(|key| KeyView::new(key, context.tier, now)).collect();
    if selection.includes("workspace")
        && let Some(workspace) = reader.find_workspace(context.id).await?
    {
        for (view, key) in views.iter_mut().zip(keys) {
            view.workspace = key.workspace_id.map(|_| WorkspaceView::from(&workspace));
        }
    }
    if selection.includes("created_by") {
        let mut ids: Vec<_> = keys.iter().map(|key| key.account_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let accounts = reader.list_accounts(&ids).await?;
        for (view, key) in views.iter_mut().zip(keys) {
            view.created_by = accounts.iter().find(|account| account.id == key.account_id).map(Into::into);
        }
    }
    Ok(views)
}
