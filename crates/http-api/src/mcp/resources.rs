use std::sync::Arc;

use actix_web::{HttpRequest, web};
use futures_util::future::join_all;
use mcp::{Catalogue, InvalidUri, Located, Reading, ResourceUri, ToolServers, UpstreamError, View, locate};

use super::dto::{ReadingView, ResourceView};
use super::handlers::{page_of, sort_by};
use super::params::{ResourceListParams, ResourceParams, ResourceSort};
use super::{failures, sight};
use crate::extract::permission::McpRead;
use crate::extract::{Caller, Query};
use crate::list::{ListBody, list_answer};
use crate::openapi::{Data, ErrorBody, WorkspaceHeader};
use crate::{Answer, ApiError};

const PATH: &str = "/api/v1/mcp/resources/";

/// Get an MCP resource
///
/// The rest of the path is the resource's URI, percent-decoded once; `?` and `#` in it are sent as `%3F` and `%23`. It
/// is read from the server that lists it, else from the one with a template for it.
#[utoipa::path(get, path = "/api/v1/mcp/resources/{uri}", tag = "MCP",
    params(WorkspaceHeader, ("uri" = String, Path, description = "With its slashes."), ResourceParams),
    security(("api_key" = ["mcp:read"])),
    responses((status = 200, body = Data<ReadingView>), (status = 502, body = ErrorBody), (status = 504, body = ErrorBody)))]
pub(crate) async fn get(
    caller: Caller<McpRead>,
    params: Query<ResourceParams>,
    servers: web::Data<dyn ToolServers>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    // As it was sent: what the router makes of it is decoded in part.
    let raw = request.uri().path().strip_prefix(PATH).unwrap_or_default();
    read(&caller, &**servers, ResourceUri::from_raw_path(raw), params.0.server.as_deref()).await
}

/// List MCP resources
///
/// Those that this credential may read, and templates of such. With `uri`, the resource itself: the same answer as for
/// the path that names it, safe from proxies that rewrite paths.
#[utoipa::path(get, path = "/api/v1/mcp/resources", tag = "MCP", params(WorkspaceHeader, ResourceListParams),
    security(("api_key" = ["mcp:read"])),
    responses((status = 200, body = ResourcesBody), (status = 502, body = ErrorBody), (status = 504, body = ErrorBody)))]
pub(crate) async fn list(
    caller: Caller<McpRead>,
    params: Query<ResourceListParams>,
    servers: web::Data<dyn ToolServers>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let asked = params.0.read()?;
    let server = params.0.server.as_deref();
    if let Some(uri) = &params.0.uri {
        return read(&caller, &**servers, ResourceUri::try_from(uri.clone()), server).await;
    }
    let (_, mut views) = sight::all(&caller, &**servers).await?;
    views.retain(|view| server.is_none_or(|server| server == view.server.id.as_str()));
    let mut items: Vec<ResourceView> = Vec::new();
    for (view, catalogue) in &known(&**servers, views).await.0 {
        let id = view.server.id.as_str();
        items.extend(view.resources(catalogue).iter().map(|resource| ResourceView::listed(id, resource)));
        items.extend(view.templates(catalogue).iter().map(|template| ResourceView::family(id, &template.definition)));
    }
    items.retain(|item| asked.search.as_ref().is_none_or(|text| item.search_text().contains(text)));
    sort_by(&mut items, &asked.sort, |field, left, right| match field {
        ResourceSort::Uri => left.place().cmp(right.place()),
        ResourceSort::Name => left.name.cmp(&right.name),
        ResourceSort::Server => left.server.cmp(&right.server),
    });
    list_answer(&request, asked.page, &page_of(items, asked.page), &asked.selection)
}

/// A page of resources, or the one that was asked for.
#[derive(utoipa::ToSchema)]
#[serde(untagged)]
#[schema(as = McpResources)]
#[expect(dead_code, reason = "documents the two answers")]
pub(crate) enum ResourcesBody {
    List(ListBody<ResourceView>),
    One(Data<ReadingView>),
}

async fn read<R>(
    caller: &Caller<R>,
    servers: &dyn ToolServers,
    uri: Result<ResourceUri, InvalidUri>,
    server: Option<&str>,
) -> Result<Answer, ApiError> {
    let uri = uri.map_err(|fault| ApiError::field("uri", format!("The uri {fault}.")))?;
    let view = match server {
        Some(id) => sight::one(caller, servers, id).await?.1,
        None => find(servers, &uri, sight::all(caller, servers).await?.1).await?,
    };
    if !view.server.resources {
        return Err(ApiError::NotFound);
    }
    let contents = servers.read(&view.instance, uri.as_str(), view.server.timeout).await;
    let reading = contents.and_then(|contents| Reading::of(contents, view.server.max_result_bytes));
    let reading = reading.map_err(|error| failures::of_resource(&error))?;
    Answer::data(&ReadingView::new(uri.as_str(), view.server.id.as_str(), reading))
}

/// The server that has the resource.
async fn find(servers: &dyn ToolServers, uri: &ResourceUri, views: Vec<View>) -> Result<View, ApiError> {
    let (known, starting) = known(servers, views).await;
    match (locate(uri, &known), starting) {
        (Located::At(view), _) => Ok(view.clone()),
        (Located::Several(views), _) => {
            let ids: Vec<&str> = views.iter().map(|view| view.server.id.as_str()).collect();
            let message = format!("Several servers have this resource. Name one in server: {}.", ids.join(", "));
            Err(ApiError::field("server", message))
        }
        // It may turn out to have it.
        (Located::Nowhere, Some(error)) => Err(failures::of_resource(&error)),
        (Located::Nowhere, None) => Err(ApiError::NotFound),
    }
}

type Known = Vec<(View, Arc<Catalogue>)>;

/// What these servers offer, as far as it can be known now; and whether one of them is still starting.
async fn known(servers: &dyn ToolServers, views: Vec<View>) -> (Known, Option<UpstreamError>) {
    let views = views.into_iter().filter(|view| view.server.resources);
    let asked = views.map(async |view| (sight::catalogue(servers, &view).await, view));
    let (mut known, mut starting) = (Vec::new(), None);
    for (catalogue, view) in join_all(asked).await {
        match catalogue {
            Ok(catalogue) => known.push((view, catalogue)),
            Err(error @ UpstreamError::Starting { .. }) => starting = Some(error),
            // One that is down keeps nobody from the others.
            Err(_) => {}
        }
    }
    (known, starting)
}
