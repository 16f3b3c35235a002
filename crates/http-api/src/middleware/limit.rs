use std::rc::Rc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};
use core_domain::{Clock, Credential, RateLimit, SiteId, Timestamp};
use entitlements::Catalogue;
use limits::{ANONYMOUS, Decision, FAILED_CREDENTIALS, PIXEL, RateLimiter, Refusal, Standing, Subject};

use super::observe::Marks;
use crate::extract::Identity;
use crate::{ApiError, ClientAddresses, pixel, tools};

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// How a caller stands, as headers tell it.
#[derive(Clone, Copy)]
pub(crate) struct RateLimitHeaders {
    standing: Standing,
    reset_at: Timestamp,
}

impl RateLimitHeaders {
    pub(crate) fn write_to(self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, HeaderValue::from(self.standing.limit));
        headers.insert(REMAINING, HeaderValue::from(self.standing.remaining));
        headers.insert(RESET, HeaderValue::from(self.reset_at.as_unix_seconds()));
    }
}

/// Lets through what the caller's limit allows (contract: Rate limits).
pub(crate) async fn limit(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_message = tools::is_message(&request);
    if !is_message && !request.path().starts_with("/api/") {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    }
    let meter = Meter::of(request.request())?;
    let catalogue = request.app_data::<web::Data<Catalogue>>().cloned();
    let catalogue = catalogue.ok_or_else(|| ApiError::Internal("no catalogue is configured".into()))?;
    let consumed = match whose(&request, &meter, &catalogue) {
        Some((subject, limit)) => meter.consume(subject, limit).await,
        None => Ok(()),
    };
    match consumed {
        // An assistant is told in its own protocol.
        Err(error) if is_message => {
            request.extensions_mut().insert(OverLimit(error));
            next.call(request).await.map(ServiceResponse::map_into_boxed_body)
        }
        Err(error) => Ok(request.error_response(error)),
        Ok(()) => next.call(request).await.map(ServiceResponse::map_into_boxed_body),
    }
}

/// Why nothing may be done for a message that was let through.
pub(crate) struct OverLimit(pub(crate) ApiError);

/// Whose limit a request counts against; `None` where that is counted elsewhere, such as a credential that was rejected.
fn whose(request: &ServiceRequest, meter: &Meter, catalogue: &Catalogue) -> Option<(Subject, RateLimit)> {
    match request.path() {
        pixel::CONFIG_PATH => return Some((Subject::PixelConfig(meter.address), PIXEL)),
        // It counts by site, which its body tells.
        pixel::TRACK_PATH if request.method() == Method::POST => return None,
        _ => {}
    }
    Some(match request.extensions().get::<Identity>() {
        Some(Identity::Rejected) => return None,
        Some(Identity::Known(principal)) => {
            let subject = match principal.credential {
                Credential::ApiKey { lineage_id, .. } => Subject::Lineage(lineage_id),
                Credential::Token => Subject::Account(principal.account_id),
            };
            (subject, catalogue.tier(principal.tier).rate_limit)
        }
        _ => (Subject::Address(meter.address), ANONYMOUS),
    })
}

/// Counts one request's doings, and tells its answer how the caller stands.
pub(crate) struct Meter {
    limiter: web::Data<dyn RateLimiter>,
    clock: web::Data<dyn Clock>,
    marks: Rc<Marks>,
    address: limits::AddressBlock,
}

impl Meter {
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let found = (
            request.app_data::<web::Data<dyn RateLimiter>>(),
            request.app_data::<web::Data<dyn Clock>>(),
            request.app_data::<web::Data<ClientAddresses>>(),
        );
        let (Some(limiter), Some(clock), Some(addresses)) = found else {
            return Err(ApiError::Internal("the services are not configured".into()));
        };
        let marks = request.extensions().get::<Rc<Marks>>().cloned().unwrap_or_default();
        let address = addresses.of(request).into();
        Ok(Self { limiter: limiter.clone(), clock: clock.clone(), marks, address })
    }

    /// Counts a request that tells a site's pixel of visits.
    pub(crate) async fn count_visits(&self, site: Option<SiteId>) -> Result<(), ApiError> {
        self.consume(Subject::PixelTrack(self.address, site), PIXEL).await
    }

    /// Counts a request.
    async fn consume(&self, subject: Subject, limit: RateLimit) -> Result<(), ApiError> {
        match self.limiter.try_consume(subject, limit).await {
            Decision::Admitted(standing) => {
                self.tell(standing);
                Ok(())
            }
            Decision::Refused(refusal) => Err(self.refuse(refusal)),
        }
    }

    /// Says no to an address that has shown too many bad credentials, before this one is looked at.
    pub(crate) fn check_failures(&self) -> Result<(), ApiError> {
        match self.limiter.known_refusal(Subject::FailedCredentials(self.address), FAILED_CREDENTIALS) {
            Some(refusal) => Err(self.refuse(refusal)),
            None => Ok(()),
        }
    }

    /// Counts a credential that opens nothing.
    pub(crate) async fn count_failure(&self) -> Result<(), ApiError> {
        self.consume(Subject::FailedCredentials(self.address), FAILED_CREDENTIALS).await
    }

    fn refuse(&self, refusal: Refusal) -> ApiError {
        let reset_at = self.tell(refusal.standing);
        ApiError::RateLimited { refusal, reset_at }
    }

    fn tell(&self, standing: Standing) -> Timestamp {
        // The second at which the limit is free: the one after a part of a second.
        let reset_at = self.clock.now().saturating_add(standing.resets_in).next_second();
        self.marks.rate_limit.set(Some(RateLimitHeaders { standing, reset_at }));
        reset_at
    }
}
