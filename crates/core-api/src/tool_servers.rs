use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use core_domain::{Clock, DomainEvent, Entropy, Environment, EventKind, Realm, WireWord as _};
use mcp::{CallLog, Instance, NoServers, QuarantineAlarm, Quarantined, Registry, ToolServers};
use mcp_client::{Gateway, Options};
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use webhooks::EventPublisher;

/// How often the file is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// The configured MCP servers.
///
/// # Errors
/// Names the file, the field and the reason.
pub(crate) fn read(path: &Path) -> anyhow::Result<Registry> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("CORE_API_MCP_CONFIG: {} can't be read", path.display()))?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> anyhow::Result<Registry> {
    let registry = Registry::parse(text, &|name| std::env::var(name).ok());
    registry.with_context(|| format!("CORE_API_MCP_CONFIG: {} is wrong", path.display()))
}

/// The MCP servers of this process.
pub(crate) enum Servers {
    /// None are configured.
    None,
    /// Those of a file, which is read again when it changes.
    Configured { gateway: Gateway, path: PathBuf },
}

impl Servers {
    /// No server is started yet.
    pub(crate) fn start(
        config: Option<&Path>,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
        publisher: Arc<dyn EventPublisher>,
        calls: Arc<dyn CallLog>,
    ) -> anyhow::Result<Self> {
        let Some(path) = config else { return Ok(Self::None) };
        let registry = read(path)?;
        let variable = |name, or: OsString| std::env::var_os(name).filter(|text| !text.is_empty()).unwrap_or(or);
        let usual = Options::default();
        let options = Options {
            path: variable("PATH", usual.path),
            home: variable("HOME", usual.home.into_os_string()).into(),
            ..usual
        };
        let alarm = Arc::new(Alarm {
            gateway: OnceLock::new(),
            publisher,
            calls,
            clock: Arc::clone(clock),
            entropy: Arc::clone(entropy),
        });
        let told = Arc::clone(&alarm) as Arc<dyn QuarantineAlarm>;
        let gateway = Gateway::start(registry, options, Arc::clone(clock), Arc::clone(entropy), told)
            .context("MCP servers can't be run")?;
        let _ = alarm.gateway.set(gateway.clone());
        Ok(Self::Configured { gateway, path: path.to_owned() })
    }

    pub(crate) fn port(&self) -> Arc<dyn ToolServers> {
        match self {
            Self::None => Arc::new(NoServers),
            Self::Configured { gateway, .. } => Arc::new(gateway.clone()),
        }
    }

    /// Reads the file again at SIGHUP and when it changes, until `stop`. A file that is wrong changes nothing.
    ///
    /// SIGHUP is listened for as soon as this is called: until then it ends the process.
    pub(crate) fn follow(self: Arc<Self>, stop: CancellationToken) -> impl Future<Output = ()> + Send {
        let hangup = signal(SignalKind::hangup());
        async move {
            let Self::Configured { gateway, path } = &*self else { return };
            match hangup {
                Ok(hangup) => follow(gateway, path, hangup, stop).await,
                Err(error) => tracing::error!(
                    %error,
                    "SIGHUP can't be listened for; changed MCP servers are taken when the process starts again"
                ),
            }
        }
    }

    /// Ends every server; calls under way are waited for.
    pub(crate) async fn stop(&self) {
        if let Self::Configured { gateway, .. } = self {
            gateway.shutdown().await;
        }
    }
}

async fn follow(gateway: &Gateway, path: &Path, mut hangup: Signal, stop: CancellationToken) {
    let mut taken = std::fs::read_to_string(path).unwrap_or_default();
    loop {
        let is_asked_to = tokio::select! {
            () = stop.cancelled() => return,
            told = hangup.recv() => told.is_some(),
            () = tokio::time::sleep(LOOK_INTERVAL) => false,
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) if is_asked_to || text != taken => text,
            Err(error) if is_asked_to => {
                tracing::error!(%error, "the file can't be read: the MCP servers stay as they were");
                continue;
            }
            // An editor may be replacing it.
            Ok(_) | Err(_) => continue,
        };
        match parse(path, &text) {
            Ok(registry) => {
                tracing::info!(servers = registry.len(), "the MCP servers were read again");
                gateway.reload(registry);
            }
            Err(error) => tracing::error!(error = format!("{error:#}"), "the MCP servers stay as they were"),
        }
        taken = text;
    }
}

/// Tells of tools that were put into quarantine: in the log, in a metric, and as an event where the server matters.
struct Alarm {
    gateway: OnceLock<Gateway>,
    publisher: Arc<dyn EventPublisher>,
    calls: Arc<dyn CallLog>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl QuarantineAlarm for Alarm {
    fn raise(&self, at: &Instance, tools: &[Quarantined]) {
        for tool in tools {
            tracing::warn!(server = %at.server, tool = tool.name, reason = %tool.reason, digest = %tool.digest,
                "a tool of an MCP server is in quarantine");
        }
        metrics::counter!("mcp_tools_quarantined_total", "server" => at.server.to_string())
            .increment(tools.len() as u64);
        let Some(gateway) = self.gateway.get().cloned() else { return };
        let (at, tools) = (at.clone(), tools.to_vec());
        let (publisher, calls) = (Arc::clone(&self.publisher), Arc::clone(&self.calls));
        let (now, entropy) = (self.clock.now(), Arc::clone(&self.entropy));
        // Apart: the gateway may be in the middle of something.
        tokio::spawn(async move {
            let realms = realms(&gateway, &*calls, &at).await;
            let event = |realm: &Realm, tool: &Quarantined| {
                let data = json!({
                    "server": at.server.as_str(),
                    "tool": tool.name,
                    "reason": tool.reason.as_str(),
                    "digest": tool.digest.to_string(),
                });
                let kind = EventKind::McpToolQuarantined;
                DomainEvent::own(kind, realm.workspace_id, realm.environment, data, now, &*entropy)
            };
            for realm in &realms {
                for tool in &tools {
                    if let Err(error) = publisher.publish(vec![event(realm, tool)]).await {
                        tracing::error!(%error, "a quarantine could not be announced");
                    }
                }
            }
        });
    }
}

/// Where a server's tools matter: in the world that has its own copy, else in the workspaces that are named and in those
/// that have called it.
async fn realms(gateway: &Gateway, calls: &dyn CallLog, at: &Instance) -> HashSet<Realm> {
    if let Some(realm) = at.tenant {
        return [realm].into();
    }
    let server = gateway.registry().get(&at.server).cloned();
    let named = server.and_then(|server| server.workspaces.clone()).unwrap_or_default();
    let named = named.into_iter().map(|workspace_id| Realm { workspace_id, environment: Environment::Live });
    let callers = calls.callers_of(&at.server).await.unwrap_or_else(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "who called a server can't be found: they are not told"
        );
        Vec::new()
    });
    named.chain(callers).collect()
}
