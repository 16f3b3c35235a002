use std::collections::HashMap;
use std::sync::Arc;

use core_domain::Monotonic;
use mcp::{Instance, Registry, ServerId, Transport, UpstreamError};
use tokio_util::sync::CancellationToken;

use crate::server::{Server, runs_the_same};
use crate::shared::Shared;
use crate::supervisor::Supervisor;

/// The servers as they are configured now, and their instances.
#[derive(Default)]
pub(crate) struct Fleet {
    pub(crate) registry: Arc<Registry>,
    servers: HashMap<ServerId, Arc<Server>>,
    instances: HashMap<Instance, Arc<Supervisor>>,
    /// Those that end, by what they were.
    leaving: HashMap<Instance, CancellationToken>,
    is_closed: bool,
}

impl Fleet {
    pub(crate) fn new(registry: Registry) -> Self {
        Self { registry: Arc::new(registry), ..Self::default() }
    }

    pub(crate) fn find(&self, at: &Instance) -> Option<&Arc<Supervisor>> {
        self.instances.get(at)
    }

    /// The supervisor of an instance, which is made where there is none.
    pub(crate) fn supervisor(&mut self, shared: &Arc<Shared>, at: &Instance) -> Result<Arc<Supervisor>, UpstreamError> {
        if let Some(found) = self.instances.get(at) {
            return Ok(Arc::clone(found));
        }
        let config = self.registry.get(&at.server).filter(|_| !self.is_closed);
        let Some(config) = config else {
            return Err(UpstreamError::Disabled { reason: "it is not configured".to_owned() });
        };
        let server = self.servers.entry(at.server.clone()).or_insert_with(|| Arc::new(Server::new(Arc::clone(config))));
        let has_process = matches!(config.transport, Transport::Stdio(_));
        let predecessor = self.leaving.get(at).filter(|_| has_process).cloned();
        let supervisor = Supervisor::new(Arc::clone(shared), at.clone(), Arc::clone(server), predecessor);
        self.instances.insert(at.clone(), Arc::clone(&supervisor));
        Ok(supervisor)
    }

    /// Takes a new configuration. What runs the same goes on; the rest is closed.
    pub(crate) fn reload(&mut self, registry: Arc<Registry>) {
        let mut changed = Vec::new();
        for (id, server) in &self.servers {
            match registry.get(id) {
                Some(config) if runs_the_same(&server.config(), config) => {
                    if server.reconfigure(Arc::clone(config)) {
                        self.instances
                            .values()
                            .filter(|instance| instance.at.server == *id)
                            .for_each(|i| i.read_again());
                    }
                }
                _ => changed.push(id.clone()),
            }
        }
        self.registry = registry;
        for id in changed {
            self.servers.remove(&id);
            self.close(|at| at.server == id);
        }
    }

    /// Closes everything, for good.
    pub(crate) fn close_all(&mut self) -> Vec<CancellationToken> {
        self.is_closed = true;
        self.close(|_| true);
        self.leaving.values().cloned().collect()
    }

    /// Looks after every instance, and forgets those that nobody used since `then`.
    pub(crate) fn tend(&mut self, then: Monotonic) {
        self.instances.values().for_each(|instance| instance.tend());
        self.instances.retain(|at, instance| at.tenant.is_none() || !instance.is_forgotten(then));
        self.leaving.retain(|_, gone| !gone.is_cancelled());
    }

    fn close(&mut self, which: impl Fn(&Instance) -> bool) {
        let closed: Vec<_> = self.instances.extract_if(|at, _| which(at)).collect();
        for (at, supervisor) in closed {
            let gone = supervisor.close();
            // One that never started waits for its own predecessor's end, not for its own.
            let gone = if gone.is_cancelled() { self.leaving.remove(&at).unwrap_or(gone) } else { gone };
            self.leaving.insert(at, gone);
        }
    }
}
