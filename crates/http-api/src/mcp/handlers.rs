use std::cmp::Ordering;

use actix_web::{HttpRequest, web};
use core_domain::{Order, Page, PageRequest, Sort};
use mcp::{ServerStatus, ToolServers, View};

use super::dto::{ServerView, ToolView};
use super::params::{ServerListParams, ServerSort, ToolListParams, ToolSort};
use super::{failures, sight};
use crate::extract::permission::McpRead;
use crate::extract::{Caller, Query};
use crate::list::{ItemParams, ListBody, list_answer};
use crate::openapi::{Data, ErrorBody, WorkspaceHeader};
use crate::{Answer, ApiError};

/// List MCP servers
///
/// Those that this credential may use, as they are last known: it neither starts a server nor waits for one. What was
/// never read is read in the background.
#[utoipa::path(get, path = "/api/v1/mcp/servers", tag = "MCP", params(WorkspaceHeader, ServerListParams),
    security(("api_key" = ["mcp:read"])), responses((status = 200, body = ListBody<ServerView>)))]
pub(crate) async fn list(
    caller: Caller<McpRead>,
    params: Query<ServerListParams>,
    servers: web::Data<dyn ToolServers>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let (status, asked) = params.0.read()?;
    let (_, views) = sight::all(&caller, &**servers).await?;
    let with_tools = asked.selection.includes("tools");
    let shown = views.iter().map(|view| (view, look(&**servers, view)));
    let shown = shown.filter(|(_, now)| status.is_none_or(|status| status == now.state.word()));
    let mut items: Vec<ServerView> = shown.map(|(view, now)| ServerView::new(view, &now, with_tools)).collect();
    items.retain(|item| asked.search.as_ref().is_none_or(|text| item.search_text().contains(text)));
    let last = asked.sort.last().map(|part| Sort { field: ServerSort::Id, order: part.order });
    let sort: Vec<_> = asked.sort.iter().copied().chain(last).collect();
    sort_by(&mut items, &sort, |field, left, right| match field {
        ServerSort::Id => left.id.cmp(&right.id),
        ServerSort::Name => left.name.cmp(&right.name),
    });
    list_answer(&request, asked.page, &page_of(items, asked.page), &asked.selection)
}

/// Get an MCP server
#[utoipa::path(get, path = "/api/v1/mcp/servers/{id}", tag = "MCP",
    params(WorkspaceHeader, ("id" = String, Path), ItemParams),
    security(("api_key" = ["mcp:read"])), responses((status = 200, body = Data<ServerView>)))]
pub(crate) async fn get(
    caller: Caller<McpRead>,
    id: web::Path<String>,
    params: Query<ItemParams>,
    servers: web::Data<dyn ToolServers>,
) -> Result<Answer, ApiError> {
    let selection = params.0.selection::<ServerView>()?;
    let (_, view) = sight::one(&caller, &**servers, &id).await?;
    let status = look(&**servers, &view);
    Answer::data(&selection.of(&ServerView::new(&view, &status, selection.includes("tools"))))
}

/// List an MCP server's tools
///
/// Those that this credential may call. A server that is not running is started, and waited for up to ten seconds.
#[utoipa::path(get, path = "/api/v1/mcp/servers/{id}/tools", tag = "MCP",
    params(WorkspaceHeader, ("id" = String, Path), ToolListParams), security(("api_key" = ["mcp:read"])),
    responses((status = 200, body = ListBody<ToolView>), (status = 502, body = ErrorBody), (status = 504, body = ErrorBody)))]
pub(crate) async fn list_tools(
    caller: Caller<McpRead>,
    id: web::Path<String>,
    params: Query<ToolListParams>,
    servers: web::Data<dyn ToolServers>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let asked = params.0.read()?;
    let (_, view) = sight::one(&caller, &**servers, &id).await?;
    let catalogue = sight::catalogue(&**servers, &view).await.map_err(|error| failures::of_any(&error))?;
    let mut items: Vec<ToolView> = view.tools(&catalogue).map(ToolView::from).collect();
    items.retain(|item| asked.search.as_ref().is_none_or(|text| item.search_text().contains(text)));
    sort_by(&mut items, &asked.sort, |ToolSort::Name, left, right| left.name.cmp(&right.name));
    list_answer(&request, asked.page, &page_of(items, asked.page), &asked.selection)
}

/// What is known of a server. One that was never read is read in the background.
fn look(servers: &dyn ToolServers, view: &View) -> ServerStatus {
    let status = servers.status(&view.instance);
    if status.catalogue.is_none() {
        servers.warm(&view.instance);
    }
    status
}

/// Sorts what lies in memory; what is equal stays in its own order.
pub(super) fn sort_by<T, S: Copy>(items: &mut [T], sort: &[Sort<S>], compare: impl Fn(S, &T, &T) -> Ordering) {
    items.sort_by(|left, right| {
        sort.iter().fold(Ordering::Equal, |so_far, part| {
            so_far.then_with(|| match part.order {
                Order::Ascending => compare(part.field, left, right),
                Order::Descending => compare(part.field, right, left),
            })
        })
    });
}

/// One page of what lies in memory.
pub(super) fn page_of<T>(items: Vec<T>, page: PageRequest) -> Page<T> {
    let total = items.len() as u64;
    let offset = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    Page { items: items.into_iter().skip(offset).take(page.per_page() as usize).collect(), total }
}
