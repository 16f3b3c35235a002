use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http::{HeaderName, HeaderValue};
use reqwest::Client;
use rmcp::model::{
    ClientJsonRpcMessage, ErrorData, GetExtensions as _, JsonRpcMessage, RequestId, ServerJsonRpcMessage,
};
use rmcp::transport::streamable_http_client::{
    StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse, StreamableHttpResponseLimits,
};
use sse_stream::{Error as SseError, Sse};

use crate::ticket::{Spoilt, Ticket};

/// The SDK's client over reqwest, which also keeps the requests' tickets.
///
/// What the SDK tells of a stream that was cut for its size is the same as of one that broke.
#[derive(Debug, Clone)]
pub(crate) struct Upstream(pub(super) Client);

type Headers = HashMap<HeaderName, HeaderValue>;
type HttpError = StreamableHttpError<reqwest::Error>;

impl StreamableHttpClient for Upstream {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        auth: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, HttpError> {
        let limits = StreamableHttpResponseLimits::default();
        self.post_message_with_response_limits(uri, message, session, auth, headers, limits).await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        auth: Option<String>,
        headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, HttpError> {
        let asked = match &message {
            JsonRpcMessage::Request(request) => {
                request.request.extensions().get::<Ticket>().cloned().map(|ticket| (request.id.clone(), ticket))
            }
            _ => None,
        };
        if let Some((_, ticket)) = &asked
            && !ticket.depart(0)
            && !ticket.is_sent()
        {
            // Its caller gave up while it waited for a connection.
            return Err(std::io::Error::from(std::io::ErrorKind::Interrupted).into());
        }
        let posted = self.0.post_message_with_response_limits(uri, message, session, auth, headers, limits).await;
        match (posted, asked) {
            // An unknown session is refused before anything is done for it; without a connection nothing was sent.
            (Err(error), Some((_, ticket))) if was_not_taken(&error) => {
                ticket.come_back();
                Err(error)
            }
            (Ok(StreamableHttpPostResponse::Sse(events, session)), Some((id, ticket))) => {
                let events = events.map(move |event| event.or_else(|error| stand_in(error, &id, &ticket)));
                Ok(StreamableHttpPostResponse::Sse(events.boxed(), session))
            }
            (posted, _) => posted,
        }
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        auth: Option<String>,
        headers: Headers,
    ) -> Result<(), HttpError> {
        self.0.delete_session(uri, session, auth, headers).await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        auth: Option<String>,
        headers: Headers,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, HttpError> {
        self.0.get_stream(uri, session, last_event, auth, headers).await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        auth: Option<String>,
        headers: Headers,
        max_bytes: usize,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, HttpError> {
        let client = &self.0;
        client.get_stream_with_max_sse_event_size(uri, session, last_event, auth, headers, max_bytes).await
    }
}

fn was_not_taken(error: &HttpError) -> bool {
    match error {
        HttpError::SessionExpired => true,
        HttpError::Client(error) => error.is_connect(),
        _ => false,
    }
}

/// An answer in place of the one that was too large, so that its caller need not wait.
fn stand_in(error: SseError, id: &RequestId, ticket: &Ticket) -> Result<Sse, SseError> {
    let is_too_large = matches!(&error, SseError::Body(source) if source.to_string().starts_with("SSE event exceeded"));
    if !is_too_large {
        return Err(error);
    }
    ticket.spoil(Spoilt::TooLarge);
    let answer = ServerJsonRpcMessage::error(ErrorData::internal_error("too large", None), Some(id.clone()));
    let data = serde_json::to_string(&answer).map_err(|error| SseError::Body(error.into()))?;
    Ok(Sse { event: None, data: Some(data), id: None, retry: None })
}
