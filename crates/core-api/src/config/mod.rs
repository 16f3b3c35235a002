//! Settings: from the environment, or else from a TOML file, or else the default. Unknown ones are refused.

mod file;
mod jwt;
mod secret;
mod settings;
mod webhooks;

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use core_domain::parse_network;
use entitlements::Catalogue;
use ipnet::IpNet;
use jwt_verifier::{Hs256Secret, JwtOptions, KeySource};

pub(crate) use secret::Secrets;
use settings::Values;
pub(crate) use settings::settings_help;
pub(crate) use webhooks::WebhookSettings;

/// Everything that can be set, checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) database: Database,
    pub(crate) database_pool: usize,
    pub(crate) redis_url: Option<String>,
    pub(crate) redis_budget: Duration,
    pub(crate) listen: SocketAddr,
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) public_url: Option<String>,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) webhooks: WebhookSettings,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
    /// Where callers are sent who want more.
    pub(crate) upgrade_url: Option<String>,
    /// The file with the MCP servers.
    pub(crate) tool_servers: Option<PathBuf>,
    catalogue: Option<PathBuf>,
    jwt: Option<JwtOptions>,
    secret_key: Option<String>,
    previous_secret_keys: Vec<String>,
}

/// The SQLite database that ends with the process.
pub(crate) const IN_MEMORY: &str = ":memory:";

