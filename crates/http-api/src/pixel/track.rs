use std::rc::Rc;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::{HttpMessage as _, HttpRequest, web};
use pixel::{Domain, UserAgent};

use super::Pixel;
use super::dto::{ConfigView, TrackBody, TrackView};
use super::front::{SentOrigin, Visit, distinct};
use super::params::ConfigParams;
use crate::extract::{Json, Query};
use crate::middleware::{Marks, Meter};
use crate::{Answer, ApiError, ClientAddresses};

const SEC_GPC: HeaderName = HeaderName::from_static("sec-gpc");
const DNT: HeaderName = HeaderName::from_static("dnt");

/// Get pixel configuration
///
/// Of the domain that `Origin` names, else `Referer`, else `domain`. Of an unknown one nothing is taken. For pages of
/// any origin; no credential.
#[utoipa::path(get, path = "/api/v1/pixel/config", tag = "Pixel", params(ConfigParams), security(()),
    responses((status = 200, body = ConfigView)))]
pub(crate) async fn config(
    params: Query<ConfigParams>,
    pixel: web::Data<Pixel>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let told = |name| text(request.headers(), &name).and_then(Domain::of_header);
    let asked = params.0.read()?;
    let site = match told(header::ORIGIN).or_else(|| told(header::REFERER)).or(asked) {
        Some(host) => pixel.site_of(&host).await?,
        None => None,
    };
    Answer::json(StatusCode::OK, &ConfigView::new(site.as_deref()))
}

/// Track events
///
/// One, or 1 to 50 under `events`. `tracked` is true once they are stored. What is not taken is no error: `reason` says
/// why. Also takes the same JSON as `text/plain`. For pages of any origin; no credential; 300 requests a minute for each
/// address and site.
#[utoipa::path(post, path = "/api/v1/pixel/track", tag = "Pixel", request_body = TrackBody, security(()),
    responses((status = 200, body = TrackView)))]
pub(crate) async fn track(
    body: Result<Json<TrackBody>, ApiError>,
    pixel: web::Data<Pixel>,
    addresses: web::Data<ClientAddresses>,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let meter = Meter::of(&request)?;
    let headers = request.headers();
    let agent = UserAgent::from(text(headers, &header::USER_AGENT).unwrap_or_default());
    let is_list = body.as_ref().is_ok_and(|body| body.0.is_list());
    let told = match body.and_then(|body| body.0.read(&agent)) {
        Ok(told) => told,
        Err(error) => {
            meter.count_visits(None).await?;
            return Err(error);
        }
    };
    let sites = pixel.sites_of(&told).await?;
    for site in distinct(&sites) {
        meter.count_visits(site).await?;
    }
    let visit = Visit {
        address: addresses.of(&request),
        origin: match text(headers, &header::ORIGIN).map(Domain::of_header) {
            Some(Some(host)) => SentOrigin::Of(host),
            None if !headers.contains_key(header::ORIGIN) => SentOrigin::None,
            _ => SentOrigin::OfNoHost,
        },
        gpc: text(headers, &SEC_GPC) == Some("1"),
        dnt: text(headers, &DNT) == Some("1"),
    };
    let reasons = pixel.take(told, &sites, &visit).await?;
    if let Some(marks) = request.extensions().get::<Rc<Marks>>() {
        marks.is_routine.set(true);
    }
    Answer::json(StatusCode::OK, &TrackView::new(&reasons, is_list))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}
