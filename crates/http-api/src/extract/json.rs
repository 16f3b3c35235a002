use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::StreamExt;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use validator::Validate;

use crate::{ApiError, FieldErrors, pixel, seo};

/// The largest body, in bytes, where a route says nothing else.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;
/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);

/// What a request's body can be read as.
pub(crate) trait Body: DeserializeOwned + Validate + 'static {
    /// Whether no body at all means the empty object.
    const IS_OPTIONAL: bool = false;
    /// Whether it may come as plain text, as browsers send what must not be asked about first.
    const MAY_BE_TEXT: bool = false;
}

/// The request's JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Body> FromRequest for Json<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let mut body = read_body(&request, payload).await?;
            if T::IS_OPTIONAL && body.is_empty() {
                body = Bytes::from_static(b"{}");
            } else if !(T::MAY_BE_TEXT && is_text(&request)) {
                require_json(&request)?;
            }
            let value: T = parse(&body)?;
            value.validate().map_err(|errors| ApiError::Validation(errors.into()))?;
            Ok(Self(value))
        })
    }
}

/// The largest body that this path takes.
fn most_bytes(path: &str) -> usize {
    match path {
        seo::REPORT_PATH => seo::MAX_REPORT_BYTES,
        pixel::TRACK_PATH => pixel::MAX_TRACK_BYTES,
        _ => MAX_BODY_BYTES,
    }
}

/// The whole body, which must arrive in time and be no larger than the path allows.
pub(crate) async fn read_body(request: &HttpRequest, mut payload: Payload) -> Result<Bytes, ApiError> {
    let most = most_bytes(request.path());
    let headers = request.headers();
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > most) {
        return Err(ApiError::PayloadTooLarge(most));
    }
    let gather = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| ApiError::BadRequest("The body could not be read.".to_owned()))?;
            if body.len() + chunk.len() > most {
                return Err(ApiError::PayloadTooLarge(most));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(ARRIVAL, gather).await.unwrap_or(Err(ApiError::RequestTimeout))
}

fn is_text(request: &HttpRequest) -> bool {
    let kind = request.content_type();
    kind.is_empty() || kind.eq_ignore_ascii_case("text/plain")
}

pub(crate) fn require_json(request: &HttpRequest) -> Result<(), ApiError> {
    if request.content_type().eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(ApiError::UnsupportedMediaType)
    }
}

/// Text that is no JSON is a bad request; JSON of the wrong shape names the field.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // Serde would read a list as the fields in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        let any: Result<IgnoredAny, _> = serde_json::from_slice(body);
        return Err(
            any.map_or_else(|error| malformed(&error), |_| ApiError::field("body", "The body must be a JSON object."))
        );
    }
    // To keep track of the path costs as much again, and only a fault needs it.
    if let Ok(value) = serde_json::from_slice(body) {
        return Ok(value);
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        if cause.is_data() { ApiError::Validation(misshapen(&path, &cause.to_string())) } else { malformed(&cause) }
    })?;
    reader.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> ApiError {
    ApiError::BadRequest(format!("The body is not valid JSON: {error}."))
}

fn misshapen(path: &str, cause: &str) -> FieldErrors {
    let mut errors = FieldErrors::default();
    let cause = cause.split(" at line ").next().unwrap_or(cause);
    if let Some(named) = cause.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')) {
        let (name, rest) = named;
        let allowed = rest.trim_start_matches(", expected ").trim_start_matches("one of ").replace('`', "");
        errors.add(name, format!("The field {name} is not known. Allowed: {allowed}."));
    } else if let Some((_, expected)) = cause.split_once(", expected ") {
        errors.add(path, format!("The {path} must be {}.", in_json_s_words(expected)));
    } else {
        errors.add(path, format!("The {path} is invalid: {cause}."));
    }
    errors
}

/// What serde expects, named as JSON and its writers do.
fn in_json_s_words(expected: &str) -> &str {
    match expected {
        "a sequence" => "a list",
        "a map" => "an object",
        "a borrowed string" => "a string",
        "i8" | "i16" | "i32" | "i64" | "isize" | "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        "f32" | "f64" => "a number",
        _ if expected.starts_with("struct ") => "an object",
        _ => expected,
    }
}

/// Reads a field that may be left out, but not be `null`.
pub(crate) fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Option<T>, D::Error> {
    T::deserialize(reader).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only what can't be read matters")]
    struct Shapes {
        #[serde(default)]
        list: Vec<String>,
        #[serde(default)]
        map: std::collections::BTreeMap<String, bool>,
        #[serde(default)]
        count: u32,
        #[serde(default)]
        share: f64,
        inner: Option<Box<Shapes>>,
    }

    #[test]
    fn what_has_another_shape_is_told_in_json_s_words() {
        for (body, field, wanted) in [
            (r#"{"list":"read"}"#, "list", "a list"),
            (r#"{"list":[1]}"#, "list[0]", "a string"),
            (r#"{"map":[]}"#, "map", "an object"),
            (r#"{"map":{"a":1}}"#, "map.a", "a boolean"),
            (r#"{"count":"many"}"#, "count", "a whole number"),
            (r#"{"count":-1}"#, "count", "a whole number"),
            (r#"{"share":"half"}"#, "share", "a number"),
            (r#"{"inner":5}"#, "inner", "an object"),
        ] {
            let Err(ApiError::Validation(errors)) = parse::<Shapes>(body.as_bytes()) else { panic!("{body} was read") };
            let mut expected = FieldErrors::default();
            expected.add(field, format!("The {field} must be {wanted}."));
            assert_eq!(errors, expected);
        }
    }
}
