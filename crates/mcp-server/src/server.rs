use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderValue, Request, Response};
use http_api::ToolProtocol;
use http_body_util::{BodyExt as _, Full};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use crate::handler::Handler;
use crate::unreadable::fault_of;

/// Speaks the protocol.
pub struct McpServer {
    wire: StreamableHttpService<Handler, NeverSessionManager>,
}

impl fmt::Debug for McpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpServer").finish_non_exhaustive()
    }
}

impl Default for McpServer {
    fn default() -> Self {
        // No sessions: a message of the older era is answered on what it says itself, as one of the newer era is.
        // Hosts and origins are looked at, and bodies bounded, before a message comes here.
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(usize::MAX)
            .disable_allowed_hosts()
            .disable_allowed_origins();
        Self { wire: StreamableHttpService::new(|| Ok(Handler), Arc::new(NeverSessionManager::default()), config) }
    }
}

#[async_trait]
impl ToolProtocol for McpServer {
    async fn answer(&self, mut message: Request<Bytes>) -> Response<Bytes> {
        if let Some(fault) = fault_of(message.body()) {
            return fault;
        }
        // Every answer is one JSON object, whatever else the client would take.
        message.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        let (head, body) = self.wire.handle(message.map(Full::new)).await.into_parts();
        let Ok(body) = body.collect().await;
        Response::from_parts(head, body.to_bytes())
    }
}
