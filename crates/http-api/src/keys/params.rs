use core_domain::{Tier, WorkspaceContext};
use keys::{KeyFilter, KeyQuery, KeySort, TierFilter};

use super::dto::KeyView;
use crate::ApiError;
use crate::extract::QueryReader;
use crate::list::{Common, Selection, list_params};

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
        let status = reader.word("status", self.status.as_deref());
        let environment = reader.word("environment", self.environment.as_deref());
        let Common { created, updated, search, sort, page, selection } =
            self.common::<KeyView, _>(&mut reader, KeySort::DEFAULT);
        reader.finish()?;
        let rate_limit_tier = tier.map(|tier| TierFilter::effective(tier, context.tier));
        let filter = KeyFilter { status, environment, rate_limit_tier, created, updated, search };
        Ok((KeyQuery { filter, sort, page }, selection))
    }
}
