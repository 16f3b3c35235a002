//! Assistants that live in web pages: what the browser asks before it lets them speak (CORS).

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

/// For how long a browser need not ask again, in seconds.
const MAX_AGE: &str = "7200";

pub(super) fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "POST"))
        .insert_header((
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "accept, authorization, content-type, mcp-method, mcp-name, mcp-protocol-version, x-request-id, x-workspace-id",
        ))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE))
        .finish()
}

/// Lets the page read the answer. Its credential is one it holds itself: the browser's own are never asked for.
pub(super) fn let_read(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let readable = HeaderValue::from_static(
        "retry-after, www-authenticate, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-request-id",
    );
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, readable);
}