/// Where the data lies.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(PathBuf),
    Postgres(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// Reads the process's environment and the file, if one is named.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut values = match file {
            Some(path) => file::read(path)?,
            None => Values::default(),
        };
        values.overlay_environment(std::env::vars_os())?;
        Self::from_values(&values)
    }

    fn from_values(values: &Values) -> anyhow::Result<Self> {
        Ok(Self {
            database: values.parse("DATABASE_URL", database)?,
            database_pool: values.parse("CORE_API_DATABASE_POOL", |text| number(text, 1..=1_000))?,
            redis_url: values.parse_optional("REDIS_URL", redis_url)?,
            redis_budget: values.parse("CORE_API_REDIS_BUDGET_MS", redis_budget)?,
            listen: values.parse("CORE_API_LISTEN", address)?,
            metrics_listen: values.parse("CORE_API_METRICS_LISTEN", address_or_off)?,
            public_url: values.parse_optional("CORE_API_PUBLIC_URL", public_url)?,
            trusted_proxies: values.parse("CORE_API_TRUSTED_PROXIES", networks)?,
            webhooks: WebhookSettings::of(values)?,
            log: values.parse("CORE_API_LOG", log_filter)?,
            log_format: values.parse("CORE_API_LOG_FORMAT", log_format)?,
            upgrade_url: values.parse_optional("CORE_API_UPGRADE_URL", upgrade_url)?,
            tool_servers: values.get("CORE_API_MCP_CONFIG").map(PathBuf::from),
            catalogue: values.get("CORE_API_CATALOG").map(PathBuf::from),
            jwt: jwt::options(values)?,
            secret_key: values.get("CORE_API_SECRET_KEY").map(str::to_owned),
            previous_secret_keys: values.parse("CORE_API_PREVIOUS_SECRET_KEYS", |text| Ok(list(text)))?,
        })
    }

    /// The secrets. With SQLite, a missing one is made beside the database file and kept there.
    pub(crate) fn secrets(&self) -> anyhow::Result<Secrets> {
        let previous = &self.previous_secret_keys;
        match (&self.secret_key, &self.database) {
            (Some(key), _) => Secrets::given(key, previous),
            (None, Database::Sqlite(path)) if path == Path::new(IN_MEMORY) => Ok(Secrets::fleeting()),
            (None, Database::Sqlite(path)) => Secrets::beside(path, previous),
            (None, Database::Postgres(_)) => bail!(
                "CORE_API_SECRET_KEY is required with PostgreSQL: every replica needs the same one. \
                 Make one with: openssl rand -base64 32"
            ),
        }
    }

    /// The tiers, features and limits.
    pub(crate) fn catalogue(&self) -> anyhow::Result<Arc<Catalogue>> {
        let Some(path) = &self.catalogue else { return Ok(Arc::default()) };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("CORE_API_CATALOG: {} can't be read", path.display()))?;
        let read = Catalogue::from_toml(&text);
        Ok(Arc::new(read.with_context(|| format!("CORE_API_CATALOG: {} is wrong", path.display()))?))
    }

    /// How signed tokens are verified, where any are accepted.
    pub(crate) fn jwt(&self) -> Option<&JwtOptions> {
        self.jwt.as_ref()
    }

    /// The secret that tokens can be made with on this machine.
    pub(crate) fn jwt_secret(&self) -> Option<&Hs256Secret> {
        match self.jwt.as_ref().map(|jwt| &jwt.keys) {
            Some(KeySource::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    /// The settings as they are in force, a line each, without secrets.
    pub(crate) fn describe(&self) -> String {
        let listed = |items: &[String]| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
        let database = match &self.database {
            Database::Sqlite(path) => format!("SQLite, {}", path.display()),
            Database::Postgres(url) => format!("PostgreSQL, {}", without_password(url)),
        };
        let proxies: Vec<String> = self.trusted_proxies.iter().map(ToString::to_string).collect();
        let webhook_nets: Vec<String> = self.webhooks.allow_nets.iter().map(ToString::to_string).collect();
        let lines = [
            ("database", database),
            ("database pool", self.database_pool.to_string()),
            ("redis", self.redis_url.as_deref().map_or("none".to_owned(), without_password)),
            ("redis budget", format!("{} ms", self.redis_budget.as_millis())),
            ("listen", self.listen.to_string()),
            ("metrics listen", self.metrics_listen.map_or("off".to_owned(), |address| address.to_string())),
            ("public URL", self.public_url.clone().unwrap_or_else(|| "from each request".to_owned())),
            ("catalogue", self.catalogue.as_ref().map_or("built in".to_owned(), |path| path.display().to_string())),
            ("MCP servers of", self.tool_servers.as_ref().map_or("none".to_owned(), |path| path.display().to_string())),
            ("upgrade URL", self.upgrade_url.clone().unwrap_or_else(|| "none".to_owned())),
            ("signed tokens", jwt::describe(self.jwt.as_ref())),
            ("trusted proxies", listed(&proxies)),
            ("webhook addresses allowed", listed(&webhook_nets)),
            ("webhooks are sent", if self.webhooks.is_sending { "here" } else { "by other processes" }.to_owned()),
            ("log", format!("{} as {:?}", self.log, self.log_format)),
            ("secret key", if self.secret_key.is_some() { "given" } else { "beside the database file" }.to_owned()),
            ("previous secret keys", self.previous_secret_keys.len().to_string()),
        ];
        lines.map(|(name, value)| format!("{name}: {value}")).join("\n")
    }
}

fn database(text: &str) -> anyhow::Result<Database> {
    match text.split_once(':') {
        Some(("postgres" | "postgresql", _)) => Ok(Database::Postgres(text.to_owned())),
        Some(("sqlite", path)) => {
            let path = path.strip_prefix("//").unwrap_or(path);
            ensure!(!path.is_empty(), "names no file");
            Ok(Database::Sqlite(PathBuf::from(path)))
        }
        _ => bail!("must begin with sqlite: or postgres:"),
    }
}

fn number<T>(text: &str, bounds: RangeInclusive<T>) -> anyhow::Result<T>
where
    T: FromStr + PartialOrd + Display,
{
    match text.parse() {
        Ok(number) if bounds.contains(&number) => Ok(number),
        _ => bail!("must be a number from {} to {}", bounds.start(), bounds.end()),
    }
}

fn redis_budget(text: &str) -> anyhow::Result<Duration> {
    match text.parse() {
        Ok(millis) if (1..=5_000).contains(&millis) => Ok(Duration::from_millis(millis)),
        _ => bail!("must be a number of milliseconds from 1 to 5000"),
    }
}

fn redis_url(text: &str) -> anyhow::Result<String> {
    if text.starts_with("redis://") || text.starts_with("rediss://") {
        Ok(text.to_owned())
    } else {
        bail!("must begin with redis:// or rediss://")
    }
}

fn address(text: &str) -> anyhow::Result<SocketAddr> {
    text.parse().context("must be an address and a port, such as 127.0.0.1:8080")
}

fn address_or_off(text: &str) -> anyhow::Result<Option<SocketAddr>> {
    if text == "off" { Ok(None) } else { address(text).map(Some) }
}

fn public_url(text: &str) -> anyhow::Result<String> {
    let url = url::Url::parse(text).context("must be a URL, such as https://api.example.com")?;
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
        bail!("must be an http or https URL without query and fragment");
    }
    Ok(text.to_owned())
}

fn upgrade_url(text: &str) -> anyhow::Result<String> {
    let url = url::Url::parse(text).context("must be a URL, such as https://example.com/upgrade")?;
    ensure!(matches!(url.scheme(), "http" | "https"), "must be an http or https URL");
    Ok(text.to_owned())
}

fn networks(text: &str) -> anyhow::Result<Vec<IpNet>> {
    list(text).iter().map(|item| parse_network(item).map_err(Into::into)).collect()
}

fn log_filter(text: &str) -> anyhow::Result<String> {
    tracing_subscriber::EnvFilter::try_new(text).context("must be a filter, such as info or info,http_api=debug")?;
    Ok(text.to_owned())
}

fn log_format(text: &str) -> anyhow::Result<LogFormat> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => bail!("must be text or json"),
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn without_password(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut url) if url.password().is_some() => {
            let _ = url.set_password(Some("***"));
            url.to_string()
        }
        Ok(url) => url.to_string(),
        Err(_) => "set".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::settings::SETTINGS;
    use super::*;

    fn load(values: &[(&str, &str)]) -> Result<Config, String> {
        let mut all = Values::default();
        let environment = values.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        all.overlay_environment(environment)
            .and_then(|()| Config::from_values(&all))
            .map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn defaults_stand_alone() {
        let config = load(&[]).unwrap();
        assert!(matches!(config.database, Database::Sqlite(path) if path == Path::new("data/core-api.db")));
        assert_eq!(config.listen, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(config.metrics_listen, Some("127.0.0.1:9090".parse().unwrap()));
    }

    #[test]
    fn faults_name_the_setting() {
        for (name, value) in [
            ("DATABASE_URL", "mysql://x"),
            ("DATABASE_URL", "sqlite:"),
            ("CORE_API_LISTEN", "8080"),
            ("CORE_API_METRICS_LISTEN", "on"),
            ("CORE_API_PUBLIC_URL", "api.example.com"),
            ("CORE_API_TRUSTED_PROXIES", "10.0.0.0/33"),
            ("CORE_API_LOG", "a=b=c"),
            ("CORE_API_LOG_FORMAT", "xml"),
            ("CORE_API_DATABASE_POOL", "0"),
            ("CORE_API_REDIS_BUDGET_MS", "0"),
            ("CORE_API_UPGRADE_URL", "example.com/upgrade"),
            ("REDIS_URL", "localhost"),
            ("CORE_API_WEBHOOK_WORKERS", "yes"),
            ("CORE_API_WEBHOOK_ALLOW_NETS", "127.0.0.1/33"),
            ("CORE_API_WEBHOOK_ALLOW_HTTP", "on"),
            ("CORE_API_WEBHOOK_PROXY", "proxy:3128"),
            ("CORE_API_WEBHOOK_RETRY_DELAYS", "soon"),
            ("CORE_API_WEBHOOK_TIMEOUT", "30"),
            ("CORE_API_WEBHOOK_SENDS", "0"),
            ("CORE_API_WEBHOOK_SENDS_PER_ENDPOINT", "-1"),
            ("CORE_API_EVENT_RETENTION_DAYS", "0"),
            ("CORE_API_LISTNE", "127.0.0.1:8080"),
        ] {
            let fault = load(&[(name, value)]).unwrap_err();
            assert!(fault.contains(name), "{fault}");
        }
    }

    #[test]
    fn no_secret_is_described() {
        let config =
            load(&[("DATABASE_URL", "postgres://ada:hunter2@db/core"), ("CORE_API_SECRET_KEY", "c2VjcmV0")]).unwrap();
        let text = config.describe() + &format!("{:?}", config.secrets().err());
        assert!(!text.contains("hunter2") && !text.contains("c2VjcmV0"), "{text}");
    }

    #[test]
    fn every_setting_is_read() {
        let source = concat!(include_str!("mod.rs"), include_str!("jwt.rs"), include_str!("webhooks.rs"));
        assert!(SETTINGS.iter().all(|setting| source.contains(&format!("\"{}\"", setting.name))));
    }
}
