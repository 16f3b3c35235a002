use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use core_domain::{Page, SeoReportId, WorkspaceId};
use seo::{Realm, SeoReader, SeoService};

use super::body::SubmittedBody;
use super::dto::{IssueView, ReportView};
use super::params::{IssueListParams, ReportListParams};
use super::submitted::Submitted;
use crate::extract::permission::{SeoRead, SeoWrite};
use crate::extract::{Caller, PathId, Query};
use crate::list::{ItemParams, ListBody, list_answer};
use crate::openapi::{Data, Told, WorkspaceHeader};
use crate::write::Write;
use crate::{Answer, ApiError};

/// Submit an SEO report
///
/// Takes a report of any tool, a result as the `lighthouse` tool writes it, or an answer of `PageSpeed` Insights, up to
/// 8 MiB. It updates the issues of its page.
#[utoipa::path(post, path = "/api/v1/seo/report", tag = "SEO Reports", params(WorkspaceHeader),
    request_body = SubmittedBody, security(("api_key" = ["seo:write"])),
    responses((status = 201, body = Told<ReportView>)))]
pub(crate) async fn submit(
    caller: Caller<SeoWrite>,
    body: Submitted,
    service: web::Data<SeoService>,
    write: Write,
) -> Result<Answer, ApiError> {
    let place = place(&caller, caller.context().await?.id);
    write
        .run(async move |tx| {
            let submitted = service.submit(tx, place, &body.0).await?;
            let view = ReportView::from(&submitted.report);
            let answer = Answer::told(StatusCode::CREATED, "SEO report submitted successfully.", &view)?;
            Ok(answer.at(format!("/api/v1/seo/reports/{}", submitted.report.id)))
        })
        .await
}

/// Get SEO issues
///
/// The issues of all pages of a workspace, open and resolved.
#[utoipa::path(get, path = "/api/v1/seo/issues/{workspace_id}", tag = "SEO Reports",
    params(("workspace_id" = i64, Path, minimum = 1), IssueListParams),
    security(("api_key" = ["seo:read"])), responses((status = 200, body = ListBody<IssueView>)))]
pub(crate) async fn list_issues(
    caller: Caller<SeoRead>,
    workspace: PathId<WorkspaceId>,
    params: Query<IssueListParams>,
    reader: web::Data<dyn SeoReader>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let place = place(&caller, caller.context_in(workspace.0).await?.id);
    let (query, selection) = params.0.read()?;
    let page = reader.list_issues(place, &query).await?;
    let mut items: Vec<IssueView> = page.items.iter().map(IssueView::from).collect();
    if selection.includes("report") {
        let ids: Vec<_> = page.items.iter().map(|issue| issue.report_id).collect();
        let reports = reader.reports_by_id(place.workspace_id, &ids).await?;
        for item in &mut items {
            item.report = reports.iter().find(|report| report.id.get() == item.report_id).map(ReportView::from);
        }
    }
    list_answer(&request, query.page, &Page { items, total: page.total }, &selection)
}

/// List SEO reports
#[utoipa::path(get, path = "/api/v1/seo/reports", tag = "SEO Reports", params(WorkspaceHeader, ReportListParams),
    security(("api_key" = ["seo:read"])), responses((status = 200, body = ListBody<ReportView>)))]
pub(crate) async fn list_reports(
    caller: Caller<SeoRead>,
    params: Query<ReportListParams>,
    reader: web::Data<dyn SeoReader>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let place = place(&caller, caller.context().await?.id);
    let (query, selection) = params.0.read()?;
    let page = reader.list_reports(place, &query).await?;
    let items = page.items.iter().map(ReportView::from).collect();
    list_answer(&request, query.page, &Page { items, total: page.total }, &selection)
}

/// Get an SEO report
#[utoipa::path(get, path = "/api/v1/seo/reports/{id}", tag = "SEO Reports",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1), ItemParams),
    security(("api_key" = ["seo:read"])), responses((status = 200, body = Data<ReportView>)))]
pub(crate) async fn get_report(
    caller: Caller<SeoRead>,
    id: PathId<SeoReportId>,
    params: Query<ItemParams>,
    reader: web::Data<dyn SeoReader>,
) -> Result<Answer, ApiError> {
    let place = place(&caller, caller.context().await?.id);
    let selection = params.0.selection::<ReportView>()?;
    let report = reader.find_report(place, id.0).await?.ok_or(ApiError::NotFound)?;
    Answer::data(&selection.of(&ReportView::from(&report)))
}

/// Get a page's history
///
/// The scores of one page over time, which `url` names: its reports, the latest first.
#[utoipa::path(get, path = "/api/v1/seo/history", tag = "SEO Reports", params(WorkspaceHeader, ReportListParams),
    security(("api_key" = ["seo:read"])), responses((status = 200, body = ListBody<ReportView>)))]
pub(crate) async fn history(
    caller: Caller<SeoRead>,
    params: Query<ReportListParams>,
    reader: web::Data<dyn SeoReader>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let place = place(&caller, caller.context().await?.id);
    let (query, selection) = params.0.read_history()?;
    let page = reader.list_reports(place, &query).await?;
    let items = page.items.iter().map(ReportView::from).collect();
    list_answer(&request, query.page, &Page { items, total: page.total }, &selection)
}

/// The world that the caller's credential belongs to.
fn place<R>(caller: &Caller<R>, workspace_id: WorkspaceId) -> Realm {
    Realm { workspace_id, environment: caller.principal.environment }
}
