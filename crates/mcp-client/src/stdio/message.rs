use rmcp::RoleClient;
use rmcp::model::{CustomResult, ErrorData, JsonRpcMessage, RequestId, ServerResult};
use rmcp::service::RxJsonRpcMessage;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::pending::Pending;
use crate::ticket::{Spoilt, Ticket};

type Message = RxJsonRpcMessage<RoleClient>;

/// What a line holds.
#[derive(Debug)]
pub(super) enum Read {
    Message(Box<Message>),
    /// An answer that nobody waits for any more.
    Late,
    /// Nothing of this protocol.
    Noise,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Reads a line.
///
/// The result of a request with a ticket is kept as it came, as a [`CustomResult`]: the SDK would try some twenty
/// shapes on it, lose what it has no field for, and lose a whole list for one entry it can't read.
pub(super) fn read(line: &[u8], pending: &Pending) -> Read {
    let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(line) else { return Read::Noise };
    let is_answer = envelope.method.is_none() && (envelope.result.is_some() || envelope.error.is_some());
    if !is_answer {
        return typed(line);
    }
    let Some(id) = envelope.id.and_then(|id| serde_json::from_str::<RequestId>(id.get()).ok()) else {
        // An error without an id belongs to the request that the server could not read.
        return typed(line);
    };
    let Some((id, ticket)) = pending.take(&id) else { return Read::Late };
    match (ticket, envelope.result) {
        (Some(ticket), Some(result)) => Read::Message(Box::new(whole(id, &ticket, result.get()))),
        _ => match typed(line) {
            Read::Noise => Read::Message(Box::new(unreadable(id))),
            read => read,
        },
    }
}

/// The answer to a request whose true answer can't be given; its ticket says why.
pub(super) fn spoilt(id: RequestId, ticket: Option<&Ticket>, how: Spoilt) -> Message {
    if let Some(ticket) = ticket {
        ticket.spoil(how);
    }
    unreadable(id)
}

fn unreadable(id: RequestId) -> Message {
    JsonRpcMessage::error(ErrorData::internal_error("the answer can't be read", None), Some(id))
}

fn whole(id: RequestId, ticket: &Ticket, result: &str) -> Message {
    if result.len() > ticket.max_answer_bytes() {
        return spoilt(id, Some(ticket), Spoilt::TooLarge);
    }
    match serde_json::from_str(result) {
        Ok(value) => JsonRpcMessage::response(ServerResult::CustomResult(CustomResult::new(value)), id),
        Err(_) => spoilt(id, Some(ticket), Spoilt::Unreadable),
    }
}

fn typed(line: &[u8]) -> Read {
    serde_json::from_slice(line).map_or(Read::Noise, |message| Read::Message(Box::new(message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(ticket: &Ticket) -> Pending {
        let pending = Pending::default();
        pending.add(RequestId::Number(1), Some(ticket.clone()));
        pending
    }

    #[test]
    fn results_are_kept_as_they_came() {
        let line =
            br#"{"jsonrpc":"2.0","id":"1","result":{"content":[{"type":"hologram","x":[1.0,null]}],"odd":true}}"#;
        let Read::Message(message) = read(line, &pending(&Ticket::new(1_000))) else { panic!("no message") };
        let JsonRpcMessage::Response(response) = *message else { panic!("no response") };
        assert_eq!(response.id, RequestId::Number(1), "the request's own spelling");
        let ServerResult::CustomResult(result) = response.result else { panic!("typed") };
        assert_eq!(result.0, serde_json::json!({"content": [{"type": "hologram", "x": [1.0, null]}], "odd": true}));
    }

    #[test]
    fn results_over_their_bound_or_too_deep_say_so_on_the_ticket() {
        let ticket = Ticket::new(10);
        let line = br#"{"id":1,"result":{"content":"0123456789"}}"#;
        assert!(matches!(read(line, &pending(&ticket)), Read::Message(_)));
        assert_eq!(ticket.spoilt(), Some(Spoilt::TooLarge));

        let ticket = Ticket::new(10_000);
        let line = format!(r#"{{"id":1,"result":{}{}}}"#, "[".repeat(500), "]".repeat(500));
        assert!(matches!(read(line.as_bytes(), &pending(&ticket)), Read::Message(_)));
        assert_eq!(ticket.spoilt(), Some(Spoilt::Unreadable));
    }

    #[test]
    fn what_is_no_message_is_noise_and_late_answers_are_known() {
        let ticket = Ticket::new(10);
        for line in ["progress 1", "{\"id\":1,\"result\":", "[1]", "{}", "{\"hello\":1}", "\u{1b}[31mred"] {
            assert!(matches!(read(line.as_bytes(), &pending(&ticket)), Read::Noise), "{line}");
        }
        assert!(matches!(read(br#"{"id":2,"result":{}}"#, &pending(&ticket)), Read::Late));
    }
}
