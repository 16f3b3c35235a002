use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;

use anyhow::{Context, bail};

/// One setting.
pub(crate) struct Setting {
    /// Its environment variable. In a file it is the same in lower case, without `CORE_API_`.
    pub(crate) name: &'static str,
    pub(crate) default: Option<&'static str>,
    pub(crate) help: &'static str,
}

impl Setting {
    pub(crate) fn file_key(&self) -> String {
        self.name.strip_prefix("CORE_API_").unwrap_or(self.name).to_lowercase()
    }
}

const fn setting(name: &'static str, default: Option<&'static str>, help: &'static str) -> Setting {
    Setting { name, default, help }
}

pub(crate) const SETTINGS: &[Setting] = &[
    setting(
        "DATABASE_URL",
        Some("sqlite:data/core-api.db"),
        "sqlite:<file> or postgres://user:password@host/database (sslmode=require for TLS)",
    ),
    setting("REDIS_URL", None, "redis:// or rediss:// URL of the Redis that replicas share"),
    setting(
        "CORE_API_REDIS_BUDGET_MS",
        Some("20"),
        "how long a request waits for Redis before its replica decides alone, in ms, 1 to 5000",
    ),
    setting("CORE_API_LISTEN", Some("127.0.0.1:8080"), "address and port of the API"),
    setting("CORE_API_METRICS_LISTEN", Some("127.0.0.1:9090"), "address and port of /metrics, or off"),
    setting(
        "CORE_API_PUBLIC_URL",
        None,
        "what absolute links are built on; each request's own scheme and host when not set",
    ),
    setting(
        "CORE_API_SECRET_KEY",
        None,
        "base64 of at least 32 random bytes, from which pepper and encryption keys are derived; made beside a SQLite file on first start, required with PostgreSQL",
    ),
    setting(
        "CORE_API_PREVIOUS_SECRET_KEYS",
        Some(""),
        "comma-separated secret keys that were in force before: what was made under them keeps working",
    ),
    setting(
        "CORE_API_JWT_SECRET",
        None,
        "HS256 secret of signed tokens, at least 32 bytes; without it or CORE_API_JWT_JWKS none are accepted",
    ),
    setting(
        "CORE_API_JWT_JWKS",
        None,
        "file or https URL of the key set (JWKS) that tokens are signed with: RS256, ES256, EdDSA",
    ),
    setting("CORE_API_JWT_ISSUER", None, "who must have made a signed token (iss)"),
    setting("CORE_API_JWT_AUDIENCE", None, "for whom a signed token must be made (aud)"),
    setting(
        "CORE_API_TRUSTED_PROXIES",
        Some(""),
        "comma-separated addresses and CIDR blocks whose X-Forwarded-For and Forwarded are believed",
    ),
    setting(
        "CORE_API_WEBHOOK_WORKERS",
        Some("on"),
        "whether this server sends webhooks itself; off leaves them to `core-api worker`",
    ),
    setting(
        "CORE_API_WEBHOOK_ALLOW_NETS",
        Some(""),
        "comma-separated addresses and CIDR blocks that webhooks may go to although they are not public",
    ),
    setting(
        "CORE_API_WEBHOOK_ALLOW_HTTP",
        Some("false"),
        "true lets webhooks to CORE_API_WEBHOOK_ALLOW_NETS go over plain http",
    ),
    setting("CORE_API_WEBHOOK_CA_FILE", None, "PEM file of certificates trusted for webhooks, beside the usual ones"),
    setting("CORE_API_WEBHOOK_PROXY", None, "http or https URL of the proxy that webhooks go through"),
    setting(
        "CORE_API_WEBHOOK_RETRY_DELAYS",
        Some("1m,5m,30m,2h,24h"),
        "how long to wait after each failed attempt, before up to 10 % of jitter; after the last, a delivery has failed",
    ),
    setting(
        "CORE_API_WEBHOOK_TIMEOUT",
        Some("30s"),
        "how long one attempt may take, from connecting to the answer's end, 1s to 5m",
    ),
    setting("CORE_API_WEBHOOK_SENDS", Some("1024"), "the most webhooks being sent at once by this process, 1 to 10000"),
    setting(
        "CORE_API_WEBHOOK_SENDS_PER_ENDPOINT",
        Some("64"),
        "the most of them to one endpoint that answers; half of all may be of one workspace",
    ),
    setting(
        "CORE_API_EVENT_RETENTION_DAYS",
        Some("30"),
        "how long events, deliveries, their attempts and the log of MCP calls are kept, 1 to 3650",
    ),
    setting(
        "CORE_API_CATALOG",
        None,
        "TOML file with the tiers, features and limits; the catalogue that comes with the program when not set",
    ),
    setting(
        "CORE_API_MCP_CONFIG",
        None,
        "JSON file with the MCP servers (mcpServers); it is read again at SIGHUP and when it changes",
    ),
    setting("CORE_API_UPGRADE_URL", None, "where callers are sent whose plan gives no more"),
    setting(
        "CORE_API_LOG",
        Some("info,actix_server=warn"),
        "what is logged: a level, or a filter such as info,http_api=debug",
    ),
    setting("CORE_API_LOG_FORMAT", Some("text"), "text or json"),
    setting(
        "CORE_API_DATABASE_POOL",
        Some("16"),
        "the most PostgreSQL connections of this process, 1 to 1000; SQLite readers are at most 8",
    ),
];

/// The settings, for `--help`.
pub(crate) fn settings_help() -> String {
    let mut help =
        "Settings (environment variable, or the key in brackets in the file named by --config):\n".to_owned();
    for setting in SETTINGS {
        let default = match setting.default {
            Some("") | None => "not set".to_owned(),
            Some(text) => text.to_owned(),
        };
        let _ = write!(
            help,
            "\n  {} [{}]\n      {}\n      default: {default}\n",
            setting.name,
            setting.file_key(),
            setting.help
        );
    }
    help
}

/// What was given for each setting, as text.
#[derive(Default)]
pub(crate) struct Values(BTreeMap<&'static str, String>);

impl Values {
    pub(crate) fn set(&mut self, setting: &Setting, value: String) {
        self.0.insert(setting.name, value);
    }

    /// Takes over the environment's variables. Those that begin with `CORE_API_` must be settings.
    pub(crate) fn overlay_environment(
        &mut self,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> anyhow::Result<()> {
        for (name, value) in variables {
            let Some(name) = name.to_str() else { continue };
            let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
                if name.starts_with("CORE_API_") && name != "CORE_API_CONFIG" {
                    bail!("{name} is not a setting. The settings are: {}", names());
                }
                continue;
            };
            let value = value.into_string().ok().with_context(|| format!("{name} is not UTF-8"))?;
            self.set(setting, value);
        }
        Ok(())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let default = || SETTINGS.iter().find(|setting| setting.name == name)?.default;
        self.0.get(name).map(String::as_str).or_else(default).filter(|value| !value.is_empty())
    }

    pub(crate) fn parse<T>(&self, name: &str, read: impl Fn(&str) -> anyhow::Result<T>) -> anyhow::Result<T> {
        read(self.get(name).unwrap_or_default()).with_context(|| format!("{name} is wrong"))
    }

    pub(crate) fn parse_optional<T>(
        &self,
        name: &str,
        read: impl Fn(&str) -> anyhow::Result<T>,
    ) -> anyhow::Result<Option<T>> {
        self.get(name).map(|_| self.parse(name, read)).transpose()
    }
}

pub(crate) fn names() -> String {
    SETTINGS.iter().map(|setting| setting.name).collect::<Vec<_>>().join(", ")
}
