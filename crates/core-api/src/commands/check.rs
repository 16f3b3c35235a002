use anyhow::{Context, bail};

use super::print;
use crate::config::Config;
use crate::stores::Store;

/// Prints the settings in force and reaches what they point at. Changes nothing.
pub(crate) async fn run(config: &Config) -> anyhow::Result<()> {
    print(config.describe().trim_end())?;
    let hasher = config.secrets()?.key_hasher();
    let store = Store::open(config).await?;
    store.health.check().await.map_err(anyhow::Error::from_boxed).context("the database can't be reached")?;
    if store.is_migrated().await? {
        let at_hand = hasher.versions();
        let stored = store.keys.list_pepper_versions().await?;
        if stored.iter().any(|version| !at_hand.contains(version)) {
            bail!(
                "some keys in the database were made under another CORE_API_SECRET_KEY and don't work; \
                 add it to CORE_API_PREVIOUS_SECRET_KEYS"
            );
        }
    }
    print("The configuration is good.")
}
