use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use core_domain::{Clock, Credential, McpCallId, Principal, Realm};
use entitlements::Change;
use mcp::{CallEnd, CallLog, CallNote, JsonObject, Outcome, ToolResult, ToolServers, UpstreamError, View, redacted};

use super::dto::{CallAnswer, CallBody};
use super::{failures, sight};
use crate::extract::permission::McpWrite;
use crate::extract::{Caller, Json};
use crate::middleware::request_id;
use crate::openapi::{ErrorBody, WorkspaceHeader};
use crate::write::Write;
use crate::{Answer, ApiError, ApiTx, Entitlements};

/// Each call counts one of this feature, where the catalogue has it.
const FEATURE: &str = "mcp_calls";

/// Call an MCP tool
///
/// The arguments are checked against the tool's schema before anything is sent. A tool that answers that it failed is a
/// 200 with `is_error`. What was sent is never sent again by itself; under an `Idempotency-Key` not by a retry either.
#[utoipa::path(post, path = "/api/v1/mcp/tools/call", tag = "MCP", params(WorkspaceHeader), request_body = CallBody,
    security(("api_key" = ["mcp:write"])),
    responses((status = 200, body = CallAnswer), (status = 502, body = ErrorBody), (status = 504, body = ErrorBody)))]
#[expect(clippy::too_many_arguments, reason = "each is a service of its own")]
pub(crate) async fn send(
    caller: Caller<McpWrite>,
    body: Json<CallBody>,
    servers: web::Data<dyn ToolServers>,
    log: web::Data<dyn CallLog>,
    entitlements: web::Data<Entitlements>,
    clock: web::Data<dyn Clock>,
    write: Write,
    request: HttpRequest,
) -> Result<Answer, ApiError> {
    let CallBody { server, tool, arguments } = body.0;
    let (server, tool, arguments) =
        (server.unwrap_or_default(), tool.unwrap_or_default(), arguments.unwrap_or_default());
    let (realm, view) = sight::one(&caller, &**servers, &server).await?;
    // What was answered before is told again, whatever became of the server since.
    if let Some(earlier) = write.earlier().await? {
        return Ok(earlier);
    }
    let schema = check(&**servers, &view, &tool, &arguments).await?;
    let order = Order { realm, view, tool, arguments };
    let note = order.note(&caller.principal, &schema, request_id(&request), &**clock);
    let held: Rc<Cell<Option<McpCallId>>> = Rc::default();
    let (noted, counted) = (Rc::clone(&held), entitlements.clone());
    let begin = async move |tx: &mut dyn ApiTx| {
        counted.count_one(tx, realm, FEATURE, Change::Use).await?;
        noted.set(Some(tx.insert_call(&note).await?));
        Ok(())
    };
    let act = async move || {
        entitlements.forget_feature(realm, FEATURE);
        let id = held.take().ok_or_else(|| ApiError::Internal("the call was not begun".into()))?;
        let started = clock.monotonic();
        let outcome = order.send(&**servers).await;
        let end = end_of(&outcome, clock.monotonic().saturating_sub(started));
        if let Err(error) = log.finish_call(id, &end).await {
            tracing::error!(
                call = id.get(),
                error = &error as &dyn std::error::Error,
                "the end of an MCP call is not kept"
            );
        }
        if end.outcome == Outcome::NotSent {
            entitlements.give_back_one(realm, FEATURE).await;
        }
        let result = outcome.map_err(|error| failures::of_call(&error))?;
        Answer::json(StatusCode::OK, &CallAnswer::from(result))
    };
    write.run_outside(begin, act).await
}

/// Checks that there is such a tool and that it takes these arguments; its schema.
async fn check(
    servers: &dyn ToolServers,
    view: &View,
    tool: &str,
    arguments: &JsonObject,
) -> Result<serde_json::Value, ApiError> {
    if !view.allows(tool) {
        return Err(ApiError::NotFound);
    }
    let catalogue = sight::catalogue(servers, view).await.map_err(|error| failures::of_any(&error))?;
    let tool = view.tool(&catalogue, tool).ok_or(ApiError::NotFound)?;
    tool.arguments.check(arguments).map_err(failures::of_arguments)?;
    Ok(tool.definition.input_schema.clone())
}

/// A call that may be made.
struct Order {
    realm: Realm,
    view: View,
    tool: String,
    arguments: JsonObject,
}

impl Order {
    /// What the audit log says of it.
    fn note(
        &self,
        principal: &Principal,
        schema: &serde_json::Value,
        request_id: String,
        clock: &dyn Clock,
    ) -> CallNote {
        let api_key_id = match principal.credential {
            Credential::ApiKey { id, .. } => Some(id),
            Credential::Token => None,
        };
        CallNote {
            realm: self.realm,
            account_id: principal.account_id,
            api_key_id,
            request_id,
            server: self.view.server.id.to_string(),
            tool: self.tool.clone(),
            arguments: redacted(&self.arguments, schema).to_string(),
            created_at: clock.now(),
        }
    }

    async fn send(&self, servers: &dyn ToolServers) -> Result<ToolResult, UpstreamError> {
        let View { server, instance } = &self.view;
        let answer = servers.call(instance, &self.tool, &self.arguments, server.timeout).await?;
        ToolResult::of(answer, server.max_result_bytes)
    }
}

fn end_of(outcome: &Result<ToolResult, UpstreamError>, duration: Duration) -> CallEnd {
    match outcome {
        Ok(result) => CallEnd {
            outcome: if result.is_error { Outcome::ToolError } else { Outcome::Success },
            error: None,
            size: Some(result.size() as u64),
            duration,
        },
        Err(error) => CallEnd::failed(error, duration),
    }
}
