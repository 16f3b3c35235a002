use serde_json::{Value, json};

use crate::Answer;

/// The body of every 404.
pub const NOT_FOUND: &str = r#"{"error":"not_found","message":"Resource not found."}"#;
/// The body of every 401.
pub const UNAUTHORIZED: &str = r#"{"error":"unauthorized","message":"Invalid or missing API key."}"#;

/// The body of a 422 with these errors by field.
#[expect(clippy::needless_pass_by_value, reason = "it is given what json! makes")]
pub fn validation(errors: Value) -> Value {
    json!({ "error": "validation_failed", "message": "The given data was invalid.", "errors": errors })
}

/// The body of a 403 for a missing scope.
pub fn denied(scope: &str) -> Value {
    json!({ "error": "access_denied", "message": format!("Insufficient permissions. Required scope: {scope}") })
}

/// The codes that go with a status.
fn codes(status: u16) -> &'static [&'static str] {
    match status {
        400 => &["bad_request", "cannot_retry", "workspace_required"],
        401 => &["unauthorized"],
        403 => &["access_denied", "feature_limit_reached"],
        404 => &["not_found"],
        405 => &["method_not_allowed"],
        408 => &["request_timeout"],
        409 => &["conflict", "idempotency_in_progress", "idempotency_outcome_unknown"],
        413 => &["payload_too_large"],
        415 => &["unsupported_media_type"],
        422 => &["validation_failed", "idempotency_key_reused"],
        429 => &["rate_limit_exceeded"],
        500 => &["server_error"],
        502 => &["upstream_error", "result_too_large"],
        503 => &["service_unavailable", "upstream_unavailable"],
        504 => &["upstream_timeout"],
        _ => &[],
    }
}

/// What must hold of every answer, whatever was asked. `Err` says what does not.
pub(crate) fn check(answer: &Answer) -> Result<(), String> {
    let require = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
    let ids: Vec<&str> = answer.all("x-request-id").collect();
    require(ids.len() == 1 && is_request_id(ids[0]), "X-Request-ID must be there once, and well-formed")?;
    if answer.status == 204 {
        require(answer.body.is_empty(), "a 204 has no body")?;
    }
    let body = String::from_utf8_lossy(&answer.body);
    if ["\"key\":\"sk_", "\"secret\":\"whs"].iter().any(|secret| body.contains(secret)) {
        require(answer.header("cache-control") == Some("no-store"), "a secret must carry Cache-Control: no-store")?;
    }
    if answer.path.starts_with("/api/") {
        check_rate_limit(answer)?;
    }
    if answer.status < 400 {
        return Ok(());
    }
    require(answer.header("content-type") == Some("application/json"), "an error is application/json")?;
    if answer.status == 401 {
        require(answer.header("www-authenticate") == Some("Bearer"), "a 401 has WWW-Authenticate: Bearer")?;
    }
    if answer.status == 405 {
        require(answer.header("allow").is_some_and(|methods| !methods.is_empty()), "a 405 has Allow")?;
    }
    if answer.method == "HEAD" {
        return require(answer.body.is_empty(), "a HEAD has no body");
    }
    let body: Value = serde_json::from_slice(&answer.body).map_err(|error| format!("an error is JSON: {error}"))?;
    let code = body["error"].as_str().ok_or("an error has a text `error`")?;
    require(codes(answer.status).contains(&code), "the code must go with the status")?;
    require(body["message"].as_str().is_some_and(|text| !text.is_empty()), "an error has a text `message`")?;
    if code == "validation_failed" {
        let errors = body["errors"].as_object().ok_or("a 422 has an object `errors`")?;
        let told =
            |value: &Value| value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string));
        require(!errors.is_empty() && errors.values().all(told), "a 422 tells each field's faults")?;
    }
    if answer.status == 500 {
        require(body["request_id"].as_str() == ids.first().copied(), "a 500 has the request's id")?;
    }
    Ok(())
}

fn check_rate_limit(answer: &Answer) -> Result<(), String> {
    let [limit, remaining, reset] = ["limit", "remaining", "reset"].map(|name| {
        match *answer.all(&format!("x-ratelimit-{name}")).collect::<Vec<_>>() {
            [only] => only.parse::<u64>().map_err(|_| format!("X-RateLimit-{name} is a number")),
            _ => Err(format!("X-RateLimit-{name} must be there once")),
        }
    });
    reset?;
    if remaining? <= limit? { Ok(()) } else { Err("X-RateLimit-Remaining is at most the limit".to_owned()) }
}

fn is_request_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
