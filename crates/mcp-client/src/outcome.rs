//! What an answer of the SDK means.

use mcp::UpstreamError;
use rmcp::ServiceError;
use rmcp::model::{ErrorCode, ErrorData, ServerResult};
use rmcp::transport::DynamicTransportError;
use rmcp::transport::streamable_http_client::StreamableHttpError;
use serde_json::Value;

use crate::ticket::{Spoilt, Ticket};

/// What a request came to; `None` when the connection ended before.
pub(crate) type Answer = Option<Result<ServerResult, ServiceError>>;

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Nothing was sent: it may be tried again.
    Unsent,
    Upstream(UpstreamError),
}

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<Value, Failed>,
    /// Whether the connection is of no use any more.
    pub(crate) ends_session: bool,
}

/// The longest text of a server's error that is passed on, in characters.
const LONGEST_MESSAGE: usize = 2_000;

pub(crate) fn of(answer: Answer, ticket: &Ticket) -> Outcome {
    match answer {
        Some(Ok(result)) => answered(whole(result, ticket)),
        Some(Err(ServiceError::McpError(error))) => answered(Err(refusal(&error, ticket))),
        Some(Err(ServiceError::TransportSend(error))) => not_sent(&error, ticket),
        Some(Err(ServiceError::UnexpectedResponse)) => answered(Err(gone("it answered something else"))),
        // One stream ended early, of a connection that has many.
        Some(Err(ServiceError::TransportClosed)) if ticket.is_sent() => answered(Err(gone("it broke off its answer"))),
        Some(Err(_)) | None if ticket.is_sent() => {
            Outcome { result: Err(Failed::Upstream(gone("it ended before it answered"))), ends_session: true }
        }
        Some(Err(_)) | None => Outcome { result: Err(Failed::Unsent), ends_session: true },
    }
}

fn answered(result: Result<Value, UpstreamError>) -> Outcome {
    Outcome { result: result.map_err(Failed::Upstream), ends_session: false }
}

fn gone(detail: &str) -> UpstreamError {
    UpstreamError::Gone { detail: detail.to_owned() }
}

/// The result as it came, or as near to that as the SDK lets it be over HTTP.
fn whole(result: ServerResult, ticket: &Ticket) -> Result<Value, UpstreamError> {
    let value = match result {
        ServerResult::CustomResult(custom) => custom.0,
        typed => {
            let value = serde_json::to_value(typed).map_err(|_| gone("its answer can't be read"))?;
            let limit = ticket.max_answer_bytes();
            if size(&value) > limit {
                return Err(UpstreamError::TooLarge { limit });
            }
            value
        }
    };
    match value.get("resultType").and_then(Value::as_str) {
        None | Some("complete") => Ok(value),
        Some("input_required") => Err(UpstreamError::InteractionRequired),
        Some(_) => Err(gone("it answered with a kind of result that was not asked for")),
    }
}

/// The bytes that the value takes as JSON.
fn size(value: &Value) -> usize {
    struct Counter(usize);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0
}

fn refusal(error: &ErrorData, ticket: &Ticket) -> UpstreamError {
    match ticket.spoilt() {
        Some(Spoilt::TooLarge) => return UpstreamError::TooLarge { limit: ticket.max_answer_bytes() },
        Some(Spoilt::Unreadable) => return gone("its answer can't be read"),
        None => {}
    }
    let message: String = error.message.chars().take(LONGEST_MESSAGE).collect();
    match error.code {
        ErrorCode::INVALID_PARAMS => UpstreamError::InvalidParams { message },
        code => UpstreamError::Refused { code: i64::from(code.0), message },
    }
}

/// The transport failed at this request. Over HTTP that may concern this request alone.
fn not_sent(error: &DynamicTransportError, ticket: &Ticket) -> Outcome {
    type Http = StreamableHttpError<reqwest::Error>;
    match error.error.downcast_ref::<Http>() {
        Some(Http::ResponseBodyTooLarge { .. }) => {
            answered(Err(UpstreamError::TooLarge { limit: ticket.max_answer_bytes() }))
        }
        Some(Http::HttpStatus(status)) => {
            answered(Err(gone(&format!("it answered with HTTP status {}", status.status))))
        }
        Some(Http::AuthRequired(_) | Http::InsufficientScope(_)) => {
            answered(Err(gone("it does not accept the configured credentials")))
        }
        Some(Http::UnexpectedServerResponse(_) | Http::UnexpectedContentType(_) | Http::Deserialize(_)) => {
            answered(Err(gone("it answered something that is not MCP")))
        }
        Some(Http::Client(error)) if !error.is_connect() => answered(Err(gone("the connection broke"))),
        _ if !ticket.is_sent() => Outcome { result: Err(Failed::Unsent), ends_session: true },
        _ => Outcome { result: Err(Failed::Upstream(gone("the connection failed"))), ends_session: true },
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::CustomResult;
    use serde_json::json;

    use super::*;

    fn result(value: Value) -> Result<Value, UpstreamError> {
        whole(ServerResult::CustomResult(CustomResult::new(value)), &Ticket::new(1_000))
    }

    #[test]
    fn only_complete_results_are_results() {
        assert!(result(json!({"content": []})).is_ok());
        assert!(result(json!({"content": [], "resultType": "complete"})).is_ok());
        assert_eq!(result(json!({"resultType": "input_required"})), Err(UpstreamError::InteractionRequired));
        assert!(matches!(result(json!({"resultType": "later"})), Err(UpstreamError::Gone { .. })));
    }

    #[test]
    fn what_was_not_sent_may_be_tried_again_and_nothing_else() {
        let ticket = Ticket::new(1);
        assert!(matches!(of(None, &ticket).result, Err(Failed::Unsent)));
        assert!(ticket.depart(0));
        assert!(matches!(of(None, &ticket).result, Err(Failed::Upstream(UpstreamError::Gone { .. }))));
        assert!(of(None, &ticket).ends_session);
    }

    #[test]
    fn codes_are_told_apart() {
        let refused = |code| refusal(&ErrorData::new(ErrorCode(code), "no", None), &Ticket::new(9));
        assert_eq!(refused(-32_602), UpstreamError::InvalidParams { message: "no".to_owned() });
        assert_eq!(refused(-32_001), UpstreamError::Refused { code: -32_001, message: "no".to_owned() });
        let ticket = Ticket::new(9);
        ticket.spoil(Spoilt::TooLarge);
        assert_eq!(refusal(&ErrorData::new(ErrorCode(0), "", None), &ticket), UpstreamError::TooLarge { limit: 9 });
    }
}
