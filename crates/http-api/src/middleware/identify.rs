use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keys::{AuthenticateError, Authenticator};
use tokens::TokenAuthenticator;

use super::limit::Meter;
use crate::extract::Identity;
use crate::{ApiError, ClientAddresses};

/// Finds out who is calling. What a caller may do is for each endpoint to say.
pub(crate) async fn identify(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let identity = match credential(request.headers()) {
        Shown::Nothing => Ok(Identity::Anonymous),
        shown => look_into(request.request(), shown).await,
    };
    match identity {
        Ok(identity) => {
            request.extensions_mut().insert(identity);
            next.call(request).await.map(ServiceResponse::map_into_boxed_body)
        }
        Err(error) => Ok(request.error_response(error)),
    }
}

/// # Errors
/// [`ApiError::RateLimited`] for an address that shows too many credentials that open nothing, unless this one is known
/// to open something.
async fn look_into(request: &HttpRequest, shown: Shown) -> Result<Identity, ApiError> {
    let meter = Meter::of(request)?;
    if let Err(refusal) = meter.check_failures()
        && !has_opened(request, &shown).await
    {
        return Err(refusal);
    }
    let identity = match shown {
        Shown::Nothing => Identity::Anonymous,
        Shown::Unreadable => Identity::Rejected,
        Shown::Credential(text) if TokenAuthenticator::recognises(&text) => verify(request, &text).await,
        Shown::Credential(text) => authenticate(request, &text).await?,
    };
    if matches!(identity, Identity::Rejected) {
        meter.count_failure().await?;
    }
    Ok(identity)
}

/// Whether the credential is known as a good one: others behind the same address may show bad ones.
async fn has_opened(request: &HttpRequest, shown: &Shown) -> bool {
    let Shown::Credential(text) = shown else { return false };
    if TokenAuthenticator::recognises(text) {
        let Some(tokens) = request.app_data::<web::Data<TokenAuthenticator>>() else { return false };
        return tokens.has_opened(text).await;
    }
    let Some(keys) = request.app_data::<web::Data<Authenticator>>() else { return false };
    keys.has_opened(text).await
}

async fn authenticate(request: &HttpRequest, key: &str) -> Result<Identity, ApiError> {
    let (Some(authenticator), Some(addresses)) =
        (request.app_data::<web::Data<Authenticator>>(), request.app_data::<web::Data<ClientAddresses>>())
    else {
        return Err(ApiError::Internal("the services are not configured".into()));
    };
    let address = addresses.of(request);
    Ok(match authenticator.authenticate(key, address).await {
        Ok(principal) => Identity::Known(principal),
        Err(AuthenticateError::Rejected(reason)) => {
            tracing::debug!(%reason, %address, "a key was rejected");
            Identity::Rejected
        }
        Err(AuthenticateError::AddressNotAllowed) => Identity::AddressNotAllowed,
        Err(AuthenticateError::Storage(error)) => Identity::Unknown(error),
    })
}

async fn verify(request: &HttpRequest, token: &str) -> Identity {
    let Some(authenticator) = request.app_data::<web::Data<TokenAuthenticator>>() else { return Identity::Rejected };
    match authenticator.authenticate(token).await {
        Ok(principal) => Identity::Known(principal),
        Err(tokens::AuthenticateError::Rejected(reason)) => {
            tracing::debug!(%reason, "a token was rejected");
            Identity::Rejected
        }
        Err(tokens::AuthenticateError::KeysUnavailable(error)) => Identity::Unknown(error),
        Err(tokens::AuthenticateError::Storage(error)) => Identity::Unknown(error),
    }
}

enum Shown {
    Nothing,
    Unreadable,
    Credential(String),
}

/// The credential of a request: `Bearer <key or token>`, or `Basic` with the key as user name (RFC 7617) and any password.
fn credential(headers: &HeaderMap) -> Shown {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let Some(value) = values.next() else { return Shown::Nothing };
    if values.next().is_some() {
        return Shown::Unreadable;
    }
    let read = || {
        let (scheme, credential) = value.to_str().ok()?.split_once(' ')?;
        let credential = credential.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            Some(credential.to_owned())
        } else if scheme.eq_ignore_ascii_case("basic") {
            let decoded = String::from_utf8(BASE64_STANDARD.decode(credential).ok()?).ok()?;
            decoded.split_once(':').map(|(user, _)| user.to_owned())
        } else {
            None
        }
    };
    read().map_or(Shown::Unreadable, Shown::Credential)
}
