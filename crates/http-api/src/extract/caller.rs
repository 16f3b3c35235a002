use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use core_domain::{Principal, WorkspaceContext, WorkspaceId};
use workspaces::{Membership, WorkspaceReader};

use super::permission::Requirement;
use crate::ApiError;

/// What the middleware made of the request's credential.
pub(crate) enum Identity {
    /// There was none.
    Anonymous,
    /// It is good.
    Known(Arc<Principal>),
    /// It opens nothing.
    Rejected,
    /// It is good, but not from this address.
    AddressNotAllowed,
    /// Nobody could tell.
    Unknown(Arc<dyn std::error::Error + Send + Sync>),
}

/// The caller, who holds what `R` requires.
pub(crate) struct Caller<R> {
    pub(crate) principal: Arc<Principal>,
    asked_for: AskedFor,
    workspaces: Arc<dyn WorkspaceReader>,
    requirement: PhantomData<R>,
}

/// The workspace that `X-Workspace-ID` asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AskedFor {
    Nothing,
    /// What was sent can't be an id.
    NoSuchWorkspace,
    Workspace(WorkspaceId),
}

impl<R> Caller<R> {
    /// The workspace that the request acts in (contract: Who calls).
    ///
    /// # Errors
    /// [`ApiError::NotFound`] for a workspace that the caller may not know of; [`ApiError::WorkspaceRequired`] when
    /// none is named and the account does not have exactly one.
    pub(crate) async fn context(&self) -> Result<WorkspaceContext, ApiError> {
        if let Some(id) = self.principal.bound_to {
            return Ok(WorkspaceContext { id, tier: self.principal.ceiling, role: None });
        }
        let account = self.principal.account_id;
        let membership = match self.asked_for {
            AskedFor::NoSuchWorkspace => return Err(ApiError::NotFound),
            AskedFor::Workspace(id) => self.membership_of(id).await?,
            AskedFor::Nothing => match self.workspaces.list_memberships(account, 2).await?.as_slice() {
                [only] => *only,
                _ => return Err(ApiError::WorkspaceRequired),
            },
        };
        Ok(context_of(membership))
    }

    /// The workspace that the request names, if it names one or its credential is bound to one.
    pub(crate) async fn named_context(&self) -> Result<Option<WorkspaceContext>, ApiError> {
        match (self.principal.bound_to, self.asked_for) {
            (None, AskedFor::Nothing) => Ok(None),
            _ => self.context().await.map(Some),
        }
    }

    /// The workspace named by the path, with the caller's part in it.
    pub(crate) async fn context_in(&self, id: WorkspaceId) -> Result<WorkspaceContext, ApiError> {
        match self.principal.bound_to {
            Some(bound) if bound == id => self.context().await,
            Some(_) => Err(ApiError::NotFound),
            None => Ok(context_of(self.membership_of(id).await?)),
        }
    }

    async fn membership_of(&self, id: WorkspaceId) -> Result<Membership, ApiError> {
        self.workspaces.find_membership(self.principal.account_id, id).await?.ok_or(ApiError::NotFound)
    }
}

fn context_of(membership: Membership) -> WorkspaceContext {
    WorkspaceContext { id: membership.workspace_id, tier: membership.tier, role: Some(membership.role) }
}

impl<R: Requirement> FromRequest for Caller<R> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request))
    }
}

/// The principal that the request's credential stands for.
///
/// # Errors
/// [`ApiError::Unauthorized`], [`ApiError::AccessDenied`] or [`ApiError::Unavailable`] where it stands for none.
pub(crate) fn principal_of(request: &HttpRequest) -> Result<Arc<Principal>, ApiError> {
    match request.extensions().get::<Identity>() {
        Some(Identity::Known(principal)) => Ok(Arc::clone(principal)),
        Some(Identity::AddressNotAllowed) => {
            Err(ApiError::AccessDenied("This API key is not allowed from your address.".to_owned()))
        }
        Some(Identity::Unknown(error)) => Err(ApiError::Unavailable(Box::new(Arc::clone(error)))),
        Some(Identity::Rejected | Identity::Anonymous) | None => Err(ApiError::Unauthorized),
    }
}

fn read<R: Requirement>(request: &HttpRequest) -> Result<Caller<R>, ApiError> {
    let principal = principal_of(request)?;
    if let Some(required) = R::PERMISSION
        && !principal.may(required)
    {
        return Err(ApiError::missing_scope(required));
    }
    let asked_for = request.headers().get("x-workspace-id").map_or(AskedFor::Nothing, asked_for);
    if let Some(bound) = principal.bound_to
        && ![AskedFor::Nothing, AskedFor::Workspace(bound)].contains(&asked_for)
    {
        return Err(ApiError::NotFound);
    }
    let workspaces = request
        .app_data::<web::Data<dyn WorkspaceReader>>()
        .map(|reader| Arc::clone(reader))
        .ok_or_else(|| ApiError::Internal("no workspace reader is configured".into()))?;
    Ok(Caller { principal, asked_for, workspaces, requirement: PhantomData })
}

/// The workspace that `X-Workspace-ID` names, if it can be one.
pub(crate) fn workspace_asked_for(headers: &HeaderMap) -> Option<WorkspaceId> {
    match headers.get("x-workspace-id").map(asked_for) {
        Some(AskedFor::Workspace(id)) => Some(id),
        _ => None,
    }
}

fn asked_for(value: &HeaderValue) -> AskedFor {
    let number = value.to_str().ok().and_then(|text| text.trim().parse::<i64>().ok());
    let id = number.and_then(|number| WorkspaceId::try_from(number).ok());
    id.map_or(AskedFor::NoSuchWorkspace, AskedFor::Workspace)
}
