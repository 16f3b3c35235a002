use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpServer;
use anyhow::Context;
use core_domain::{Clock, Entropy};
use dispatcher::Dispatcher;
use entitlements::EntitlementService;
use http_api::{Assistants, ClientAddresses, Entitlements, Pixel, PublicUrl, Running, Services};
use jwt_verifier::JwtVerifier;
use keys::{Authenticator, KeyService};
use mcp::ToolServers;
use mcp_server::McpServer;
use pixel::PixelService;
use seo::SeoService;
use system::{OsEntropy, SystemClock};
use tokens::TokenAuthenticator;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webhooks::{Courier, EventPublisher, WebhookService};
use workspaces::WorkspaceService;

use crate::config::{Config, Database, Secrets};
use crate::delivery::{self, Delivery};
use crate::first_start::{Found, Founding};
use crate::limiter::Limiter;
use crate::stores::{Store, serving_threads};
use crate::tool_servers::Servers;
use crate::{metrics_server, workers};

/// How long requests in flight may take to end once the process is told to stop.
const DRAIN_SECONDS: u64 = 30;
/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may idle; longer than common load balancers keep theirs.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Serves the API until the process is told to stop.
pub(crate) async fn serve(config: &Config) -> anyhow::Result<()> {
    let secrets = config.secrets()?;
    let store = Store::open(config).await?;
    store.migrate().await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy::default());
    let courier = delivery::courier(config, &secrets)?;
    let delivery = Delivery::start(config, &store, Arc::clone(&courier), &clock, &entropy);
    let (file, calls) = (config.tool_servers.as_deref(), Arc::clone(&store.calls));
    let tool_servers = Arc::new(Servers::start(file, &clock, &entropy, delivery.publisher(), calls)?);
    let services = services(config, &store, &secrets, delivery.publisher(), courier, tool_servers.port()).await?;

    let keeper = workers::PixelKeeper::new(&store, &services, config.pixel_retention);
    keeper.keep_up().await;
    let metrics = config.metrics_listen.map(metrics_server::start).transpose()?;
    let metrics_handle = metrics.as_ref().map(actix_web::dev::Server::handle);
    let app_services = services.clone();
    let backend = store.backend.clone();
    let app = move || {
        if let Err(error) = backend.serve_this_thread() {
            tracing::warn!(%error, "a thread has no connections of its own; it shares others");
        }
        http_api::app(app_services.clone())
    };
    let server = HttpServer::new(app)
        .workers(serving_threads())
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(DRAIN_SECONDS)
        .disable_signals()
        .bind(config.listen)
        .with_context(|| format!("CORE_API_LISTEN: {} can't be listened on", config.listen))?;
    greet(config, &store, &services).await?;

    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    tend_deliveries(&tasks, config, &store, &clock, &stop);
    tasks.spawn(workers::record_last_used(Arc::clone(&services.authenticator), stop.clone()));
    tasks.spawn(workers::purge_records(Arc::clone(&services.store), Arc::clone(&services.clock), stop.clone()));
    tasks.spawn(workers::purge_reservations(Arc::clone(&services.store), Arc::clone(&services.clock), stop.clone()));
    let (calls, retention) = (Arc::clone(&services.call_log), config.webhooks.retention);
    tasks.spawn(workers::purge_calls(calls, Arc::clone(&services.clock), retention, stop.clone()));
    tasks.spawn(Arc::clone(&tool_servers).follow(stop.clone()));
    tasks.spawn(workers::purge_workspaces(Arc::clone(&services.store), Arc::clone(&services.clock), stop.clone()));
    tasks.spawn(keeper.run(stop.clone()));
    serve_metrics(&tasks, metrics);
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(async move {
        told_to_stop().await;
        tracing::info!("stopping: requests in flight may end");
        handle.stop(true).await;
    });
    tracing::info!(address = %config.listen, "listening");
    server.await.context("the server failed")?;
    stop.cancel();
    tool_servers.stop().await;
    delivery.stop().await;
    if let Some(metrics) = metrics_handle {
        metrics.stop(true).await;
    }
    tasks.close();
    tasks.wait().await;
    tracing::info!("stopped");
    Ok(())
}

/// Sends webhooks until the process is told to stop.
pub(crate) async fn work(config: &Config) -> anyhow::Result<()> {
    let secrets = config.secrets()?;
    let store = Store::open(config).await?;
    store.migrate().await?;
    let metrics = config.metrics_listen.map(metrics_server::start).transpose()?;
    let metrics_handle = metrics.as_ref().map(actix_web::dev::Server::handle);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy::default());
    let courier = delivery::courier(config, &secrets)?;
    let options = config.webhooks.dispatcher();
    let dispatcher = Dispatcher::start(Arc::clone(&store.deliveries), courier, Arc::clone(&clock), entropy, options);
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    tend_deliveries(&tasks, config, &store, &clock, &stop);
    serve_metrics(&tasks, metrics);
    tracing::info!("sending webhooks");
    told_to_stop().await;
    tracing::info!("stopping: sends under way may end");
    stop.cancel();
    dispatcher.stop().await;
    if let Some(metrics) = metrics_handle {
        metrics.stop(true).await;
    }
    tasks.close();
    tasks.wait().await;
    tracing::info!("stopped");
    Ok(())
}

