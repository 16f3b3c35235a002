use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use core_domain::{Page, SiteId};
use pixel::{CreateSiteError, UpdateSiteError};

use super::Pixel;
use super::dto::{CreateSiteBody, SiteView, UpdateSiteBody};
use super::params::SiteListParams;
use crate::extract::permission::{PixelDelete, PixelRead, PixelWrite};
use crate::extract::{Caller, Json, PathId, Query};
use crate::list::{ItemParams, ListBody, list_answer};
use crate::openapi::{Data, Told, WorkspaceHeader};
use crate::webhooks::handlers::realm;
use crate::write::Write;
use crate::{Answer, ApiError};

/// List sites
///
/// Those of the credential's world: a test key sees test sites.
#[utoipa::path(get, path = "/api/v1/pixel/sites", tag = "Pixel", params(WorkspaceHeader, SiteListParams),
    security(("api_key" = ["pixel:read"])), responses((status = 200, body = ListBody<SiteView>)))]
pub(crate) async fn list(
    caller: Caller<PixelRead>,
    params: Query<SiteListParams>,
    pixel: web::Data<Pixel>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let (query, selection) = params.0.read()?;
    let page = pixel.reader.list_sites(realm, &query).await?;
    let items = page.items.iter().map(SiteView::from).collect();
    list_answer(&request, query.page, &Page { items, total: page.total }, &selection)
}

/// Get a site
#[utoipa::path(get, path = "/api/v1/pixel/sites/{id}", tag = "Pixel",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1), ItemParams),
    security(("api_key" = ["pixel:read"])), responses((status = 200, body = Data<SiteView>)))]
pub(crate) async fn get(
    caller: Caller<PixelRead>,
    id: PathId<SiteId>,
    params: Query<ItemParams>,
    pixel: web::Data<Pixel>,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let selection = params.0.selection::<SiteView>()?;
    let site = pixel.reader.find_site(realm, id.0).await?.ok_or(ApiError::NotFound)?;
    Answer::data(&selection.of(&SiteView::from(&site)))
}

/// Register a site
///
/// From then on its pages' events are taken. A domain belongs to one site.
#[utoipa::path(post, path = "/api/v1/pixel/sites", tag = "Pixel", params(WorkspaceHeader),
    request_body = CreateSiteBody, security(("api_key" = ["pixel:write"])),
    responses((status = 201, body = Told<SiteView>)))]
pub(crate) async fn create(
    caller: Caller<PixelWrite>,
    body: Json<CreateSiteBody>,
    pixel: web::Data<Pixel>,
    write: Write,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let (domain, settings) = body.0.read()?;
    write
        .run(async move |tx| {
            let site = pixel.service.create_site(tx, realm, domain.clone(), settings).await?;
            let answer = Answer::told(StatusCode::CREATED, "Site registered successfully.", &SiteView::from(&site))?;
            let pixel = pixel.clone();
            Ok(answer.at(format!("/api/v1/pixel/sites/{}", site.id)).then(move || pixel.forget_sites()))
        })
        .await
}

/// Change a site
///
/// What is not given stays. The domain can't be changed.
#[utoipa::path(patch, path = "/api/v1/pixel/sites/{id}", tag = "Pixel",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1)), request_body = UpdateSiteBody,
    security(("api_key" = ["pixel:write"])), responses((status = 200, body = Told<SiteView>)))]
pub(crate) async fn update(
    caller: Caller<PixelWrite>,
    id: PathId<SiteId>,
    body: Json<UpdateSiteBody>,
    pixel: web::Data<Pixel>,
    write: Write,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let change = body.0.read()?;
    write
        .run(async move |tx| {
            let site = pixel.service.update_site(tx, realm, id.0, |settings| change.apply(settings)).await?;
            let answer = Answer::told(StatusCode::OK, "Site updated successfully.", &SiteView::from(&site))?;
            let pixel = pixel.clone();
            Ok(answer.then(move || pixel.forget_sites()))
        })
        .await
}

/// Remove a site
///
/// Nothing more is taken of it, and what was counted is no longer shown.
#[utoipa::path(delete, path = "/api/v1/pixel/sites/{id}", tag = "Pixel",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1)),
    security(("api_key" = ["pixel:delete"])), responses((status = 204)))]
pub(crate) async fn delete(
    caller: Caller<PixelDelete>,
    id: PathId<SiteId>,
    pixel: web::Data<Pixel>,
    write: Write,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    write
        .run(async move |tx| {
            if !pixel.service.delete_site(tx, realm, id.0).await? {
                return Err(ApiError::NotFound);
            }
            let pixel = pixel.clone();
            Ok(Answer::no_content().then(move || pixel.forget_sites()))
        })
        .await
}

const NO_SUBDOMAINS: &str = "An address has no subdomains.";

impl From<CreateSiteError> for ApiError {
    fn from(error: CreateSiteError) -> Self {
        match error {
            CreateSiteError::DomainTaken => Self::Conflict("Another site has this domain.".to_owned()),
            CreateSiteError::NoSubdomains => Self::field("subdomains", NO_SUBDOMAINS),
            CreateSiteError::Storage(error) => error.into(),
        }
    }
}

impl From<UpdateSiteError> for ApiError {
    fn from(error: UpdateSiteError) -> Self {
        match error {
            UpdateSiteError::NotFound => Self::NotFound,
            UpdateSiteError::NoSubdomains => Self::field("subdomains", NO_SUBDOMAINS),
            UpdateSiteError::Storage(error) => error.into(),
        }
    }
}
