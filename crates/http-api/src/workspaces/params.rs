use workspaces::{WorkspaceFilter, WorkspaceQuery, WorkspaceSort};

use super::WorkspaceView;
use crate::ApiError;
use crate::extract::QueryReader;
use crate::list::{ItemParams, Selection, list_params};

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
        let query = WorkspaceQuery {
            filter: WorkspaceFilter {
                tier: reader.word("tier", self.tier.as_deref()),
                created: reader.range("created", self.created_after.as_deref(), self.created_before.as_deref()),
                updated: reader.range("updated", self.updated_after.as_deref(), self.updated_before.as_deref()),
                search: reader.search(self.search.as_deref()),
            },
            sort: reader.sort(self.sort.as_deref(), WorkspaceSort::DEFAULT),
            page: reader.page(
                self.page.as_deref(),
                self.per_page.as_deref(),
                "tier, created_after, created_before, updated_after, updated_before or search",
            ),
        };
        let selection = selection(&mut reader, self.fields.as_deref(), self.include.as_deref());
        reader.finish()?;
        Ok((query, selection))
    }
}

pub(crate) fn item_selection(params: &ItemParams) -> Result<Selection, ApiError> {
    let mut reader = QueryReader::default();
    let selection = selection(&mut reader, params.fields.as_deref(), params.include.as_deref());
    reader.finish()?;
    Ok(selection)
}

fn selection(reader: &mut QueryReader, fields: Option<&str>, include: Option<&str>) -> Selection {
    Selection {
        fields: reader.names("fields", fields, WorkspaceView::FIELDS),
        include: reader.names("include", include, WorkspaceView::INCLUDES).unwrap_or_default(),
    }
}
