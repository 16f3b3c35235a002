use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::ServiceRequest;
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest};
use serde_json::{Map, Value};

use super::desk::Outcome;
use super::rest_call::RestCall;
use super::tool::Tool;
use crate::ApiError;
use crate::middleware::{Marks, answer_to};

/// Sends a call on as the request that it stands for.
pub(super) async fn carry_out(
    tool: &'static Tool,
    arguments: Map<String, Value>,
    mut request: ServiceRequest,
    next: &Next<impl MessageBody + 'static>,
    marks: &Marks,
) -> Result<(HttpRequest, Outcome), Error> {
    let (request, status, body) = match RestCall::new(tool, arguments, request.headers()) {
        Err(error) => {
            let answer = answer_to(&error.into(), marks);
            (request.into_parts().0, answer.status, answer.into_body())
        }
        Ok(call) => {
            call.put_into(&mut request);
            let (request, response) = next.call(request).await?.into_parts();
            match response.error() {
                Some(error) => {
                    let answer = answer_to(error, marks);
                    (request, answer.status, answer.into_body())
                }
                None => (request, response.status(), body_of(response.into_body()).await?),
            }
        }
    };
    tracing::info!(tool = tool.name, status = status.as_u16(), "a tool was called");
    let outcome = if status.as_u16() < 400 { "ok" } else { "error" };
    metrics::counter!("mcp_server_calls_total", "tool" => tool.name, "outcome" => outcome).increment(1);
    let body = Some(body).filter(|body| !body.is_empty());
    Ok((request, Outcome { is_error: status.as_u16() >= 400, body }))
}

async fn body_of(body: impl MessageBody) -> Result<actix_web::web::Bytes, ApiError> {
    let read = to_bytes(body).await;
    read.map_err(|fault| ApiError::Internal(fault.into().to_string().into()))
}
