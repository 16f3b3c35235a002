use actix_web::web;

use super::Pixel;
use super::dto::StatsView;
use super::params::StatsParams;
use crate::extract::permission::PixelRead;
use crate::extract::{Caller, Query};
use crate::openapi::{Data, WorkspaceHeader};
use crate::webhooks::handlers::realm;
use crate::{Answer, ApiError};

/// Show what was counted
///
/// Visitors, page views, sessions and events of a site, point by point, and the names that were counted most. A visitor
/// who comes on two days counts on both: nobody knows that it is the same. Days are in UTC.
#[utoipa::path(get, path = "/api/v1/pixel/stats", tag = "Pixel", params(WorkspaceHeader, StatsParams),
    security(("api_key" = ["pixel:read"])), responses((status = 200, body = Data<StatsView>)))]
pub(crate) async fn stats(
    caller: Caller<PixelRead>,
    params: Query<StatsParams>,
    pixel: web::Data<Pixel>,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let domain = params.0.domain()?;
    let site = pixel.reader.find_site_by_domain(realm, &domain).await?.ok_or(ApiError::NotFound)?;
    let query = params.0.read(site.id, pixel.clock.now())?;
    let stats = pixel.reader.find_stats(&query).await?;
    Answer::data(&StatsView::new(&site, &query, &stats))
}
