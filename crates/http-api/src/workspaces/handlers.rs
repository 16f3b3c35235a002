use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use core_domain::{Page, Tier, WorkspaceId};
use keys::Authenticator;
use workspaces::{
    CreateWorkspaceError, DeleteWorkspaceError, UpdateWorkspaceError, WorkspaceFilter, WorkspaceReader,
    WorkspaceService,
};

use super::dto::{CreateWorkspaceBody, UpdateWorkspaceBody, WorkspaceView, fault_sentence};
use super::includes::views;
use super::params::WorkspaceListParams;
use crate::extract::permission::{WorkspacesDelete, WorkspacesRead, WorkspacesWrite};
use crate::extract::{Caller, Json, PathId, Query};
use crate::list::{ItemParams, ListBody, list_answer};
use crate::openapi::{Data, Told};
use crate::write::Write;
use crate::{Answer, ApiError, Entitlements};

/// List workspaces
///
/// The workspaces that the credential opens.
#[utoipa::path(get, path = "/api/v1/workspaces", tag = "Workspaces", params(WorkspaceListParams),
    security(("api_key" = ["workspaces:read"])), responses((status = 200, body = ListBody<WorkspaceView>)))]
pub(crate) async fn list(
    caller: Caller<WorkspacesRead>,
    params: Query<WorkspaceListParams>,
    reader: web::Data<dyn WorkspaceReader>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let (query, selection) = params.0.read()?;
    let page = match caller.principal.bound_to {
        Some(id) => WorkspaceFilter::page_of_one(&query, reader.find_workspace(id).await?),
        None => reader.list_workspaces_of(caller.principal.account_id, &query).await?,
    };
    let mut items = views(&**reader, &page.items, &selection).await?;
    if !selection.fields.as_ref().is_some_and(|fields| fields.contains(&"settings")) {
        items = items.into_iter().map(WorkspaceView::without_settings).collect();
    }
    list_answer(&request, query.page, &Page { items, total: page.total }, &selection)
}

/// Get a workspace
#[utoipa::path(get, path = "/api/v1/workspaces/{id}", tag = "Workspaces", params(("id" = i64, Path, minimum = 1), ItemParams),
    security(("api_key" = ["workspaces:read"])), responses((status = 200, body = Data<WorkspaceView>)))]
pub(crate) async fn get(
    caller: Caller<WorkspacesRead>,
    id: PathId<WorkspaceId>,
    params: Query<ItemParams>,
    reader: web::Data<dyn WorkspaceReader>,
) -> Result<Answer, ApiError> {
    let selection = params.0.selection::<WorkspaceView>()?;
    let found = match caller.principal.bound_to {
        Some(bound) if bound == id.0 => reader.find_workspace(bound).await?,
        Some(_) => None,
        None => reader.find_workspace_of(caller.principal.account_id, id.0).await?,
    };
    let workspace = found.ok_or(ApiError::NotFound)?;
    let view = views(&**reader, std::slice::from_ref(&workspace), &selection).await?.pop();
    Answer::data(&view.as_ref().map(|view| selection.of(view)))
}

/// Create a workspace
///
/// The credential's account becomes its owner. A key that is bound to one workspace can't create another.
#[utoipa::path(post, path = "/api/v1/workspaces", tag = "Workspaces", request_body = CreateWorkspaceBody,
    security(("api_key" = ["workspaces:write"])), responses((status = 201, body = Told<WorkspaceView>)))]
pub(crate) async fn create(
    caller: Caller<WorkspacesWrite>,
    body: Json<CreateWorkspaceBody>,
    service: web::Data<WorkspaceService>,
    entitlements: web::Data<Entitlements>,
    write: Write,
) -> Result<Answer, ApiError> {
    let principal = caller.principal;
    if principal.bound_to.is_some() {
        return Err(ApiError::AccessDenied("A key that is bound to a workspace can't create another.".to_owned()));
    }
    let command = body.0.into_command(principal.account_id, principal.environment)?;
    self_service(&entitlements, command.tier)?;
    write
        .run(async move |tx| {
            let workspace = service.create(tx, command.clone()).await?;
            let view = WorkspaceView::from(&workspace);
            let location = format!("/api/v1/workspaces/{}", view.id);
            Ok(Answer::told(StatusCode::CREATED, "Workspace created successfully.", &view)?.at(location))
        })
        .await
}

