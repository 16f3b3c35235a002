use std::borrow::Cow;

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpResponse};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::desk::{Call, Desk};
use super::talk::PATH;
use crate::ApiError;
use crate::extract::{principal_of, read_body, require_json};
use crate::middleware::OverLimit;

/// A message of a known caller.
pub(super) struct Heard {
    pub(super) message: http::Request<Bytes>,
    /// What is asked for on its behalf.
    pub(super) calls: mpsc::Receiver<Call>,
    /// Why all of that must be refused.
    pub(super) over_limit: Option<ApiError>,
}

/// Reads a message, or says why it is refused as any request would be.
pub(super) async fn hear(request: &mut ServiceRequest) -> Result<Heard, ApiError> {
    let over_limit = request.extensions_mut().remove::<OverLimit>().map(|OverLimit(refusal)| refusal);
    let (principal, over_limit) = match (principal_of(request.request()), over_limit) {
        (Ok(principal), over_limit) => (principal, over_limit),
        (Err(_), Some(refusal)) | (Err(refusal), None) => return Err(refusal),
    };
    let payload = request.take_payload();
    let body = read_body(request.request(), payload).await?;
    require_json(request.request())?;
    let over_limit = match over_limit {
        Some(refusal) if !is_call(&body) => return Err(refusal),
        over_limit => over_limit,
    };
    let (desk, calls) = Desk::of(principal);
    let mut message = http::Request::post(PATH).body(body).map_err(|fault| ApiError::Internal(fault.into()))?;
    message.extensions_mut().insert(desk);
    for (name, value) in request.headers() {
        // Who is calling is known, and no business of the protocol's.
        if name == header::AUTHORIZATION || name == header::COOKIE {
            continue;
        }
        let name = http::HeaderName::from_bytes(name.as_str().as_bytes());
        let value = http::HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            message.headers_mut().append(name, value);
        }
    }
    Ok(Heard { message, calls, over_limit })
}

/// Whether the message calls a tool: its caller then reads what the tool answers, a refusal too.
fn is_call(message: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        method: Cow<'a, str>,
    }
    serde_json::from_slice::<Head<'_>>(message).is_ok_and(|head| head.method == "tools/call")
}

/// The answer to a message, which no cache may keep nor proxy hold back.
pub(super) fn rendered(reply: http::Response<Bytes>) -> HttpResponse {
    let (head, body) = reply.into_parts();
    let status = StatusCode::from_u16(head.status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for (name, value) in &head.headers {
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_str().as_bytes()), value) {
            response.append_header((name, value));
        }
    }
    response
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .insert_header((HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")))
        .body(body)
}
