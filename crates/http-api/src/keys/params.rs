use core_domain::{Tier, WorkspaceContext};
use keys::{KeyFilter, KeyQuery, KeySort, TierFilter};

use super::dto::KeyView;
use crate::ApiError;
use crate::extract::QueryReader;
use crate::list::{ItemParams, Selection, list_params};

list_params! {
    /// What a list of keys can be asked for.
    KeyListParams {
        /// `active`, `rotating`, `expired` or `revoked`; all but the revoked when not given.
        status,
        /// `live` or `test`.
        environment,
        /// With the rate limit of this tier.
        rate_limit_tier,
    }
}

impl KeyListParams {
    pub(crate) fn read(&self, context: &WorkspaceContext) -> Result<(KeyQuery, Selection), ApiError> {
        let mut reader = QueryReader::default();
        let tier: Option<Tier> = reader.word("rate_limit_tier", self.rate_limit_tier.as_deref());
        let query = KeyQuery {
            filter: KeyFilter {
                status: reader.word("status", self.status.as_deref()),
                environment: reader.word("environment", self.environment.as_deref()),
                rate_limit_tier: tier.map(|tier| TierFilter::effective(tier, context.tier)),
                created: reader.range("created", self.created_after.as_deref(), self.created_before.as_deref()),
                updated: reader.range("updated", self.updated_after.as_deref(), self.updated_before.as_deref()),
                search: reader.search(self.search.as_deref()),
            },
            sort: reader.sort(self.sort.as_deref(), KeySort::DEFAULT),
            page: reader.page(
                self.page.as_deref(),
                self.per_page.as_deref(),
                "status, environment, rate_limit_tier, created_after, created_before or search",
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
        fields: reader.names("fields", fields, KeyView::FIELDS),
        include: reader.names("include", include, KeyView::INCLUDES).unwrap_or_default(),
    }
}
