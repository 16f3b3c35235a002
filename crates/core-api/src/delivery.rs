use std::sync::Arc;

use anyhow::Context;
use core_domain::{Clock, Entropy};
use dispatcher::{Dispatcher, Publisher};
use system::{OsEntropy, SystemClock};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use webhook_sender::{ReqwestSender, SenderOptions};
use webhooks::{AddressPolicy, Courier, EventPublisher, UrlPolicy};

use crate::config::{Config, Secrets};
use crate::stores::Store;

/// Which URLs a webhook may have.
pub(crate) fn url_policy(config: &Config) -> UrlPolicy {
    let settings = &config.webhooks;
    UrlPolicy { addresses: AddressPolicy::new(settings.allow_nets.clone()), allow_http: settings.allow_http }
}

/// What signs and sends webhooks.
pub(crate) fn courier(config: &Config, secrets: &Secrets) -> anyhow::Result<Arc<Courier>> {
    let settings = &config.webhooks;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy::default());
    let extra_ca = settings.ca_file.as_ref().map(|path| {
        std::fs::read(path).with_context(|| format!("CORE_API_WEBHOOK_CA_FILE: {} can't be read", path.display()))
    });
    let options = SenderOptions {
        allow_http: settings.allow_http,
        extra_ca: extra_ca.transpose()?,
        proxy: settings.proxy.clone(),
        timeout: settings.timeout,
        ..SenderOptions::new(url_policy(config).addresses)
    };
    let sender = ReqwestSender::new(options, Arc::clone(&clock)).context("webhooks can't be sent")?;
    let sealer = Arc::new(secrets.webhook_sealer(Arc::clone(&entropy)));
    let schedule = settings.schedule.clone();
    Ok(Arc::new(Courier::new(Arc::new(sender), sealer, schedule, clock, entropy)))
}

/// What stores events and, where this process is to, sends them.
#[derive(Debug)]
pub(crate) enum Delivery {
    Sending(Dispatcher),
    Storing { publisher: Publisher, storing: JoinHandle<()>, stop: CancellationToken },
}

impl Delivery {
    pub(crate) fn start(
        config: &Config,
        store: &Store,
        courier: Arc<Courier>,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Self {
        let queue = Arc::clone(&store.deliveries);
        if config.webhooks.is_sending {
            let (clock, entropy) = (Arc::clone(clock), Arc::clone(entropy));
            return Self::Sending(Dispatcher::start(queue, courier, clock, entropy, config.webhooks.dispatcher()));
        }
        let stop = CancellationToken::new();
        let (publisher, storing) = Publisher::start(queue, stop.clone());
        Self::Storing { publisher, storing, stop }
    }

    pub(crate) fn publisher(&self) -> Arc<dyn EventPublisher> {
        match self {
            Self::Sending(dispatcher) => Arc::new(dispatcher.publisher()),
            Self::Storing { publisher, .. } => Arc::new(publisher.clone()),
        }
    }

    /// Ends: what was given is stored, what is under way is sent to its end.
    pub(crate) async fn stop(self) {
        match self {
            Self::Sending(dispatcher) => dispatcher.stop().await,
            Self::Storing { storing, stop, .. } => {
                stop.cancel();
                if let Err(fault) = storing.await {
                    tracing::error!(%fault, "the publisher failed");
                }
            }
        }
    }
}
