use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use rmcp::model::{ClientJsonRpcMessage, ErrorCode};
use serde_json::{Value, json};

/// The answer to a text that is no message of the protocol (JSON-RPC 2.0, section 5.1).
pub(crate) fn fault_of(text: &[u8]) -> Option<Response<Bytes>> {
    if serde_json::from_slice::<ClientJsonRpcMessage>(text).is_ok() {
        return None;
    }
    Some(match serde_json::from_slice::<Value>(text) {
        Err(fault) => refusal(ErrorCode::PARSE_ERROR, &Value::Null, &format!("The body is not valid JSON: {fault}.")),
        Ok(Value::Array(_)) => {
            refusal(ErrorCode::INVALID_REQUEST, &Value::Null, "Batches are no part of this protocol: send one message.")
        }
        Ok(message) => {
            let id = Some(&message["id"]).filter(|id| id.is_string() || id.is_i64());
            let told =
                "The body is not a JSON-RPC 2.0 message: jsonrpc, method, and an id that is a string or an integer.";
            refusal(ErrorCode::INVALID_REQUEST, id.unwrap_or(&Value::Null), told)
        }
    })
}

fn refusal(code: ErrorCode, id: &Value, message: &str) -> Response<Bytes> {
    let body = json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code.0, "message": message } });
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