/// Update a workspace
///
/// Changes what is given; `settings` is a JSON merge patch.
#[utoipa::path(patch, path = "/api/v1/workspaces/{id}", tag = "Workspaces", params(("id" = i64, Path, minimum = 1)),
    request_body = UpdateWorkspaceBody, security(("api_key" = ["workspaces:write"])),
    responses((status = 200, body = Told<WorkspaceView>)))]
pub(crate) async fn update(
    caller: Caller<WorkspacesWrite>,
    id: PathId<WorkspaceId>,
    body: Json<UpdateWorkspaceBody>,
    service: web::Data<WorkspaceService>,
    authenticator: web::Data<Authenticator>,
    entitlements: web::Data<Entitlements>,
    write: Write,
) -> Result<Answer, ApiError> {
    let context = caller.context_in(id.0).await?;
    let change = body.0.into_command()?;
    if let Some(tier) = change.tier.filter(|tier| *tier != context.tier) {
        self_service(&entitlements, tier)?;
    }
    let environment = caller.principal.environment;
    write
        .run(async move |tx| {
            let workspace = service.update(tx, context, change.clone(), environment).await?;
            let (authenticator, entitlements) = (Arc::clone(&authenticator), entitlements.clone());
            let answer =
                Answer::told(StatusCode::OK, "Workspace updated successfully.", &WorkspaceView::from(&workspace))?;
            Ok(answer.then(move || {
                authenticator.forget_workspace(context.id);
                entitlements.forget_workspace(context.id);
            }))
        })
        .await
}

/// Delete a workspace
///
/// Its keys stop at once, and everything in it is gone.
#[utoipa::path(delete, path = "/api/v1/workspaces/{id}", tag = "Workspaces", params(("id" = i64, Path, minimum = 1)),
    security(("api_key" = ["workspaces:delete"])), responses((status = 204)))]
pub(crate) async fn delete(
    caller: Caller<WorkspacesDelete>,
    id: PathId<WorkspaceId>,
    service: web::Data<WorkspaceService>,
    authenticator: web::Data<Authenticator>,
    entitlements: web::Data<Entitlements>,
    write: Write,
) -> Result<Answer, ApiError> {
    let context = caller.context_in(id.0).await?;
    let environment = caller.principal.environment;
    write
        .run(async move |tx| {
            service.delete(tx, context, environment).await?;
            let (authenticator, entitlements) = (Arc::clone(&authenticator), entitlements.clone());
            Ok(Answer::no_content().then(move || {
                authenticator.forget_workspace(context.id);
                entitlements.forget_workspace(context.id);
            }))
        })
        .await
}

/// A tier that only the operator gives can't be chosen (contract: Workspaces).
fn self_service(entitlements: &Entitlements, tier: Tier) -> Result<(), ApiError> {
    if entitlements.catalogue().tier(tier).self_service {
        Ok(())
    } else {
        Err(ApiError::AccessDenied(format!("The tier {tier} can't be chosen: the operator of the service gives it.")))
    }
}

const SLUG_TAKEN: &str = "The slug has already been taken.";

impl From<CreateWorkspaceError> for ApiError {
    fn from(error: CreateWorkspaceError) -> Self {
        match error {
            CreateWorkspaceError::SlugTaken(_) => Self::field("slug", SLUG_TAKEN),
            CreateWorkspaceError::Storage(error) => error.into(),
        }
    }
}

impl From<UpdateWorkspaceError> for ApiError {
    fn from(error: UpdateWorkspaceError) -> Self {
        match error {
            UpdateWorkspaceError::NotFound => Self::NotFound,
            UpdateWorkspaceError::Role => Self::AccessDenied(crate::error::sentence(&error.to_string())),
            UpdateWorkspaceError::SlugTaken(_) => Self::field("slug", SLUG_TAKEN),
            UpdateWorkspaceError::Settings(fault) => Self::field(fault.field(), fault_sentence(&fault)),
            UpdateWorkspaceError::Storage(error) => error.into(),
        }
    }
}

impl From<DeleteWorkspaceError> for ApiError {
    fn from(error: DeleteWorkspaceError) -> Self {
        match error {
            DeleteWorkspaceError::NotFound => Self::NotFound,
            DeleteWorkspaceError::Role => Self::AccessDenied(crate::error::sentence(&error.to_string())),
            DeleteWorkspaceError::Storage(error) => error.into(),
        }
    }
}
