use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use core_domain::WorkspaceId;
use entitlements::{Feature, OverrideError};

use super::Entitlements;
use super::dto::{OverrideBody, OverrideView};
use crate::extract::permission::{OperatorRead, OperatorWrite};
use crate::extract::{Caller, Json, PathId};
use crate::openapi::{Data, Told};
use crate::write::Write;
use crate::{Answer, ApiError};

/// List a workspace's overrides
///
/// For the operator: any workspace. Those that have ended are listed too.
#[utoipa::path(get, path = "/api/v1/operator/workspaces/{id}/overrides", tag = "Operator",
    params(("id" = i64, Path, minimum = 1)), security(("api_key" = ["operator:read"])),
    responses((status = 200, body = Data<Vec<OverrideView>>)))]
pub(crate) async fn list(
    _: Caller<OperatorRead>,
    id: PathId<WorkspaceId>,
    entitlements: web::Data<Entitlements>,
) -> Result<Answer, ApiError> {
    let found = entitlements.reader.list_overrides(id.0).await?.ok_or(ApiError::NotFound)?;
    let now = entitlements.clock.now();
    Answer::data(&found.iter().map(|set| OverrideView::new(set, now)).collect::<Vec<_>>())
}

/// Set an override
///
/// For the operator: any workspace. It takes the place of an earlier one of the same feature, and acts at once.
#[utoipa::path(put, path = "/api/v1/operator/workspaces/{id}/overrides/{feature}", tag = "Operator",
    params(("id" = i64, Path, minimum = 1), ("feature" = String, Path)), request_body = OverrideBody,
    security(("api_key" = ["operator:write"])), responses((status = 200, body = Told<OverrideView>)))]
pub(crate) async fn set(
    _: Caller<OperatorWrite>,
    id: PathId<WorkspaceId>,
    body: Json<OverrideBody>,
    entitlements: web::Data<Entitlements>,
    request: HttpRequest,
    write: Write,
) -> Result<Answer, ApiError> {
    let feature = feature(&entitlements, &request)?.clone();
    let (workspace, command) = (id.0, body.0.into_command()?);
    write
        .run(async move |tx| {
            let set = entitlements.service.set_override(tx, workspace, &feature, command).await?;
            let view = OverrideView::new(&set, entitlements.clock.now());
            let entitlements = entitlements.clone();
            let answer = Answer::told(StatusCode::OK, "Override set successfully.", &view)?;
            Ok(answer.then(move || entitlements.forget_workspace(workspace)))
        })
        .await
}

/// Remove an override
///
/// For the operator: any workspace. The tier alone counts again.
#[utoipa::path(delete, path = "/api/v1/operator/workspaces/{id}/overrides/{feature}", tag = "Operator",
    params(("id" = i64, Path, minimum = 1), ("feature" = String, Path)),
    security(("api_key" = ["operator:write"])), responses((status = 204)))]
pub(crate) async fn delete(
    _: Caller<OperatorWrite>,
    id: PathId<WorkspaceId>,
    entitlements: web::Data<Entitlements>,
    request: HttpRequest,
    write: Write,
) -> Result<Answer, ApiError> {
    let feature = feature(&entitlements, &request)?.clone();
    let workspace = id.0;
    write
        .run(async move |tx| {
            if !tx.delete_override(workspace, &feature.key).await? {
                return Err(ApiError::NotFound);
            }
            let entitlements = entitlements.clone();
            Ok(Answer::no_content().then(move || entitlements.forget_workspace(workspace)))
        })
        .await
}

/// The feature that the path names.
fn feature<'a>(entitlements: &'a Entitlements, request: &HttpRequest) -> Result<&'a Feature, ApiError> {
    let name = request.match_info().query("feature");
    entitlements.service.catalogue().find(name).ok_or(ApiError::NotFound)
}

impl From<OverrideError> for ApiError {
    fn from(error: OverrideError) -> Self {
        match error {
            OverrideError::NoWorkspace => Self::NotFound,
            OverrideError::EndInPast => Self::field("ends_at", "The ends_at must be in the future."),
            OverrideError::NoNumber => {
                Self::field("extra", "A boolean feature has no number: it can only be unlimited.")
            }
            OverrideError::Storage(error) => error.into(),
        }
    }
}
