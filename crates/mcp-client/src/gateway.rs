use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use core_domain::{Clock, Entropy, Timestamp};
use mcp::{
    Catalogue, Instance, JsonObject, QuarantineAlarm, Registry, ResourceContents, ServerState, ServerStatus,
    ToolAnswer, ToolServers, UpstreamError,
};
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, ReadResourceRequest, ReadResourceRequestParams,
};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::fleet::Fleet;
use crate::outcome::Failed;
use crate::process::{Spawner, Surroundings};
use crate::shared::Shared;
use crate::stage::{Stage, busy};
use crate::supervisor::{NoSession, Supervisor};
use crate::{Options, meters, shapes};

/// The [`ToolServers`]: every configured MCP server, each instance of it under a supervisor of its own.
///
/// Clones are the same gateway. [`Gateway::shutdown`] is to be called before the process ends.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
    fleet: Arc<Mutex<Fleet>>,
    made_at: Timestamp,
}

/// How often instances are looked after.
const TENDING: Duration = Duration::from_secs(1);
/// How long an instance of one workspace is remembered when nobody uses it.
const MEMORY: Duration = Duration::from_hours(1);
/// How often a request that was not sent is tried on another connection.
const ATTEMPTS: u32 = 3;
/// JSON-RPC's "method not found", and the older "resource not found".
const METHOD_NOT_FOUND: i64 = -32_601;
const RESOURCE_NOT_FOUND: i64 = -32_002;

impl Gateway {
    /// A gateway that has started no server yet. Everything of it runs on the runtime that this is called on.
    ///
    /// # Errors
    /// When the thread that starts processes can't be started.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(
        registry: Registry,
        options: Options,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        alarm: Arc<dyn QuarantineAlarm>,
    ) -> io::Result<Self> {
        let runtime = Handle::current();
        let surroundings = Surroundings::new(&options.path, &options.home);
        if cfg!(target_os = "linux") && surroundings.setpriv.is_none() {
            tracing::warn!("setpriv is not installed: MCP servers are not killed when this process is");
        }
        let spawner = Spawner::start(runtime.clone())?;
        let made_at = clock.now();
        let shared = Arc::new(Shared { options, surroundings, spawner, clock, entropy, alarm, runtime });
        let fleet = Arc::new(Mutex::new(Fleet::new(registry)));
        shared.runtime.spawn(tend_always(Arc::downgrade(&shared), Arc::downgrade(&fleet)));
        Ok(Self { shared, fleet, made_at })
    }

    /// Takes a new configuration.
    ///
    /// Instances that run the same under it go on. Others take no more calls: those under way are waited for, then the
    /// server is ended, and its successor is started by the next call.
    pub fn reload(&self, registry: Registry) {
        self.fleet().reload(Arc::new(registry));
    }

    /// Ends every server and waits until none is left: calls under way are waited for
    /// ([`Options::drain`]), then inputs are closed, then processes are told to end, then killed.
    pub async fn shutdown(&self) {
        let ending = self.fleet().close_all();
        for gone in ending {
            gone.cancelled().await;
        }
    }

    /// Does what the time has come for: stops idle servers, replaces old ones, reads old catalogues again.
    ///
    /// It is done every second anyway.
    pub fn tend(&self) {
        tend(&self.shared, &self.fleet);
    }

    /// The id of an instance's process, when it is running and has one.
    pub fn process_id(&self, at: &Instance) -> Option<u32> {
        self.fleet().find(at)?.process_id()
    }

    fn fleet(&self) -> MutexGuard<'_, Fleet> {
        lock(&self.fleet)
    }

    fn supervisor(&self, at: &Instance) -> Result<Arc<Supervisor>, UpstreamError> {
        self.fleet().supervisor(&self.shared, at)
    }

    /// Asks once, within `timeout` over all: the queue, a start, and the answer.
    async fn ask(&self, at: &Instance, request: ClientRequest, timeout: Duration) -> Result<Value, UpstreamError> {
        let began = self.shared.clock.monotonic();
        let stage = Stage::default();
        let asked = tokio::time::timeout(timeout, self.attempt(at, request, &stage)).await;
        let outcome = asked.unwrap_or_else(|_| Err(stage.out_of_time()));
        meters::call(at, &outcome, self.shared.clock.monotonic().saturating_sub(began));
        outcome
    }

    /// Tries again only what was not sent.
    async fn attempt(&self, at: &Instance, request: ClientRequest, stage: &Stage) -> Result<Value, UpstreamError> {
        for _ in 0..ATTEMPTS {
            let supervisor = self.supervisor(at)?;
            stage.queueing();
            let _turn = supervisor.turns.take().await.map_err(|_| busy())?;
            stage.starting();
            let session = match supervisor.session().await {
                Ok(session) => session,
                Err(NoSession::Superseded) => continue,
                Err(NoSession::Upstream(error)) => return Err(error),
            };
            stage.asking();
            let config = supervisor.server.config();
            match session.ask(request.clone(), config.max_answer_bytes()).await {
                Ok(value) => return Ok(value),
                Err(Failed::Upstream(UpstreamError::TooLarge { .. })) => {
                    return Err(UpstreamError::TooLarge { limit: config.max_result_bytes });
                }
                Err(Failed::Unsent) => {}
                Err(Failed::Upstream(error)) => {
                    if matches!(error, UpstreamError::InvalidParams { .. }) {
                        // Perhaps a tool that is there no more.
                        session.signs.changed.notify_one();
                    }
                    return Err(error);
                }
            }
        }
        Err(UpstreamError::Gone { detail: "no connection to it lasts".to_owned() })
    }
}

