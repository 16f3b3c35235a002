use workspaces::{WorkspaceFilter, WorkspaceQuery, WorkspaceSort};

use super::WorkspaceView;
use crate::ApiError;
use crate::extract::QueryReader;
use crate::list::{Common, Selection, list_params};

list_params! {
    /// What a list of workspaces can be asked for.
    WorkspaceListParams {
        /// Of this tier.
        tier,
    }
}

impl WorkspaceListParams {
    pub(crate) fn read(&self) -> Result<(WorkspaceQuery, Selection), ApiError> {
        let mut reader = QueryReader::default();
        let tier = reader.word("tier", self.tier.as_deref());
        let Common { created, updated, search, sort, page, selection } =
            self.common::<WorkspaceView, _>(&mut reader, WorkspaceSort::DEFAULT);
        reader.finish()?;
        let filter = WorkspaceFilter { tier, created, updated, search };
        Ok((WorkspaceQuery { filter, sort, page }, selection))
    }
}
