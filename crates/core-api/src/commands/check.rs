use anyhow::{Context, bail};

use super::print;
use crate::config::Config;
use crate::stores::Store;
use crate::tool_servers;

/// Prints the settings in force and reaches what they point at. Changes nothing.
pub(crate) async fn run(config: &Config) -> anyhow::Result<()> {
    print(&config.describe())?;
    if let Some(path) = &config.tool_servers {
        let servers = tool_servers::read(path)?;
        print(&format!(
            "MCP servers: {}",
            servers.iter().map(|server| server.id.as_str()).collect::<Vec<_>>().join(", ")
        ))?;
    }
    let hasher = config.secrets()?.key_hasher();
    let store = Store::open(config).await?;
    store.health.check().await.map_err(|fault| anyhow::anyhow!(fault)).context("the database can't be reached")?;
    match store.keys.list_pepper_versions().await {
        Ok(stored) if stored.iter().any(|version| !hasher.versions().contains(version)) => bail!(
            "some keys in the database were made under another CORE_API_SECRET_KEY and don't work; \
             add it to CORE_API_PREVIOUS_SECRET_KEYS"
        ),
        Ok(_) => {}
        Err(error) => print(&format!("The keys can't be read ({error}): the database may not be migrated yet."))?,
    }
    print("The configuration is good.")
}
