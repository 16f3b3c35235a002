use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use core_domain::Page;
use entitlements::{Catalogue, Feature};

use super::Entitlements;
use super::dto::{CheckView, DayView, RecordView, SummaryView, UsageBody, UsageView};
use super::front::place;
use super::params::{CheckParams, HistoryParams, UsageListParams};
use crate::extract::permission::{EntitlementsRead, EntitlementsWrite};
use crate::extract::{Caller, Json, Query};
use crate::list::{ListBody, list_answer};
use crate::openapi::{Data, WorkspaceHeader};
use crate::write::Write;
use crate::{Answer, ApiError};

/// Check feature access
///
/// Whether so much can be used. What it shows is at most a second old. That it is refused is no error.
#[utoipa::path(get, path = "/api/v1/entitlements/check", tag = "Entitlements", params(WorkspaceHeader, CheckParams),
    security(("api_key" = ["entitlements:read"])), responses((status = 200, body = CheckView)))]
pub(crate) async fn check(
    caller: Caller<EntitlementsRead>,
    params: Query<CheckParams>,
    entitlements: web::Data<Entitlements>,
) -> Result<Answer, ApiError> {
    let context = caller.context().await?;
    let (feature, quantity) = params.0.read(&entitlements)?;
    let line = entitlements.standing(place(context, caller.principal.environment), feature).await?;
    let view = CheckView::new(feature, &line, quantity, entitlements.clock.now(), &entitlements.refusals);
    Answer::json(StatusCode::OK, &view)
}

/// Record usage
///
/// Within the limit it is recorded; beyond it nothing is, unless the feature allows overage. However many ask at once,
/// the limit is not passed.
#[utoipa::path(post, path = "/api/v1/entitlements/usage", tag = "Entitlements", params(WorkspaceHeader),
    request_body = UsageBody, security(("api_key" = ["entitlements:write"])),
    responses((status = 200, body = UsageView)))]
pub(crate) async fn record(
    caller: Caller<EntitlementsWrite>,
    body: Json<UsageBody>,
    entitlements: web::Data<Entitlements>,
    write: Write,
) -> Result<Answer, ApiError> {
    let context = caller.context().await?;
    let feature = countable(&entitlements, body.0.feature.as_deref())?;
    let command = body.0.clone().into_command(feature)?;
    let place = place(context, caller.principal.environment);
    entitlements.record(place, feature, command, write.into_recorder()).await
}

/// The feature, if callers count it.
pub(super) fn countable<'a>(entitlements: &'a Entitlements, name: Option<&str>) -> Result<&'a Feature, ApiError> {
    let feature = entitlements.feature(name.unwrap_or_default())?;
    if !feature.is_counted() {
        return Err(ApiError::field("feature", format!("The feature {} is not counted: it is boolean.", feature.key)));
    }
    if Catalogue::counted_by_the_service(feature).is_some() {
        let message = format!("The feature {} is counted by the service itself.", feature.key);
        return Err(ApiError::field("feature", message));
    }
    Ok(feature)
}

/// Get the usage summary
///
/// Every feature that the workspace has.
#[utoipa::path(get, path = "/api/v1/entitlements/summary", tag = "Entitlements", params(WorkspaceHeader),
    security(("api_key" = ["entitlements:read"])), responses((status = 200, body = Data<SummaryView>)))]
pub(crate) async fn summary(
    caller: Caller<EntitlementsRead>,
    entitlements: web::Data<Entitlements>,
) -> Result<Answer, ApiError> {
    let context = caller.context().await?;
    let place = place(context, caller.principal.environment);
    let (catalogue, now) = (entitlements.catalogue(), entitlements.clock.now());
    let asked: Vec<_> =
        catalogue.features().iter().map(|feature| (feature.key.clone(), feature.period_at(now).start)).collect();
    let standing = entitlements.reader.find_standing(place, &asked, now).await?.ok_or(ApiError::NotFound)?;
    let features = catalogue.features();
    Answer::data(&SummaryView::new(context.id.get(), standing.tier, features, &standing.lines, now))
}

/// List usage records
///
/// What was recorded in the workspace and the credential's environment.
#[utoipa::path(get, path = "/api/v1/entitlements/usage", tag = "Entitlements", params(WorkspaceHeader, UsageListParams),
    security(("api_key" = ["entitlements:read"])), responses((status = 200, body = ListBody<RecordView>)))]
pub(crate) async fn list(
    caller: Caller<EntitlementsRead>,
    params: Query<UsageListParams>,
    entitlements: web::Data<Entitlements>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let context = caller.context().await?;
    let (query, selection) = params.0.read(&entitlements)?;
    let page = entitlements.reader.list_usage(place(context, caller.principal.environment), &query).await?;
    let items = page.items.iter().map(RecordView::from).collect();
    list_answer(&request, query.page, &Page { items, total: page.total }, &selection)
}

/// Get the usage history
///
/// The sums of each day and feature, for charts. Days on which nothing was recorded are left out.
#[utoipa::path(get, path = "/api/v1/entitlements/history", tag = "Entitlements", params(WorkspaceHeader, HistoryParams),
    security(("api_key" = ["entitlements:read"])), responses((status = 200, body = Data<Vec<DayView>>)))]
pub(crate) async fn history(
    caller: Caller<EntitlementsRead>,
    params: Query<HistoryParams>,
    entitlements: web::Data<Entitlements>,
) -> Result<Answer, ApiError> {
    let context = caller.context().await?;
    let query = params.0.read(&entitlements, entitlements.clock.now())?;
    let days = entitlements.reader.list_history(place(context, caller.principal.environment), &query).await?;
    Answer::data(&days.iter().map(DayView::from).collect::<Vec<_>>())
}
