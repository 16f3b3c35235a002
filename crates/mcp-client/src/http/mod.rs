mod upstream;

use std::collections::HashMap;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, redirect, retry};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;

use upstream::Upstream;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Less than the 5 s after which many servers close idle connections.
const IDLE_CONNECTION: Duration = Duration::from_secs(4);
const MOST_REDIRECTS: usize = 3;

/// Why a server can't be reached as it is configured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreachable {
    #[error("the header {0} has a value that can't be sent")]
    Header(String),
    #[error("no HTTP client can be made: {0}")]
    Client(reqwest::Error),
}

/// A transport to the server, with a client of its own: nothing of one server's connections serves another.
///
/// Its headers are the configured ones. No credential of a caller is ever among them.
pub(crate) fn transport(
    config: &mcp::Http,
    at_once: usize,
    max_bytes: usize,
    version: &str,
) -> Result<StreamableHttpClientTransport<Upstream>, Unreachable> {
    let client = Client::builder()
        .user_agent(format!("core-api/{version}"))
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_CONNECTION)
        .no_proxy()
        .redirect(same_origin())
        // A request that was begun is never sent again.
        .retry(retry::never())
        .build()
        .map_err(Unreachable::Client)?;
    let transport = StreamableHttpClientTransportConfig::with_uri(config.url.expose())
        .custom_headers(headers(config)?)
        .max_concurrent_requests(at_once)
        .max_json_response_size(max_bytes)
        .max_sse_event_size(max_bytes)
        .reinit_on_expired_session(true);
    Ok(StreamableHttpClientTransport::with_client(Upstream(client), transport))
}

fn headers(config: &mcp::Http) -> Result<HashMap<HeaderName, HeaderValue>, Unreachable> {
    let header = |(name, value): (&String, &mcp::Secret)| {
        let bad = || Unreachable::Header(name.clone());
        let name = HeaderName::try_from(name.as_str()).map_err(|_| bad())?;
        let mut value = HeaderValue::try_from(value.expose()).map_err(|_| bad())?;
        value.set_sensitive(true);
        Ok((name, value))
    };
    config.headers.iter().map(header).collect()
}

/// Only within the origin, and only those that repeat the request as it is: the headers hold credentials.
fn same_origin() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        let keeps_request = matches!(attempt.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        let stays = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
        if keeps_request && stays && attempt.previous().len() <= MOST_REDIRECTS {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}
