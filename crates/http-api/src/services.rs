use std::fmt;
use std::sync::Arc;

use actix_web::web;
use core_domain::{Clock, Entropy};
use idempotency::Sealer;
use keys::{Authenticator, KeyReader, KeyService};
use limits::RateLimiter;
use mcp::{CallLog, ToolServers};
use seo::{SeoReader, SeoService};
use tokens::TokenAuthenticator;
use webhooks::{Courier, DeliveryQueue, EventPublisher, WebhookReader, WebhookService};
use workspaces::{WorkspaceReader, WorkspaceService};

use crate::{ClientAddresses, Entitlements, HealthCheck, PublicUrl, Running, UnitOfWork};

/// What the API stands on. The binary chooses the adapters behind it; tests choose mocks.
#[derive(Clone)]
pub struct Services {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for request ids.
    pub entropy: Arc<dyn Entropy>,
    /// Who is calling.
    pub authenticator: Arc<Authenticator>,
    /// Who is calling with a signed token; `None` where none are accepted.
    pub token_authenticator: Option<Arc<TokenAuthenticator>>,
    /// How much callers may ask.
    pub rate_limiter: Arc<dyn RateLimiter>,
    /// Transactions.
    pub store: Arc<dyn UnitOfWork>,
    /// Workspaces, to read.
    pub workspace_reader: Arc<dyn WorkspaceReader>,
    /// Keys, to read.
    pub key_reader: Arc<dyn KeyReader>,
    /// SEO reports and issues, to read.
    pub seo_reader: Arc<dyn SeoReader>,
    /// The use cases of workspaces.
    pub workspaces: WorkspaceService,
    /// The use cases of keys.
    pub keys: KeyService,
    /// Webhooks, deliveries and events, to read.
    pub webhook_reader: Arc<dyn WebhookReader>,
    /// The use cases of webhooks.
    pub webhooks: WebhookService,
    /// What stores an application's events.
    pub event_publisher: Arc<dyn EventPublisher>,
    /// What sends tests of webhooks.
    pub courier: Arc<Courier>,
    /// Where the results of tests are written.
    pub delivery_queue: Arc<dyn DeliveryQueue>,
    /// Entitlements: the use cases, and what makes them fast.
    pub entitlements: Arc<Entitlements>,
    /// The use cases of SEO reports.
    pub seo: SeoService,
    /// The MCP servers.
    pub tool_servers: Arc<dyn ToolServers>,
    /// What was called at them.
    pub call_log: Arc<dyn CallLog>,
    /// What seals the answers kept for safe retries.
    pub sealer: Arc<Sealer>,
    /// The requests that are being worked on outside the store.
    pub running: Running,
    /// What must be up for the service to be ready.
    pub health_checks: Vec<Arc<dyn HealthCheck>>,
    /// Where the client's address is found.
    pub client_addresses: ClientAddresses,
    /// What links are built on.
    pub public_url: PublicUrl,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

impl Services {
    /// Puts each service into the application as data of its own.
    pub(crate) fn register(self, app: &mut web::ServiceConfig) {
        app.app_data(web::Data::from(self.clock))
            .app_data(web::Data::from(self.entropy))
            .app_data(web::Data::from(self.authenticator))
            .app_data(web::Data::from(self.rate_limiter))
            .app_data(web::Data::from(self.store))
            .app_data(web::Data::from(self.workspace_reader))
            .app_data(web::Data::from(self.key_reader))
            .app_data(web::Data::from(self.entitlements.catalogue()))
            .app_data(web::Data::from(self.entitlements))
            .app_data(web::Data::from(self.seo_reader))
            .app_data(web::Data::from(self.sealer))
            .app_data(web::Data::from(self.webhook_reader))
            .app_data(web::Data::new(self.webhooks))
            .app_data(web::Data::from(self.event_publisher))
            .app_data(web::Data::from(self.courier))
            .app_data(web::Data::from(self.delivery_queue))
            .app_data(web::Data::new(self.workspaces))
            .app_data(web::Data::new(self.keys))
            .app_data(web::Data::new(self.running))
            .app_data(web::Data::new(self.seo))
            .app_data(web::Data::from(self.tool_servers))
            .app_data(web::Data::from(self.call_log))
            .app_data(web::Data::new(self.health_checks))
            .app_data(web::Data::new(self.client_addresses))
            .app_data(web::Data::new(self.public_url));
        if let Some(tokens) = self.token_authenticator {
            app.app_data(web::Data::from(tokens));
        }
    }
}
