use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, ResponseError};
use core_domain::{BoxError, Permission, StorageError, Timestamp};
use idempotency::RecordedAnswer;
use limits::Refusal;
use serde_json::{Value, json};

/// Everything that can be answered but success: the one place that knows the statuses and shapes of errors
/// (reference: Error Responses; contract: Service surface).
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The request can't be read.
    #[error("{0}")]
    BadRequest(String),
    /// Several workspaces are open to the credential, and the request names none.
    #[error("Name the workspace in X-Workspace-ID: this credential does not open exactly one.")]
    WorkspaceRequired,
    /// No credential, or one that opens nothing: one message for all.
    #[error("Invalid or missing API key.")]
    Unauthorized,
    /// The credential is good, but not for this.
    #[error("{0}")]
    AccessDenied(String),
    /// There is no more of a feature, or none at all.
    #[error("{message}")]
    FeatureLimitReached {
        /// The feature's key.
        feature: String,
        /// A sentence for people.
        message: &'static str,
        /// Where more can be had.
        upgrade_url: Option<String>,
    },
    /// Nothing here that the caller may know of.
    #[error("Resource not found.")]
    NotFound,
    /// The path is known, the method is not.
    #[error("This method is not allowed here. Allowed: {0}.")]
    MethodNotAllowed(String),
    /// The body took too long to arrive.
    #[error("The request took too long to arrive.")]
    RequestTimeout,
    /// The request does not fit the state of what it is about.
    #[error("{0}")]
    Conflict(String),
    /// The delivery stands where it can't be tried again.
    #[error("{0}")]
    CannotRetry(String),
    /// The idempotency key stands for another request.
    #[error("This Idempotency-Key was used for another request.")]
    IdempotencyKeyReused,
    /// The first request under the idempotency key is not answered yet.
    #[error("The first request under this Idempotency-Key is still in progress. Please retry.")]
    IdempotencyInProgress,
    /// The first request under the idempotency key began, and nobody knows how it ended.
    #[error("The outcome of the first request under this Idempotency-Key is unknown. It is not repeated.")]
    IdempotencyOutcomeUnknown,
    /// The body is larger than this many bytes.
    #[error("The body must not be larger than {0} bytes.")]
    PayloadTooLarge(usize),
    /// The body is not JSON.
    #[error("The body must be JSON, sent as application/json.")]
    UnsupportedMediaType,
    /// The request can be read, but its values break rules.
    #[error("The given data was invalid.")]
    Validation(FieldErrors),
    /// Too many requests. This one is not counted.
    #[error("Too many requests. Please retry after {} seconds.", .refusal.retry_after_seconds())]
    RateLimited {
        /// How the caller stands, and how long to wait.
        refusal: Refusal,
        /// When the whole limit is free again.
        reset_at: Timestamp,
    },
    /// An MCP server went away or refused; the message says what is known.
    #[error("{0}")]
    Upstream(String),
    /// An MCP server that the operator switched off, or that can't be run.
    #[error("The MCP server is disabled.")]
    UpstreamDisabled,
    /// An MCP server answered with more than this many bytes.
    #[error("The result is larger than {0} bytes.")]
    ResultTooLarge(usize),
    /// An MCP server did not answer in time.
    #[error("The MCP server did not answer in time. Whether the call had an effect is not known.")]
    UpstreamTimeout,
    /// An MCP server can't be asked now; nothing was sent.
    #[error("{message} Nothing was sent; please retry.")]
    UpstreamUnavailable {
        /// What keeps it: a sentence.
        message: &'static str,
        /// When to ask again, in seconds.
        retry_after: u64,
    },
    /// What the service needs is out of reach; nothing was done.
    #[error("The service is unavailable for the moment. Please retry.")]
    Unavailable(#[source] BoxError),
    /// As [`Unavailable`](Self::Unavailable), where it is told once for all requests that it befalls.
    #[error("The service is unavailable for the moment. Please retry.")]
    Refused,
    /// The request was given up; what it asked for may have been done.
    #[error("The request took too long. Whether it was done is not known; retry it under an Idempotency-Key.")]
    DeadlineExceeded,
    /// A fault of the service. Its cause goes to the log, never to the caller.
    #[error("An unexpected error occurred.")]
    Internal(#[source] BoxError),
}

impl ApiError {
    /// The refusal of a caller whose scopes don't hold `required`.
    pub fn missing_scope(required: Permission) -> Self {
        Self::AccessDenied(format!("Insufficient permissions. Required scope: {required}"))
    }

    /// The error of one field.
    pub fn field(name: &str, message: impl Into<String>) -> Self {
        let mut errors = FieldErrors::default();
        errors.add(name, message);
        Self::Validation(errors)
    }

    /// The status and the code.
    pub fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::WorkspaceRequired => (StatusCode::BAD_REQUEST, "workspace_required"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::AccessDenied(_) => (StatusCode::FORBIDDEN, "access_denied"),
            Self::FeatureLimitReached { .. } => (StatusCode::FORBIDDEN, "feature_limit_reached"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed(_) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, "request_timeout"),
            Self::Conflict(_) => (StatusCode::CONFLICT, "conflict"),
            Self::CannotRetry(_) => (StatusCode::BAD_REQUEST, "cannot_retry"),
            Self::IdempotencyKeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
            Self::IdempotencyInProgress => (StatusCode::CONFLICT, "idempotency_in_progress"),
            Self::IdempotencyOutcomeUnknown => (StatusCode::CONFLICT, "idempotency_outcome_unknown"),
            Self::PayloadTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
            Self::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            Self::Validation(_) => (StatusCode::UNPROCESSABLE_ENTITY, "validation_failed"),
            Self::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded"),
            Self::Upstream(_) | Self::UpstreamDisabled => (StatusCode::BAD_GATEWAY, "upstream_error"),
            Self::ResultTooLarge(_) => (StatusCode::BAD_GATEWAY, "result_too_large"),
            Self::UpstreamTimeout => (StatusCode::GATEWAY_TIMEOUT, "upstream_timeout"),
            Self::UpstreamUnavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "upstream_unavailable"),
            Self::Unavailable(_) | Self::Refused | Self::DeadlineExceeded => {
                (StatusCode::SERVICE_UNAVAILABLE, "service_unavailable")
            }
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
        }
    }

    /// The answer to a request of this id.
    pub(crate) fn answer(&self, request_id: &str) -> ErrorAnswer {
        let (status, code) = self.status();
        let mut body = json!({ "error": code, "message": self.to_string() });
        let mut header = None;
        match self {
            Self::Validation(errors) => body["errors"] = json!(errors.0),
            Self::Internal(_) => body["request_id"] = Value::from(request_id),
            Self::RateLimited { refusal, reset_at } => {
                let seconds = refusal.retry_after_seconds();
                body["retry_after"] = seconds.into();
                body["limit"] = refusal.standing.limit.into();
                body["remaining"] = refusal.standing.remaining.into();
                body["reset_at"] = reset_at.to_string().into();
                header = Some((header::RETRY_AFTER, seconds.to_string()));
            }
            Self::FeatureLimitReached { feature, upgrade_url, .. } => {
                body["feature"] = feature.as_str().into();
                if let Some(url) = upgrade_url {
                    body["upgrade_url"] = url.as_str().into();
                }
            }
            Self::Unauthorized => header = Some((header::WWW_AUTHENTICATE, "Bearer".to_owned())),
            Self::MethodNotAllowed(allowed) => header = Some((header::ALLOW, allowed.clone())),
            Self::UpstreamUnavailable { retry_after, .. } => {
                header = Some((header::RETRY_AFTER, (*retry_after).max(1).to_string()));
            }
            Self::Unavailable(_) | Self::Refused | Self::DeadlineExceeded | Self::IdempotencyInProgress => {
                header = Some((header::RETRY_AFTER, "1".to_owned()));
            }
            _ => {}
        }
        ErrorAnswer { status, header, body }
    }

    /// The answer as it is told to a client that repeats the request; `None` where the request may be made anew.
    pub(crate) fn recorded(&self) -> Option<RecordedAnswer> {
        match self {
            Self::BadRequest(_)
            | Self::WorkspaceRequired
            | Self::FeatureLimitReached { .. }
            | Self::NotFound
            | Self::Conflict(_)
            | Self::CannotRetry(_)
            | Self::Validation(_) => {
                let ErrorAnswer { status, body, .. } = self.answer("");
                let (status, body) = (status.as_u16(), Some(body.to_string()));
                Some(RecordedAnswer { status, location: None, holds_secret: false, body })
            }
            Self::Unauthorized
            | Self::AccessDenied(_)
            | Self::MethodNotAllowed(_)
            | Self::RequestTimeout
            | Self::IdempotencyKeyReused
            | Self::IdempotencyInProgress
            | Self::IdempotencyOutcomeUnknown
            | Self::PayloadTooLarge(_)
            | Self::UnsupportedMediaType
            | Self::RateLimited { .. }
            | Self::Upstream(_)
            | Self::UpstreamDisabled
            | Self::ResultTooLarge(_)
            | Self::UpstreamTimeout
            | Self::UpstreamUnavailable { .. }
            | Self::Unavailable(_)
            | Self::Refused
            | Self::DeadlineExceeded
            | Self::Internal(_) => None,
        }
    }

    /// Whether it says for certain that nothing went out to an MCP server.
    pub(crate) fn says_that_nothing_was_done(&self) -> bool {
        matches!(self, Self::UpstreamUnavailable { .. } | Self::UpstreamDisabled)
    }

    /// What an error of the framework's own means.
    pub(crate) fn from_framework(error: &actix_web::Error) -> Self {
        match error.as_response_error().status_code() {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge(crate::extract::MAX_BODY_BYTES),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            status if status.is_client_error() => Self::BadRequest("The request can't be read.".to_owned()),
            _ => Self::Internal(error.to_string().into()),
        }
    }
}

