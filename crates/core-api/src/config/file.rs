use std::path::Path;

use anyhow::{Context, bail};

use super::settings::{SETTINGS, Values};

/// Reads a TOML file of settings. Lists may be arrays; keys that are no settings are refused.
pub(crate) fn read(path: &Path) -> anyhow::Result<Values> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?;
    parse(&text).with_context(|| format!("{} is wrong", path.display()))
}

fn parse(text: &str) -> anyhow::Result<Values> {
    let mut values = Values::default();
    for (key, value) in text.parse::<toml::Table>()? {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.file_key() == key) else {
            let keys: Vec<String> = SETTINGS.iter().map(super::settings::Setting::file_key).collect();
            bail!("{key} is not a setting. The settings are: {}", keys.join(", "));
        };
        values.set(setting, plain(&value).with_context(|| format!("{key} is wrong"))?);
    }
    Ok(values)
}

fn plain(value: &toml::Value) -> anyhow::Result<String> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Array(items) => Ok(items.iter().map(plain).collect::<anyhow::Result<Vec<_>>>()?.join(",")),
        _ => bail!("must be a text, a whole number or a list of them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_numbers_and_lists_are_read() {
        let values =
            parse("listen = '0.0.0.0:80'\ndatabase_pool = 8\ntrusted_proxies = ['10.0.0.0/8', '::1']").unwrap();
        assert_eq!(values.get("CORE_API_LISTEN"), Some("0.0.0.0:80"));
        assert_eq!(values.get("CORE_API_DATABASE_POOL"), Some("8"));
        assert_eq!(values.get("CORE_API_TRUSTED_PROXIES"), Some("10.0.0.0/8,::1"));
    }

    #[test]
    fn unknown_keys_are_refused() {
        let fault = parse("lisen = '0.0.0.0:80'").err().unwrap().to_string();
        assert!(fault.contains("lisen is not a setting"), "{fault}");
    }
}