fn tend_deliveries(
    tasks: &TaskTracker,
    config: &Config,
    store: &Store,
    clock: &Arc<dyn Clock>,
    stop: &CancellationToken,
) {
    let (queue, clock) = (Arc::clone(&store.deliveries), Arc::clone(clock));
    tasks.spawn(workers::purge_events(Arc::clone(&queue), Arc::clone(&clock), config.webhooks.retention, stop.clone()));
    tasks.spawn(workers::measure_queue(queue, clock, stop.clone()));
}

fn serve_metrics(tasks: &TaskTracker, metrics: Option<actix_web::dev::Server>) {
    if let Some(metrics) = metrics {
        tasks.spawn(async move {
            if let Err(error) = metrics.await {
                tracing::error!(%error, "the metrics listener failed");
            }
        });
    }
}

pub(crate) async fn services(
    config: &Config,
    store: &Store,
    secrets: &Secrets,
    event_publisher: Arc<dyn EventPublisher>,
    courier: Arc<Courier>,
    tool_servers: Arc<dyn ToolServers>,
) -> anyhow::Result<Services> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy::default());
    let hasher = Arc::new(secrets.key_hasher());
    let Limiter { limiter, health } = Limiter::open(config, &clock).await?;
    let authenticator = Authenticator::new(Arc::clone(&store.credentials), Arc::clone(&hasher), Arc::clone(&clock));
    let entitlements = EntitlementService::new(config.catalogue()?, Arc::clone(&clock), Arc::clone(&entropy));
    let entitlements = Entitlements::new(
        entitlements,
        Arc::clone(&store.entitlements),
        Arc::clone(&store.unit_of_work),
        Arc::clone(&clock),
        config.upgrade_url.clone(),
    );
    let pixel = Pixel::new(
        PixelService::new(Arc::clone(&clock), Arc::clone(&entropy)),
        Arc::clone(&store.pixel),
        Arc::clone(&store.unit_of_work),
        Arc::clone(&clock),
    );
    Ok(Services {
        pixel: Arc::new(pixel),
        entitlements: Arc::new(entitlements),
        authenticator: Arc::new(authenticator),
        token_authenticator: token_authenticator(config, store, &clock).await?.map(Arc::new),
        rate_limiter: limiter,
        store: Arc::clone(&store.unit_of_work),
        workspace_reader: Arc::clone(&store.workspaces),
        key_reader: Arc::clone(&store.keys),
        seo_reader: Arc::clone(&store.seo),
        workspaces: WorkspaceService::new(Arc::clone(&clock), Arc::clone(&entropy)),
        keys: KeyService::new(hasher, Arc::clone(&clock), Arc::clone(&entropy)),
        webhook_reader: Arc::clone(&store.webhooks),
        webhooks: WebhookService::new(
            delivery::url_policy(config),
            Arc::new(secrets.webhook_sealer(Arc::clone(&entropy))),
            Arc::clone(&clock),
            Arc::clone(&entropy),
        ),
        courier,
        delivery_queue: Arc::clone(&store.deliveries),
        event_publisher,
        seo: SeoService::new(Arc::clone(&clock), Arc::clone(&entropy)),
        tool_servers,
        call_log: Arc::clone(&store.calls),
        sealer: Arc::new(secrets.sealer(Arc::clone(&entropy))),
        running: Running::default(),
        health_checks: std::iter::once(Arc::clone(&store.health)).chain(health).collect(),
        client_addresses: ClientAddresses::behind(config.trusted_proxies.clone()),
        public_url: config.public_url.as_deref().map(PublicUrl::fixed).unwrap_or_default(),
        assistants: Some(Assistants { protocol: Arc::new(McpServer::default()), origins: config.mcp_origins.clone() }),
        clock,
        entropy,
    })
}

async fn token_authenticator(
    config: &Config,
    store: &Store,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Option<TokenAuthenticator>> {
    let Some(options) = config.jwt() else { return Ok(None) };
    let verifier = JwtVerifier::new(options.clone(), Arc::clone(clock))?;
    if let Err(error) = verifier.load().await {
        // An issuer that is down must not keep the service down: keys authenticate without it.
        tracing::warn!(%error, "the key set of signed tokens could not be loaded; it will be tried again");
    }
    Ok(Some(TokenAuthenticator::new(Arc::new(verifier), Arc::clone(&store.accounts), Arc::clone(clock))))
}

/// On an empty embedded store: makes the first key, and shows how to use it.
#[expect(clippy::print_stdout, reason = "the secret is for the person at the terminal, not for the log")]
async fn greet(config: &Config, store: &Store, services: &Services) -> anyhow::Result<()> {
    if !matches!(config.database, Database::Sqlite(_)) || !store.is_empty().await? {
        return Ok(());
    }
    let Founding { workspace, issued } =
        Found::first_start()?.run(&store.unit_of_work, &services.workspaces, &services.keys).await?;
    let base = config.public_url.clone().unwrap_or_else(|| format!("http://{}", config.listen));
    println!(
        "\nFirst start: made the workspace {:?} (id {}) and a key that may do everything in it.\n\
         The key is shown this once:\n\n  {}\n\nTry it:\n\n  \
         curl -s {base}/api/v1/workspaces -H 'Authorization: Bearer {}'\n\nInteractive reference: {base}/docs/\n",
        workspace.name.as_str(),
        workspace.id,
        issued.token.expose(),
        issued.token.expose(),
    );
    Ok(())
}

async fn told_to_stop() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals can't be listened for; the process can only be killed");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
