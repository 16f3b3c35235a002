use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keys::{AuthenticateError, Authenticator};

use crate::ClientAddresses;
use crate::extract::Identity;

/// Finds out who is calling. What a caller may do is for each endpoint to say.
pub(crate) async fn identify(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let identity = match credential(request.headers()) {
        Shown::Nothing => Identity::Anonymous,
        Shown::Unreadable => Identity::Rejected,
        Shown::Key(key) => authenticate(&request, &key).await?,
    };
    request.extensions_mut().insert(identity);
    next.call(request).await
}

async fn authenticate(request: &ServiceRequest, key: &str) -> Result<Identity, Error> {
    let (Some(authenticator), Some(addresses)) =
        (request.app_data::<web::Data<Authenticator>>(), request.app_data::<web::Data<ClientAddresses>>())
    else {
        return Err(actix_web::error::ErrorInternalServerError("the services are not configured"));
    };
    let address = addresses.of(request.request());
    Ok(match authenticator.authenticate(key, address).await {
        Ok(principal) => Identity::Known(principal),
        Err(AuthenticateError::Rejected(reason)) => {
            tracing::debug!(%reason, %address, "a credential was rejected");
            Identity::Rejected
        }
        Err(AuthenticateError::AddressNotAllowed) => Identity::AddressNotAllowed,
        Err(AuthenticateError::Storage(error)) => Identity::Unknown(error),
    })
}

enum Shown {
    Nothing,
    Unreadable,
    Key(String),
}

/// The credential of a request: `Bearer <key>`, or `Basic` with the key as user name (RFC 7617) and any password.
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
    read().map_or(Shown::Unreadable, Shown::Key)
}
