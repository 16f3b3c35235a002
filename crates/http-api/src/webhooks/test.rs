use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web;
use core_domain::{Clock, Entropy, WebhookId};
use serde::Serialize;
use utoipa::ToSchema;
use webhooks::{AttemptOutcome, Courier, DeliveryQueue, Job, WebhookService};

use super::handlers::realm;
use crate::extract::permission::WebhooksWrite;
use crate::extract::{Caller, PathId};
use crate::openapi::WorkspaceHeader;
use crate::write::Write;
use crate::{Answer, ApiError};

/// How a test went.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookTest)]
pub(crate) struct TestView {
    success: bool,
    /// The event that was sent.
    event_id: String,
    /// Where it is recorded.
    delivery_id: i64,
    /// Null when there was no answer.
    #[schema(required)]
    status_code: Option<u16>,
    response_time_ms: u32,
    /// The answer's first 10 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    response_body: Option<String>,
    /// Why there was no answer, or no success.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
}

impl TestView {
    fn new(job: &Job, outcome: &AttemptOutcome) -> Self {
        Self {
            success: outcome.is_success(),
            event_id: job.message.event_id.as_str().to_owned(),
            delivery_id: job.delivery_id.get(),
            status_code: outcome.response_code,
            response_time_ms: outcome.response_time_ms,
            response_body: outcome.response_body.clone(),
            error: outcome.error.clone(),
        }
    }
}

/// Test a webhook
///
/// Sends a signed `webhook.test` event, once, and waits for the answer. It is recorded as a delivery.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "Webhooks",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1)),
    security(("api_key" = ["webhooks:write"])), responses((status = 200, body = TestView)))]
#[expect(clippy::too_many_arguments, reason = "each is a service of its own")]
pub(crate) async fn send(
    caller: Caller<WebhooksWrite>,
    id: PathId<WebhookId>,
    service: web::Data<WebhookService>,
    courier: web::Data<Courier>,
    queue: web::Data<dyn DeliveryQueue>,
    clock: web::Data<dyn Clock>,
    entropy: web::Data<dyn Entropy>,
    write: Write,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let held: Rc<Cell<Option<Job>>> = Rc::default();
    let job = Rc::clone(&held);
    let begin = async move |tx: &mut dyn crate::ApiTx| {
        job.set(Some(service.begin_test(tx, realm, id.0).await?));
        Ok(())
    };
    let finish = async move || {
        let job = held.take().ok_or_else(|| ApiError::Internal("the test was not begun".into()))?;
        let settlement = courier.test(&job).await;
        queue.settle(std::slice::from_ref(&settlement), clock.now(), &Arc::clone(&entropy)).await?;
        Answer::json(StatusCode::OK, &TestView::new(&job, &settlement.attempt.outcome))
    };
    write.run_outside(begin, finish).await
}
