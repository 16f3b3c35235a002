use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};
use core_domain::{Clock, Entropy, random_base62};
use tracing::Instrument;

use super::limit::RateLimitHeaders;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every answer to one request carries (contract: Service surface).
pub(crate) struct Marks {
    /// Ties the request to its log lines.
    id: HeaderValue,
    /// How the caller stands with its rate limit, once that is known.
    pub(crate) rate_limit: Cell<Option<RateLimitHeaders>>,
    /// The route as the metrics call it, where it is not the one that was matched last.
    pub(crate) route: Cell<Option<&'static str>>,
    /// Whether it is one of so many that the log would hold little else; the metrics count it all the same.
    pub(crate) is_routine: Cell<bool>,
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Marks").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Default for Marks {
    fn default() -> Self {
        let id = HeaderValue::from_static("req_unknown");
        Self { id, rate_limit: Cell::default(), route: Cell::default(), is_routine: Cell::default() }
    }
}

impl Marks {
    /// The client's own, or a new one.
    fn of(request: &ServiceRequest, entropy: &dyn Entropy) -> Self {
        match request.headers().get(REQUEST_ID) {
            Some(given) if is_request_id(given.as_bytes()) => Self { id: given.clone(), ..Self::default() },
            _ => {
                let made = HeaderValue::try_from(format!("req_{}", random_base62(entropy, 20)));
                made.map_or_else(|_| Self::default(), |id| Self { id, ..Self::default() })
            }
        }
    }

    pub(crate) fn request_id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    pub(crate) fn write_to(&self, headers: &mut HeaderMap) {
        headers.insert(REQUEST_ID, self.id.clone());
        if let Some(rate_limit) = self.rate_limit.get() {
            rate_limit.write_to(headers);
        }
    }
}

/// The id of a request that is being answered.
pub(crate) fn request_id(request: &HttpRequest) -> String {
    request.extensions().get::<Rc<Marks>>().map(|marks| marks.request_id().to_owned()).unwrap_or_default()
}

fn is_request_id(given: &[u8]) -> bool {
    (1..=128).contains(&given.len()) && given.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

/// Names the request, and tells the log and the metrics how it went.
///
/// The query is never logged: some clients put secrets there, although none is accepted.
pub(crate) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let (Some(clock), Some(entropy)) =
        (request.app_data::<web::Data<dyn Clock>>().cloned(), request.app_data::<web::Data<dyn Entropy>>())
    else {
        return Err(actix_web::error::ErrorInternalServerError("the services are not configured"));
    };
    let marks = Rc::new(Marks::of(&request, &***entropy));
    request.extensions_mut().insert(Rc::clone(&marks));
    // At the highest level, so that whatever is logged at all carries the id.
    let span = tracing::error_span!("request", request_id = marks.request_id());
    let (method, uri) = (request.method().clone(), request.uri().clone());
    async move {
        let started = clock.monotonic();
        let mut outcome = next.call(request).await;
        let elapsed = clock.monotonic().saturating_sub(started);
        let (status, route) = match &mut outcome {
            Ok(response) => {
                marks.write_to(response.headers_mut());
                (response.status(), response.request().match_pattern())
            }
            Err(error) => (error.as_response_error().status_code(), None),
        };
        let method = method_name(&method);
        let (path, status_code, elapsed_us) = (uri.path(), status.as_u16(), micros(elapsed));
        if marks.is_routine.get() {
            tracing::debug!(method, path, status = status_code, elapsed_us, "request");
        } else {
            tracing::info!(method, path, status = status_code, elapsed_us, "request");
        }
        let route = marks.route.get().map(str::to_owned).or(route).unwrap_or_else(|| "unmatched".to_owned());
        let class = status_class(status_code);
        metrics::histogram!("http_request_duration_seconds", "method" => method, "route" => route, "status" => class)
            .record(elapsed.as_secs_f64());
        outcome
    }
    .instrument(span)
    .await
}

fn micros(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// A label of few values, whatever method a client makes up.
fn method_name(method: &actix_web::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}

fn status_class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
