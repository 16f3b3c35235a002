use core_domain::{Role, StorageError};
use workspaces::{Workspace, WorkspaceReader};

use super::WorkspaceView;
use super::dto::MemberView;
use crate::list::Selection;

/// The views of workspaces, with what was asked to be included: one query, however many there are.
pub(crate) async fn views(
    reader: &dyn WorkspaceReader,
    workspaces: &[Workspace],
    selection: &Selection,
) -> Result<Vec<WorkspaceView>, StorageError> {
    let mut views: Vec<WorkspaceView> = workspaces.iter().map(WorkspaceView::from).collect();
    if selection.include.is_empty() {
        return Ok(views);
    }
    let ids: Vec<_> = workspaces.iter().map(|workspace| workspace.id).collect();
    let members = reader.list_members(&ids).await?;
    for (view, workspace) in views.iter_mut().zip(workspaces) {
        let own = || members.iter().filter(|member| member.workspace_id == workspace.id);
        if selection.includes("owner") {
            view.owner = own().find(|member| member.role == Role::Owner).map(|owner| (&owner.account).into());
        }
        if selection.includes("members") {
            view.members = Some(own().map(MemberView::from).collect());
        }
    }
    Ok(views)
}
