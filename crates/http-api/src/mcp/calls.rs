use actix_web::{HttpRequest, web};
use core_domain::{Page, Realm};
use mcp::CallLog;

use super::dto::CallView;
use super::params::CallListParams;
use crate::extract::permission::McpRead;
use crate::extract::{Caller, Query};
use crate::list::{ListBody, list_answer};
use crate::openapi::WorkspaceHeader;
use crate::{Answer, ApiError};

/// List calls of MCP tools
///
/// The audit log of the workspace: who called what, and what became of it.
#[utoipa::path(get, path = "/api/v1/mcp/calls", tag = "MCP", params(WorkspaceHeader, CallListParams),
    security(("api_key" = ["mcp:read"])), responses((status = 200, body = ListBody<CallView>)))]
pub(crate) async fn list(
    caller: Caller<McpRead>,
    params: Query<CallListParams>,
    log: web::Data<dyn CallLog>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let realm = Realm { workspace_id: caller.context().await?.id, environment: caller.principal.environment };
    let (query, selection) = params.0.read()?;
    let page = log.list_calls(realm, &query).await?;
    let items = page.items.iter().map(CallView::from).collect();
    list_answer(&request, query.page, &Page { items, total: page.total }, &selection)
}
