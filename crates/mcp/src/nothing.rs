use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use core_domain::Timestamp;

use crate::{
    Catalogue, Instance, JsonObject, Registry, ResourceContents, ServerState, ServerStatus, ToolAnswer, ToolServers,
    UpstreamError,
};

/// No servers at all: the [`ToolServers`] where none are configured.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoServers;

fn disabled() -> UpstreamError {
    UpstreamError::Disabled { reason: "no servers are configured".to_owned() }
}

#[async_trait]
impl ToolServers for NoServers {
    fn registry(&self) -> Arc<Registry> {
        Arc::default()
    }

    fn status(&self, _: &Instance) -> ServerStatus {
        ServerStatus {
            state: ServerState::Disabled { reason: "no servers are configured".to_owned() },
            since: Timestamp::MIN,
            protocol_version: None,
            last_error: None,
            catalogue_stale: false,
            catalogue: None,
        }
    }

    fn warm(&self, _: &Instance) {}

    async fn catalogue(&self, _: &Instance, _: Duration) -> Result<Arc<Catalogue>, UpstreamError> {
        Err(disabled())
    }

    async fn call(&self, _: &Instance, _: &str, _: &JsonObject, _: Duration) -> Result<ToolAnswer, UpstreamError> {
        Err(disabled())
    }

    async fn read(&self, _: &Instance, _: &str, _: Duration) -> Result<Vec<ResourceContents>, UpstreamError> {
        Err(disabled())
    }
}