#[async_trait]
impl ToolServers for Gateway {
    fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.fleet().registry)
    }

    fn status(&self, at: &Instance) -> ServerStatus {
        let fleet = self.fleet();
        if let Some(supervisor) = fleet.find(at) {
            return supervisor.status();
        }
        let is_disabled = fleet.registry.get(&at.server).is_none_or(|config| config.disabled);
        let state = if is_disabled {
            ServerState::Disabled { reason: "it is switched off".to_owned() }
        } else {
            ServerState::Stopped
        };
        ServerStatus {
            state,
            since: self.made_at,
            protocol_version: None,
            last_error: None,
            catalogue_stale: false,
            catalogue: None,
        }
    }

    fn warm(&self, at: &Instance) {
        if let Ok(supervisor) = self.supervisor(at) {
            supervisor.warm();
        }
    }

    async fn catalogue(&self, at: &Instance, patience: Duration) -> Result<Arc<Catalogue>, UpstreamError> {
        let wait = async {
            loop {
                let supervisor = self.supervisor(at)?;
                if let Some(catalogue) = supervisor.status().catalogue {
                    return Ok(catalogue);
                }
                match supervisor.session().await {
                    Ok(_) | Err(NoSession::Superseded) => {}
                    Err(NoSession::Upstream(error)) => return Err(error),
                }
            }
        };
        let stage = Stage::default();
        stage.starting();
        tokio::time::timeout(patience, wait).await.unwrap_or_else(|_| Err(stage.out_of_time()))
    }

    async fn call(
        &self,
        at: &Instance,
        tool: &str,
        arguments: &JsonObject,
        timeout: Duration,
    ) -> Result<ToolAnswer, UpstreamError> {
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments.clone());
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        self.ask(at, request, timeout).await.map(shapes::answer)
    }

    async fn read(&self, at: &Instance, uri: &str, timeout: Duration) -> Result<Vec<ResourceContents>, UpstreamError> {
        let params = ReadResourceRequestParams::new(uri);
        let request = ClientRequest::ReadResourceRequest(ReadResourceRequest::new(params));
        match self.ask(at, request, timeout).await {
            Ok(value) => Ok(shapes::contents(&value)),
            // What a URI is unknown by differs with the era; a server without the method has no resource either.
            Err(UpstreamError::InvalidParams { .. }) => Err(UpstreamError::ResourceNotFound),
            Err(UpstreamError::Refused { code: METHOD_NOT_FOUND | RESOURCE_NOT_FOUND, .. }) => {
                Err(UpstreamError::ResourceNotFound)
            }
            Err(error) => Err(error),
        }
    }
}

async fn tend_always(shared: Weak<Shared>, fleet: Weak<Mutex<Fleet>>) {
    loop {
        tokio::time::sleep(TENDING).await;
        let (Some(shared), Some(fleet)) = (shared.upgrade(), fleet.upgrade()) else { return };
        tend(&shared, &fleet);
    }
}

fn tend(shared: &Shared, fleet: &Mutex<Fleet>) {
    lock(fleet).tend(shared.clock.monotonic().saturating_sub(MEMORY));
}

fn lock(fleet: &Mutex<Fleet>) -> MutexGuard<'_, Fleet> {
    fleet.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}
