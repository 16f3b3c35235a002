use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, Responder};
use idempotency::RecordedAnswer;
use serde::Serialize;
use serde_json::json;

use crate::ApiError;

const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What a handler answers, rendered to bytes.
///
/// It is rendered before the transaction commits, so that an answer exists exactly when its effect does.
pub struct Answer {
    status: StatusCode,
    body: Option<Bytes>,
    location: Option<String>,
    holds_secret: bool,
    is_replay: bool,
    after_commit: Option<Box<dyn FnOnce()>>,
}

impl fmt::Debug for Answer {
    /// The body may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Answer {
    /// An answer with this JSON body.
    ///
    /// # Errors
    /// [`ApiError::Internal`] when the body can't be rendered.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(body).map_err(|error| ApiError::Internal(error.into()))?;
        Ok(Self {
            status,
            body: Some(body.into()),
            location: None,
            holds_secret: false,
            is_replay: false,
            after_commit: None,
        })
    }

    /// `200 OK` with `{"data": ...}`.
    pub fn data(data: &impl Serialize) -> Result<Self, ApiError> {
        #[derive(Serialize)]
        struct Body<'a, T> {
            data: &'a T,
        }
        Self::json(StatusCode::OK, &Body { data })
    }

    /// `{"message": ..., "data": ...}`.
    pub fn told(status: StatusCode, message: &str, data: &impl Serialize) -> Result<Self, ApiError> {
        Self::json(status, &json!({ "message": message, "data": data }))
    }

    /// `204 No Content`.
    pub fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            body: None,
            location: None,
            holds_secret: false,
            is_replay: false,
            after_commit: None,
        }
    }

    /// Names where the new resource is.
    #[must_use]
    pub fn at(mut self, location: String) -> Self {
        self.location = Some(location);
        self
    }

    /// Forbids caches to keep the answer: it shows a secret.
    #[must_use]
    pub fn holding_secret(mut self) -> Self {
        self.holds_secret = true;
        self
    }

    /// Has `act` run once the effect is committed, whether or not the client still listens.
    #[must_use]
    pub fn then(mut self, act: impl FnOnce() + 'static) -> Self {
        self.after_commit = Some(Box::new(act));
        self
    }

    /// The answer that the first of several like requests got.
    pub(crate) fn replayed(recorded: &RecordedAnswer) -> Self {
        Self {
            status: StatusCode::from_u16(recorded.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            body: recorded.body.clone().map(Bytes::from),
            location: recorded.location.clone(),
            holds_secret: recorded.holds_secret,
            is_replay: true,
            after_commit: None,
        }
    }

    /// The answer as it is told to a client that repeats the request.
    pub(crate) fn recorded(&self) -> RecordedAnswer {
        RecordedAnswer {
            status: self.status.as_u16(),
            location: self.location.clone(),
            holds_secret: self.holds_secret,
            body: self.body.as_ref().map(|body| String::from_utf8_lossy(body).into_owned()),
        }
    }

    pub(crate) fn into_response(self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(location) = self.location {
            response.insert_header((header::LOCATION, location));
        }
        if self.holds_secret {
            response.insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
        }
        if self.is_replay {
            response.insert_header((IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true")));
        }
        match self.body {
            Some(body) => response.insert_header(header::ContentType::json()).body(body),
            None => response.finish(),
        }
    }

    pub(crate) fn committed(&mut self) {
        if let Some(act) = self.after_commit.take() {
            act();
        }
    }
}

impl Responder for Answer {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.into_response()
    }
}
