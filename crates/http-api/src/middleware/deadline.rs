use std::time::Duration;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

use crate::{ApiError, mcp};

/// Longer than a body may take to arrive and a store may take to refuse, together.
const DEADLINE: Duration = Duration::from_mins(1);
/// The same with the longest call of an MCP server's tool.
const MCP_DEADLINE: Duration = Duration::from_mins(12);

/// Answers a request whose store neither answers nor refuses, as one that is frozen does.
///
/// What it began to change goes on without it, to its end or to the end of its transaction.
pub(crate) async fn deadline(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let deadline = if request.path().starts_with(mcp::PATH) { MCP_DEADLINE } else { DEADLINE };
    tokio::time::timeout(deadline, next.call(request)).await.unwrap_or_else(|_| Err(ApiError::DeadlineExceeded.into()))
}
