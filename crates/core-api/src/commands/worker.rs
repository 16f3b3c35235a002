use crate::config::Config;
use crate::server;

/// Sends webhooks until the process is told to stop.
pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    server::work(config).await
}
