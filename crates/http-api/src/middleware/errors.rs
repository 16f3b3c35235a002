use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use futures_util::FutureExt;

use super::observe::Marks;
use crate::ApiError;
use crate::error::{ErrorAnswer, chain};

/// Gives every error the contract's shape: those of handlers, those of the framework itself, and panics.
pub(crate) async fn shape_errors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let marks = request.extensions().get::<Rc<Marks>>().cloned().unwrap_or_default();
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(response)) => {
            let Some(error) = response.response().error() else { return Ok(response.map_into_boxed_body()) };
            let shaped = shape(error, marks).error_response();
            Ok(response.into_response(shaped))
        }
        Ok(Err(error)) => Err(shape(&error, marks).into()),
        Err(panic) => Err(shape(&ApiError::Internal(panic_text(&*panic).into()).into(), marks).into()),
    }
}

/// An error with all that its answer is made of.
#[derive(Debug, thiserror::Error)]
#[error("{answer:?}")]
struct Shaped {
    answer: ErrorAnswer,
    marks: Rc<Marks>,
}

impl ResponseError for Shaped {
    fn status_code(&self) -> StatusCode {
        self.answer.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = self.answer.to_response();
        self.marks.write_to(response.headers_mut());
        response
    }
}

fn shape(error: &Error, marks: Rc<Marks>) -> Shaped {
    Shaped { answer: answer_to(error, &marks), marks }
}

/// What is answered to an error, which the log is told of when it is the service's own.
pub(crate) fn answer_to(error: &Error, marks: &Marks) -> ErrorAnswer {
    let own;
    let error = if let Some(error) = error.as_error::<ApiError>() {
        error
    } else {
        own = ApiError::from_framework(error);
        &own
    };
    if matches!(error, ApiError::Refused) {
        tracing::debug!("a request was refused");
    } else if error.status().0.is_server_error() {
        tracing::error!(error = %chain(error), "a request failed");
    }
    error.answer(marks.request_id())
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("without a message"))
}
