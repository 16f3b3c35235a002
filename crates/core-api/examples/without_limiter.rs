//! A baseline of `cargo xtask bench`: the API on SQLite as it is, but for a limiter that lets everything through.
//!
//! Arguments: database URL, base64 of the secret key, port.

use std::sync::Arc;

use actix_web::HttpServer;
use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use core_domain::{Clock, Entropy, RateLimit, StorageError};
use dispatcher::Publisher;
use entitlements::EntitlementService;
use http_api::{ApiTx, ClientAddresses, Entitlements, Pixel, PublicUrl, Running, Services, UnitOfWork};
use idempotency::Sealer;
use keys::{Authenticator, KeyHasher, KeyService};
use limits::{Decision, RateLimiter, Refusal, Standing, Subject};
use mcp::NoServers;
use pixel::PixelService;
use seo::SeoService;
use store_sqlite::{SqliteOptions, SqliteStore};
use system::{OsEntropy, SystemClock};
use tokio_util::sync::CancellationToken;
use webhook_sender::{ReqwestSender, SenderOptions};
use webhooks::{AddressPolicy, Courier, RetrySchedule, SecretSealer, UrlPolicy, WebhookService};
use workspaces::WorkspaceService;

struct Everything;

#[async_trait]
impl RateLimiter for Everything {
    async fn try_consume(&self, _: Subject, limit: RateLimit) -> Decision {
        Decision::Admitted(Standing::new(limit, 0, std::time::Duration::ZERO))
    }

    fn known_refusal(&self, _: Subject, _: RateLimit) -> Option<Refusal> {
        None
    }
}

struct Store(SqliteStore);

#[async_trait]
impl UnitOfWork for Store {
    async fn begin(&self) -> Result<Box<dyn ApiTx>, StorageError> {
        Ok(Box::new(self.0.begin().await?))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, secret, port] = arguments.as_slice() else { anyhow::bail!("three arguments are needed") };
    // As the server does: the same log, written to nowhere by whoever runs this.
    tracing_subscriber::fmt().with_env_filter("info,actix_server=warn").with_writer(std::io::stderr).init();
    let secret = BASE64_STANDARD.decode(secret)?;
    let sqlite = SqliteStore::open(url.trim_start_matches("sqlite:"), SqliteOptions::default()).await?;
    let store = Arc::new(sqlite.clone());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy::default());
    let hasher = Arc::new(KeyHasher::new(&secret, &[]));
    let work: Arc<dyn UnitOfWork> = Arc::new(Store(sqlite));
    let entitlements = EntitlementService::new(Arc::default(), clock.clone(), entropy.clone());
    let entitlements = Entitlements::new(entitlements, store.clone(), work.clone(), clock.clone(), None);
    let sealer = Arc::new(SecretSealer::new(&secret, &[], entropy.clone()));
    let sender = Arc::new(ReqwestSender::new(SenderOptions::new(AddressPolicy::default()), clock.clone())?);
    let courier = Courier::new(sender, sealer.clone(), RetrySchedule::default(), clock.clone(), entropy.clone());
    let (publisher, _) = Publisher::start(store.clone(), CancellationToken::new());
    let pixel = PixelService::new(clock.clone(), entropy.clone());
    let pixel = Pixel::new(pixel, store.clone(), work.clone(), clock.clone());
    let services = Services {
        webhook_reader: store.clone(),
        webhooks: WebhookService::new(UrlPolicy::default(), sealer, clock.clone(), entropy.clone()),
        courier: Arc::new(courier),
        delivery_queue: store.clone(),
        event_publisher: Arc::new(publisher),
        running: Running::default(),
        pixel: Arc::new(pixel),
        entitlements: Arc::new(entitlements),
        authenticator: Arc::new(Authenticator::new(store.clone(), hasher.clone(), clock.clone())),
        token_authenticator: None,
        rate_limiter: Arc::new(Everything),
        store: work,
        workspace_reader: store.clone(),
        key_reader: store.clone(),
        seo_reader: store.clone(),
        tool_servers: Arc::new(NoServers),
        call_log: store,
        workspaces: WorkspaceService::new(clock.clone(), entropy.clone()),
        keys: KeyService::new(hasher, clock.clone(), entropy.clone()),
        seo: SeoService::new(clock.clone(), entropy.clone()),
        sealer: Arc::new(Sealer::new(&secret, &[], entropy.clone())),
        health_checks: Vec::new(),
        client_addresses: ClientAddresses::default(),
        public_url: PublicUrl::default(),
        assistants: None,
        clock,
        entropy,
    };
    let server = HttpServer::new(move || http_api::app(services.clone()));
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    Ok(server.workers(workers).bind(("127.0.0.1", port.parse()?))?.run().await?)
}
