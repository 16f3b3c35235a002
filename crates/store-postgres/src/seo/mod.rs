mod issues;
mod read;
mod reports;
mod row;
mod write;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::schema::{seo_issues, seo_reports, seo_totals};

/// Removes all that these workspaces held.
pub(crate) async fn purge(connection: &mut AsyncPgConnection, workspaces: &[i64]) -> QueryResult<()> {
    diesel::delete(seo_issues::table).filter(seo_issues::workspace_id.eq_any(workspaces)).execute(connection).await?;
    diesel::delete(seo_reports::table).filter(seo_reports::workspace_id.eq_any(workspaces)).execute(connection).await?;
    diesel::delete(seo_totals::table).filter(seo_totals::workspace_id.eq_any(workspaces)).execute(connection).await?;
    Ok(())
}
