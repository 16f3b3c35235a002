use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use core_domain::Clock;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, Method, Proxy, Request, redirect, retry};
use url::Url;
use webhooks::{AddressPolicy, AttemptOutcome, SignedRequest, WebhookSender, host_address};

use crate::answer::{body_as_text, complaint, headers_as_json, retry_after_seconds};
use crate::fault::{Refusal, sentence};
use crate::resolver::{Rule, VettingResolver};
use crate::{InvalidOptions, Lookup, SenderOptions, SystemLookup};

/// Sends over pooled connections of HTTP/1.1.
pub struct ReqwestSender {
    https: LazyClient,
    /// `None` when plain http is not sent. Apart from the other, since its names are vetted by a stricter rule.
    http: Option<LazyClient>,
    policy: AddressPolicy,
    is_proxied: bool,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

/// Made at its first use: the system's certificates take some MiB, which a server without webhooks does not need.
type LazyClient = LazyLock<reqwest::Result<Client>, Box<dyn FnOnce() -> reqwest::Result<Client> + Send>>;

/// How long a connection is kept unused: less than the five seconds after which the servers that are most in use close
/// theirs, so that a request seldom meets a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
const MAX_IDLE_PER_HOST: usize = 256;

/// What there is of an answer so far, kept also when the rest does not come.
#[derive(Default)]
struct Progress {
    outcome: AttemptOutcome,
    body: Vec<u8>,
}

impl fmt::Debug for ReqwestSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestSender").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl ReqwestSender {
    /// A sender that asks the system for addresses.
    pub fn new(options: SenderOptions, clock: Arc<dyn Clock>) -> Result<Self, InvalidOptions> {
        Self::with_lookup(options, clock, &(Arc::new(SystemLookup) as Arc<dyn Lookup>))
    }

    /// A sender that asks `lookup` for addresses.
    pub fn with_lookup(
        options: SenderOptions,
        clock: Arc<dyn Clock>,
        lookup: &Arc<dyn Lookup>,
    ) -> Result<Self, InvalidOptions> {
        let is_proxied = options.proxy.is_some();
        if options.extra_ca.is_some() || is_proxied {
            // What the operator has set is tried at once, so that a mistake is told at the start.
            builder(&options)?.build().map_err(InvalidOptions::Client)?;
        }
        let client = |rule: Rule| -> Result<LazyClient, InvalidOptions> {
            let rule = if is_proxied { Rule::Proxy } else { rule };
            let builder = builder(&options)?.dns_resolver(VettingResolver { lookup: lookup.clone(), rule });
            Ok(LazyLock::new(Box::new(|| builder.build())))
        };
        let https = client(Rule::Allowed(options.policy.clone()))?;
        let http = options.allow_http.then(|| client(Rule::Explicit(options.policy.clone()))).transpose()?;
        let SenderOptions { policy, timeout, .. } = options;
        Ok(Self { https, http, policy, is_proxied, timeout, clock })
    }

    /// The client for this URL, or why nothing is sent there. Addresses that stand in the URL never reach the resolver.
    fn client_for(&self, url: &Url) -> Result<&Client, Refusal> {
        let literal = host_address(url);
        if url.scheme() == "https" {
            return match literal {
                Some(address) if !self.policy.allows(address) => Err(Refusal::NotPublic(address)),
                _ => made(&self.https),
            };
        }
        let is_explicit = match literal {
            Some(address) => self.policy.is_explicitly_allowed(address),
            // What a proxy makes of a name is not known, hence not known to be allowed.
            None => !self.is_proxied,
        };
        let http = self.http.as_ref().filter(|_| url.scheme() == "http" && is_explicit).ok_or(Refusal::PlainHttp)?;
        made(http)
    }

    async fn exchange(&self, signed: &SignedRequest, progress: &mut Progress) -> Result<(), String> {
        let url = Url::parse(signed.url.as_str()).map_err(|_| Refusal::Url.to_string())?;
        let client = self.client_for(&url).map_err(|refusal| refusal.to_string())?;
        let request = request(url, signed).map_err(|refusal| refusal.to_string())?;
        let mut response = client.execute(request).await.map_err(|error| sentence(error, self.is_proxied))?;

        let (status, headers) = (response.status(), response.headers());
        progress.outcome.response_code = Some(status.as_u16());
        progress.outcome.response_headers = Some(headers_as_json(headers));
        progress.outcome.retry_after_seconds = retry_after_seconds(status, headers, self.clock.now());
        let complaint = complaint(status, headers);
        while let Some(chunk) = response.chunk().await.map_err(|error| sentence(error, self.is_proxied))? {
            let room = AttemptOutcome::MAX_BODY_BYTES - progress.body.len();
            progress.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                // Dropping the response closes its connection: reading the rest costs more than connecting anew.
                break;
            }
        }
        complaint.map_or(Ok(()), Err)
    }
}

#[async_trait]
impl WebhookSender for ReqwestSender {
    async fn send(&self, request: &SignedRequest) -> AttemptOutcome {
        let started = self.clock.monotonic();
        let mut progress = Progress::default();
        let error = match tokio::time::timeout(self.timeout, self.exchange(request, &mut progress)).await {
            Ok(exchanged) => exchanged.err(),
            Err(_) if progress.outcome.response_code.is_none() => {
                Some(format!("no answer within {}", seconds(self.timeout)))
            }
            Err(_) => Some(format!("the answer was not complete within {}", seconds(self.timeout))),
        };
        let Progress { mut outcome, body } = progress;
        outcome.error = error;
        outcome.response_body = outcome.response_code.map(|_| body_as_text(&body));
        let taken = self.clock.monotonic().saturating_sub(started);
        outcome.response_time_ms = u32::try_from(taken.as_millis()).unwrap_or(u32::MAX);
        outcome
    }
}

fn made(client: &LazyClient) -> Result<&Client, Refusal> {
    client.as_ref().map_err(|error| {
        tracing::error!(%error, "the HTTP client of webhooks can't be made");
        Refusal::Client
    })
}

fn builder(options: &SenderOptions) -> Result<ClientBuilder, InvalidOptions> {
    let mut builder = Client::builder()
        .tls_backend_rustls()
        .http1_only()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        // Other crates may switch these on for all; a body is kept as it came.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(MAX_IDLE_PER_HOST);
    if let Some(pem) = &options.extra_ca {
        let certificates = Certificate::from_pem_bundle(pem).map_err(|error| InvalidOptions::ExtraCa(Some(error)))?;
        if certificates.is_empty() {
            return Err(InvalidOptions::ExtraCa(None));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    Ok(match &options.proxy {
        Some(proxy) => builder.proxy(Proxy::all(proxy.as_url().clone()).map_err(InvalidOptions::Client)?),
        None => builder.no_proxy(),
    })
}

fn request(url: Url, signed: &SignedRequest) -> Result<Request, Refusal> {
    let mut headers = HeaderMap::with_capacity(signed.headers.len());
    for (name, value) in &signed.headers {
        let pair = (HeaderName::try_from(name.as_str()).ok()).zip(HeaderValue::try_from(value.as_str()).ok());
        let Some((name, value)) = pair else {
            return Err(Refusal::Header(name.clone()));
        };
        headers.append(name, value);
    }
    let mut request = Request::new(Method::POST, url);
    *request.headers_mut() = headers;
    *request.body_mut() = Some(Bytes::from(signed.body.clone()).into());
    Ok(request)
}

fn seconds(span: Duration) -> String {
    if span.subsec_millis() == 0 { format!("{} s", span.as_secs()) } else { format!("{} ms", span.as_millis()) }
}
