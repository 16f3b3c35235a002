use std::sync::Arc;

use rmcp::ClientHandler;
use rmcp::model::{ClientCapabilities, ClientConfig, Implementation};
use rmcp::service::{NotificationContext, RoleClient};

use crate::session::Signs;

/// What servers see of this client: no capabilities, so that they ask nothing of it.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) signs: Arc<Signs>,
    pub(crate) version: String,
}

impl ClientHandler for Listener {
    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.signs.changed.notify_one();
    }

    async fn on_resource_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.signs.changed.notify_one();
    }

    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(ClientCapabilities::default(), Implementation::new("core-api", self.version.as_str()))
    }
}
