mod issues;
mod read;
mod reports;
mod row;
mod write;

use diesel::prelude::*;

use crate::error::Failure;
use crate::schema::{seo_issues, seo_reports, seo_totals};

/// Removes all that a workspace held.
pub(crate) fn purge(connection: &mut SqliteConnection, workspace: i64) -> Result<(), Failure> {
    diesel::delete(seo_issues::table.filter(seo_issues::workspace_id.eq(workspace))).execute(connection)?;
    diesel::delete(seo_reports::table.filter(seo_reports::workspace_id.eq(workspace))).execute(connection)?;
    diesel::delete(seo_totals::table.filter(seo_totals::workspace_id.eq(workspace))).execute(connection)?;
    Ok(())
}
