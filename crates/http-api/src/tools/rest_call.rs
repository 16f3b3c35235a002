use std::fmt::Write as _;

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, Uri};
use actix_web::web::Bytes;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::tool::{Place, Tool};
use crate::{ApiError, FieldErrors};

/// The request that a call of a tool stands for.
#[derive(Debug)]
pub(super) struct RestCall {
    method: Method,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Bytes>,
}

/// What is said of the message itself, and so not of the request that it asks for.
const OF_THE_MESSAGE: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    HeaderName::from_static("idempotency-key"),
];
const WORKSPACE: HeaderName = HeaderName::from_static("x-workspace-id");

impl RestCall {
    /// Puts each argument in its place. What an argument may be is for the route to say.
    ///
    /// # Errors
    /// [`ApiError::Validation`] for what can't be put where it belongs; [`ApiError::NotFound`] for another workspace
    /// than the one that the message is confined to.
    pub(super) fn new(
        tool: &'static Tool,
        arguments: Map<String, Value>,
        message: &HeaderMap,
    ) -> Result<Self, ApiError> {
        let mut errors = FieldErrors::default();
        let mut path = tool.path.to_owned();
        let mut query = form_urlencoded::Serializer::new(String::new());
        let mut headers = Vec::new();
        let mut body = Map::new();
        for (name, value) in arguments {
            let Some(place) = tool.place(&name).or(tool.has_body.then_some(Place::Body)) else {
                let known = tool.arguments().collect::<Vec<_>>().join(", ");
                errors.add(&name, format!("The argument {name} is not known. Allowed: {known}."));
                continue;
            };
            if place == Place::Body {
                body.insert(name, value);
                continue;
            }
            let text = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                // Assistants say so of what they leave out.
                Value::Null => continue,
                Value::Array(_) | Value::Object(_) => {
                    errors.add(&name, format!("The {name} must be a string or a number."));
                    continue;
                }
            };
            match place {
                Place::Path => path = path.replace(&format!("{{{name}}}"), &percent_encoded(&text)),
                Place::Header(header) => headers.push((HeaderName::from_static(header), text)),
                Place::Query | Place::Body => drop(query.append_pair(&name, &text)),
            }
        }
        for name in super::document::placeholders(&path) {
            errors.add(name, format!("The {name} field is required."));
        }
        errors.into_result()?;
        confine(&headers, message)?;
        let query = query.finish();
        let uri = if query.is_empty() { path } else { format!("{path}?{query}") };
        let has_body = tool.has_body && !body.is_empty();
        Ok(Self {
            method: Method::from_bytes(tool.method.to_uppercase().as_bytes()).map_err(|fault| internal(&fault))?,
            uri: uri.parse().map_err(|_| ApiError::BadRequest("The arguments are too long.".to_owned()))?,
            headers: headers.into_iter().map(readable).collect::<Result<_, _>>()?,
            body: has_body
                .then(|| serde_json::to_vec(&body))
                .transpose()
                .map_err(|fault| internal(&fault))?
                .map(Into::into),
        })
    }

    /// Makes the request that carried the call the one that the call stands for. Who is calling, and under which
    /// request id, stays.
    pub(super) fn put_into(self, request: &mut ServiceRequest) {
        let head = request.head_mut();
        head.method = self.method;
        head.uri = self.uri;
        for name in OF_THE_MESSAGE {
            head.headers.remove(name);
        }
        for (name, value) in self.headers {
            head.headers.insert(name, value);
        }
        if self.body.is_some() {
            head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let uri = request.head().uri.clone();
        request.match_info_mut().get_mut().update(&uri);
        request.set_payload(self.body.map_or(Payload::None, Payload::from));
    }
}

/// Whoever configured the connection may have named the one workspace that it is for.
fn confine(asked_for: &[(HeaderName, String)], message: &HeaderMap) -> Result<(), ApiError> {
    let Some(only) = message.get(WORKSPACE) else { return Ok(()) };
    let strays = asked_for.iter().any(|(name, value)| name == WORKSPACE && value.as_bytes() != only.as_bytes());
    if strays { Err(ApiError::NotFound) } else { Ok(()) }
}

fn readable((name, value): (HeaderName, String)) -> Result<(HeaderName, HeaderValue), ApiError> {
    match HeaderValue::try_from(value) {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(ApiError::BadRequest(format!("The {name} must be visible ASCII characters."))),
    }
}

fn internal(fault: &dyn std::error::Error) -> ApiError {
    ApiError::Internal(fault.to_string().into())
}

/// One segment of a path, whatever is in the text.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::tool::toolbox;

    fn call(name: &str, arguments: Value, message: &HeaderMap) -> Result<RestCall, ApiError> {
        let tool = toolbox().iter().find(|tool| tool.name == name).unwrap();
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        RestCall::new(tool, arguments, message)
    }

    fn shown(name: &str, arguments: Value) -> (String, Option<Value>) {
        let call = call(name, arguments, &HeaderMap::new()).unwrap();
        let body = call.body.map(|body| serde_json::from_slice(&body).unwrap());
        (format!("{} {}", call.method, call.uri), body)
    }

    #[test]
    fn arguments_go_where_the_route_takes_them() {
        let asked = json!({ "feature": "api calls&x", "quantity": 2, "workspace_id": null });
        let check = "GET /api/v1/entitlements/check?feature=api+calls%26x&quantity=2".to_owned();
        assert_eq!(shown("check_entitlement", asked), (check, None));
        let update = shown("update_webhook", json!({ "webhook_id": 7, "description": null, "unknown": [1] }));
        let body = json!({ "description": null, "unknown": [1] });
        assert_eq!(update, ("PATCH /api/v1/webhooks/7".to_owned(), Some(body)));
        let delivery = shown("get_delivery", json!({ "webhook_id": "1/../2", "delivery_id": 3 }));
        assert_eq!(delivery.0, "GET /api/v1/webhooks/1%2F..%2F2/deliveries/3");
    }

    #[test]
    fn some_arguments_are_headers() {
        let asked = json!({ "feature": "posts", "idempotency_key": "once", "workspace_id": 4 });
        let call = call("record_usage", asked, &HeaderMap::new()).unwrap();
        let mut headers: Vec<String> =
            call.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        headers.sort();
        assert_eq!(headers, ["idempotency-key: once", "x-workspace-id: 4"]);
        assert_eq!(call.body.unwrap(), r#"{"feature":"posts"}"#);
    }

    #[test]
    fn what_has_no_place_is_named() {
        let refused = call("get_delivery", json!({ "webhook_id": [1], "page": 1 }), &HeaderMap::new());
        let Err(ApiError::Validation(errors)) = refused else { panic!("it was taken") };
        let told = format!("{errors:?}");
        for fault in [
            "The webhook_id must be a string or a number.",
            "The delivery_id field is required.",
            "The argument page is not known. Allowed: ",
        ] {
            assert!(told.contains(fault), "{told}");
        }
    }

    #[test]
    fn a_connection_for_one_workspace_reaches_no_other() {
        let mut message = HeaderMap::new();
        message.insert(WORKSPACE, HeaderValue::from_static("1"));
        assert!(call("show_caller", json!({}), &message).is_ok());
        assert!(call("list_webhooks", json!({ "workspace_id": 1 }), &message).is_ok());
        let other = call("list_webhooks", json!({ "workspace_id": 2 }), &message);
        assert!(matches!(other, Err(ApiError::NotFound)), "{other:?}");
    }
}
