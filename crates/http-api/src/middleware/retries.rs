use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use core_domain::{Credential, Principal, WorkspaceId};
use idempotency::{Claim, Fingerprint, IdempotencyKey, RecordId, Requester, Subject};

use crate::extract::{Identity, MAX_BODY_BYTES, read_body, workspace_asked_for};
use crate::retry::{InvalidKey, Recorder, Retry};
use crate::write::{ApiTx, UnitOfWork};
use crate::{Answer, ApiError};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Recognises requests that are repeated under an `Idempotency-Key`.
///
/// A request that changes something claims its record in its own transaction (`Write::run`). What was refused before it
/// came to a transaction is recorded here, on the way out.
pub(crate) async fn recognise_retries(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let retry = match retry(&mut request).await {
        Ok(Some(retry)) => Arc::new(retry),
        Ok(None) => return next.call(request).await.map(ServiceResponse::map_into_boxed_body),
        Err(error) => return Ok(request.error_response(error)),
    };
    request.extensions_mut().insert(Arc::clone(&retry));
    let response = next.call(request).await?.map_into_boxed_body();
    if retry.is_settled() || response.request().match_pattern().is_none() {
        return Ok(response);
    }
    let refusal = response.response().error().and_then(|error| error.as_error::<ApiError>()?.recorded());
    let Some(refusal) = refusal else { return Ok(response) };
    match settle(response.request(), &refusal).await {
        Ok(None) => Ok(response),
        Ok(Some(earlier)) => {
            let replay = earlier.into_response();
            Ok(response.into_response(replay))
        }
        Err(error) => Ok(response.error_response(error)),
    }
}

/// What the request repeats, if its client says that it may be a repetition.
async fn retry(request: &mut ServiceRequest) -> Result<Option<Retry>, ApiError> {
    let changes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(request.method());
    let Some(key) = key(request.headers()).filter(|_| changes) else { return Ok(None) };
    let requester = match request.extensions().get::<Identity>() {
        Some(Identity::Known(principal)) => requester(principal, request.headers()),
        _ => return Ok(None),
    };
    let key = match key {
        Ok(key) => key,
        Err(invalid) => {
            request.extensions_mut().insert(invalid);
            return Ok(None);
        }
    };
    let payload = request.take_payload();
    let body = read_body(request.headers(), payload, MAX_BODY_BYTES).await?;
    request.set_payload(Payload::from(body.clone()));
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let fingerprint = Fingerprint::of(request.method().as_str(), request.path(), request.query_string(), kind, &body);
    let record = RecordId::of(&requester, &key);
    Ok(Some(Retry::new(Claim { record, fingerprint }, key)))
}

fn key(headers: &HeaderMap) -> Option<Result<IdempotencyKey, InvalidKey>> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY);
    let value = values.next()?;
    if values.next().is_some() {
        return Some(Err(InvalidKey("Idempotency-Key was given twice.")));
    }
    let read = IdempotencyKey::try_from(value.as_bytes());
    Some(read.map_err(|_| InvalidKey("The Idempotency-Key must be 1 to 255 visible ASCII characters.")))
}

fn requester(principal: &Principal, headers: &HeaderMap) -> Requester {
    let subject = match principal.credential {
        Credential::ApiKey { lineage_id, .. } => Subject::Lineage(lineage_id),
        Credential::Token => Subject::Account(principal.account_id),
    };
    let workspace_id: Option<WorkspaceId> = principal.bound_to.or_else(|| workspace_asked_for(headers));
    Requester { subject, workspace_id, environment: principal.environment }
}

/// Records a refusal, unless the request repeats another; then what the first one got.
async fn settle(
    request: &actix_web::HttpRequest,
    refusal: &idempotency::RecordedAnswer,
) -> Result<Option<Answer>, ApiError> {
    let (Some(recorder), Some(store)) = (Recorder::of(request), request.app_data::<web::Data<dyn UnitOfWork>>()) else {
        return Err(ApiError::Internal("the services are not configured".into()));
    };
    let mut tx: Box<dyn ApiTx> = store.begin().await?;
    let earlier = recorder.claim(&mut *tx).await?;
    if earlier.is_none() {
        recorder.record(&mut *tx, refusal).await?;
        crate::write::commit(tx).await?;
    }
    // A refusal other than the first answer means that the caller may no longer do what it did then.
    Ok(earlier.filter(|earlier| earlier.status == refusal.status).map(|earlier| Answer::replayed(&earlier)))
}
