use std::fmt;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use core_domain::{Clock, Entropy, random_base62};
use tracing::Instrument;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id that ties a request to its log lines (contract: Service surface).
#[derive(Debug, Clone)]
pub(crate) struct RequestId(HeaderValue);

impl Default for RequestId {
    fn default() -> Self {
        Self(HeaderValue::from_static("req_unknown"))
    }
}

impl RequestId {
    /// The client's own, or a new one.
    fn of(request: &ServiceRequest, entropy: &dyn Entropy) -> Self {
        match request.headers().get(REQUEST_ID) {
            Some(given) if is_request_id(given.as_bytes()) => Self(given.clone()),
            _ => {
                let made = HeaderValue::try_from(format!("req_{}", random_base62(entropy, 20)));
                made.map_or_else(|_| Self::default(), Self)
            }
        }
    }

    pub(crate) fn to_header(&self) -> HeaderValue {
        self.0.clone()
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
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
    let id = RequestId::of(&request, &***entropy);
    request.extensions_mut().insert(id.clone());
    // At the highest level, so that whatever is logged at all carries the id.
    let span = tracing::error_span!("request", request_id = %id);
    let (method, uri) = (request.method().clone(), request.uri().clone());
    async move {
        let started = clock.monotonic();
        let mut outcome = next.call(request).await;
        let elapsed = clock.monotonic().saturating_sub(started);
        let (status, route) = match &mut outcome {
            Ok(response) => {
                response.headers_mut().insert(REQUEST_ID, id.0);
                (response.status(), response.request().match_pattern())
            }
            Err(error) => (error.as_response_error().status_code(), None),
        };
        let method = method_name(&method);
        tracing::info!(method, path = uri.path(), status = status.as_u16(), elapsed_us = micros(elapsed), "request");
        let route = route.unwrap_or_else(|| "unmatched".to_owned());
        let class = status_class(status.as_u16());
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