/// What is sent for an error.
#[derive(Debug)]
pub(crate) struct ErrorAnswer {
    pub(crate) status: StatusCode,
    header: Option<(header::HeaderName, String)>,
    body: Value,
}

impl ErrorAnswer {
    pub(crate) fn to_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some((name, value)) = &self.header {
            response.insert_header((name.clone(), value.as_str()));
        }
        response.json(&self.body)
    }

    pub(crate) fn into_body(self) -> Bytes {
        Bytes::from(self.body.to_string())
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status().0
    }

    /// The outermost middleware renders errors, since it knows the request's id; this is never sent as it is.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        HttpResponse::new(self.status().0)
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Contended { .. } | StorageError::Unavailable { .. } => Self::Unavailable(error.into()),
            StorageError::Conflict { .. } | StorageError::Corrupt { .. } => Self::Internal(error.into()),
        }
    }
}

/// What is wrong with a request, field by field, in the fields' alphabetical order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct FieldErrors(BTreeMap<String, Vec<String>>);

impl FieldErrors {
    /// Notes one fault of one field.
    pub fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.entry(field.to_owned()).or_default().push(message.into());
    }

    /// Keeps `result`'s value, or notes its error.
    pub fn keep<T, E: fmt::Display>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(field, sentence(&error.to_string()));
                None
            }
        }
    }

    /// `Ok` when nothing was noted.
    pub fn into_result(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::Validation(self)) }
    }
}

impl From<validator::ValidationErrors> for FieldErrors {
    fn from(errors: validator::ValidationErrors) -> Self {
        let mut noted = Self::default();
        for (field, faults) in errors.field_errors() {
            for fault in faults {
                let message =
                    fault.message.as_ref().map_or_else(|| format!("The {field} is invalid."), ToString::to_string);
                noted.add(&field, message);
            }
        }
        noted
    }
}

/// One error, told to many.
pub(crate) struct SharedError(Arc<ApiError>);

impl From<ApiError> for SharedError {
    fn from(error: ApiError) -> Self {
        Self(Arc::new(error))
    }
}

impl SharedError {
    pub(crate) fn for_one(&self) -> ApiError {
        let cause = || -> BoxError { Box::new(Arc::clone(&self.0)) };
        match &*self.0 {
            ApiError::NotFound => ApiError::NotFound,
            ApiError::Unavailable(_) => ApiError::Unavailable(cause()),
            _ => ApiError::Internal(cause()),
        }
    }
}

/// Domain errors are phrases; callers read sentences.
pub(crate) fn sentence(phrase: &str) -> String {
    let mut letters = phrase.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// The error and what lies behind it, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}
