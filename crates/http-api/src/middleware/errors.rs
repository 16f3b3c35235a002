use std::any::Any;
use std::error::Error as StdError;
use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest};
use futures_util::FutureExt;

use super::observe::RequestId;
use crate::ApiError;

/// Gives every error the contract's shape: those of handlers, those of the framework itself, and panics.
pub(crate) async fn shape_errors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let plain = request.request().clone();
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(response)) => {
            let Some(error) = response.response().error() else { return Ok(response.map_into_boxed_body()) };
            let shaped = shape(response.request(), error);
            Ok(response.into_response(shaped))
        }
        Ok(Err(error)) => {
            let shaped = shape(&plain, &error);
            Ok(ServiceResponse::new(plain, shaped))
        }
        Err(panic) => {
            let error = ApiError::Internal(panic_text(&*panic).into()).into();
            let shaped = shape(&plain, &error);
            Ok(ServiceResponse::new(plain, shaped))
        }
    }
}

fn shape(request: &HttpRequest, error: &Error) -> actix_web::HttpResponse {
    let own;
    let error = if let Some(error) = error.as_error::<ApiError>() {
        error
    } else {
        own = ApiError::from_framework(error);
        &own
    };
    if error.status().0.is_server_error() {
        tracing::error!(error = %chain(error), "a request failed");
    }
    let extensions = request.extensions();
    error.to_response(extensions.get::<RequestId>().map_or("", RequestId::as_str))
}

/// The error and what lies behind it, for the log.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("without a message"))
}
