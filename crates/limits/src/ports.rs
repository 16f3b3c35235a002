use async_trait::async_trait;
use core_domain::RateLimit;

use crate::{Decision, Refusal, Subject};

/// Counts requests, and lets no more of them pass than a limit allows.
///
/// An implementation MUST decide as a [`Window`](crate::Window) for each subject does, under any number of callers at
/// once. It MUST NOT fail: one that loses its backend decides by what it knows itself, so that the API stays up.
///
/// A credential that opens nothing is counted only once it is known as such. The address is checked before, and
/// counted after:
///
/// 1. [`known_refusal`](Self::known_refusal) of [`Subject::FailedCredentials`], before the look-up;
/// 2. [`try_consume`](Self::try_consume) of the same, after a look-up that found nothing. When it refuses, so does the
///    answer: several at once may all be looked up, but no more of them than the limit learn that they were wrong.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Decides on one request of the subject, and counts it if it passes. One atomic step.
    ///
    /// `limit` is the subject's limit at this moment; a change of it MUST apply at once to what was counted before.
    async fn try_consume(&self, subject: Subject, limit: RateLimit) -> Decision;

    /// The refusal that a request of the subject is known to meet now. Counts nothing.
    ///
    /// It MUST cost no I/O, so it may not know yet of requests counted elsewhere; but it MUST know of a refusal by this
    /// limiter under the same limit, until its wait is over, and MUST NOT refuse what `try_consume` would admit.
    fn known_refusal(&self, subject: Subject, limit: RateLimit) -> Option<Refusal>;
}
