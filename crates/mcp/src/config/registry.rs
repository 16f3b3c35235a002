use std::collections::BTreeMap;
use std::sync::Arc;

use super::read;
use crate::{ConfigError, ServerConfig, ServerId};

/// The configured servers, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    servers: BTreeMap<ServerId, Arc<ServerConfig>>,
}

impl Registry {
    /// Reads a configuration: a JSON object with `mcpServers`. `env` gives the variables that `${NAME}` stands for.
    ///
    /// # Errors
    /// [`ConfigError`] with the field and the reason; never a secret.
    pub fn parse(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        read::servers(text, env).map(|servers| servers.into_iter().collect())
    }

    /// The server.
    pub fn get(&self, id: &ServerId) -> Option<&Arc<ServerConfig>> {
        self.servers.get(id)
    }

    /// Every server, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ServerConfig>> {
        self.servers.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.servers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }
}

impl FromIterator<ServerConfig> for Registry {
    fn from_iter<I: IntoIterator<Item = ServerConfig>>(servers: I) -> Self {
        Self { servers: servers.into_iter().map(|server| (server.id.clone(), Arc::new(server))).collect() }
    }
}
