use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use core_domain::{Tier, WireWord, WorkspaceId};
use serde_json::Value;
use url::Url;

use super::expand::expand;
use super::{Http, Isolation, PinPolicy, ProtocolHint, Secret, ServerConfig, Stdio, Transport, unique};
use crate::{Digest, JsonObject, ServerId};

/// Why a configuration can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct ConfigError {
    /// Where the fault lies, such as `mcpServers.files.timeout_seconds`.
    pub field: String,
    /// What it is. It never repeats a value.
    pub reason: String,
}

type Read<T> = Result<T, ConfigError>;

fn fault<T>(field: &str, reason: impl Into<String>) -> Read<T> {
    Err(ConfigError { field: field.to_owned(), reason: reason.into() })
}

pub(super) fn servers(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Read<Vec<ServerConfig>> {
    let whole = match unique::read(text) {
        Ok((_, Some(place))) => return fault(&place, "is there twice"),
        Ok((whole, None)) => whole,
        Err(error) => {
            let place = format!("line {} column {}", error.line(), error.column());
            return fault(&place, format!("is not JSON: {}", kind(&error)));
        }
    };
    let Value::Object(mut top) = whole else { return fault("the file", "must hold an object") };
    top.shift_remove("$schema");
    let servers = match top.shift_remove("mcpServers") {
        Some(Value::Object(servers)) => servers,
        Some(_) => return fault("mcpServers", "must be an object"),
        None => return fault("mcpServers", "is missing"),
    };
    if let Some(unknown) = top.keys().next() {
        return fault(unknown, "is not known; the file holds mcpServers alone");
    }
    servers.into_iter().map(|(id, value)| server(&id, value, env)).collect()
}

/// What kind of fault it is, without the text that it lies in.
fn kind(error: &serde_json::Error) -> &'static str {
    if error.is_eof() { "it ends too early" } else { "a syntax error" }
}

fn server(id: &str, value: Value, env: &dyn Fn(&str) -> Option<String>) -> Read<ServerConfig> {
    let place = format!("mcpServers.{id}");
    let Ok(known_id) = ServerId::try_from(id) else {
        return fault(&place, "is no server id: 1 to 64 of A-Z a-z 0-9 _ -, the first a letter or digit");
    };
    let Value::Object(fields) = value else { return fault(&place, "must be an object") };
    let mut table = Table { place, fields, env };
    let transport = transport(&mut table)?;
    let config = ServerConfig {
        id: known_id,
        name: table.text("name", 255)?.unwrap_or_else(|| id.to_owned()),
        description: table.text("description", 2000)?.unwrap_or_default(),
        transport,
        disabled: table.flag("disabled")?.unwrap_or(false),
        workspaces: table.workspaces()?,
        tiers: table.words_of::<Tier>("tiers")?,
        tools: table.texts("tools")?.map(|tools| tools.into_iter().collect()),
        resources: table.flag("resources")?.unwrap_or(true),
        isolation: table.word("isolation")?.unwrap_or(Isolation::Shared),
        pin: table.pin()?,
        protocol: table.word("protocol")?.unwrap_or(ProtocolHint::Auto),
        timeout: Duration::from_secs(table.number("timeout_seconds", 1, 600)?.unwrap_or(30)),
        start_timeout: Duration::from_secs(table.number("start_timeout_seconds", 1, 600)?.unwrap_or(30)),
        idle: Some(table.number("idle_seconds", 0, 604_800)?.unwrap_or(0)).filter(|n| *n > 0).map(Duration::from_secs),
        concurrency: table.count("concurrency", 1, 1024)?.unwrap_or(32),
        queue: table.count("queue", 0, 10_000)?.unwrap_or(4_096),
        max_result_bytes: table.count("max_result_bytes", 1024, 64 << 20)?.unwrap_or(4 << 20),
    };
    table.finish()?;
    Ok(config)
}

fn transport(table: &mut Table<'_>) -> Read<Transport> {
    let kind = table.text("type", 64)?;
    let (command, url) = (table.expanded("command")?, table.expanded("url")?);
    match (kind.as_deref(), command, url) {
        (None | Some("stdio"), Some(command), None) => stdio(table, command).map(Transport::Stdio),
        (None | Some("http" | "streamable-http" | "streamableHttp"), None, Some(url)) => {
            http(table, &url).map(Transport::Http)
        }
        (Some("sse"), ..) => fault(&table.at("type"), "names a transport that is not spoken: use http"),
        (None, Some(_), Some(_)) => fault(&table.place, "has both command and url"),
        (None, None, None) => fault(&table.place, "needs command or url"),
        (Some("stdio"), ..) => fault(&table.place, "is of type stdio: it needs command, and no url"),
        (Some("http" | "streamable-http" | "streamableHttp"), ..) => {
            fault(&table.place, "is of type http: it needs url, and no command")
        }
        _ => fault(&table.at("type"), "must be one of: stdio, http"),
    }
}

fn stdio(table: &mut Table<'_>, command: String) -> Read<Stdio> {
    if command.is_empty() || (command.contains('/') && !command.starts_with('/')) {
        return fault(&table.at("command"), "must be an absolute path, or the name of a program without a path");
    }
    let cwd = table.expanded("cwd")?.map(PathBuf::from);
    if cwd.as_ref().is_some_and(|path| !path.is_absolute()) {
        return fault(&table.at("cwd"), "must be an absolute path");
    }
    let env = table.secrets("env")?;
    if let Some(name) = env.keys().find(|name| name.is_empty() || name.contains(['=', '\0'])) {
        return fault(&table.at("env"), format!("has {name:?}, which is not the name of a variable"));
    }
    Ok(Stdio {
        command,
        args: table.args()?,
        env,
        cwd,
        user: table.text("user", 64)?.filter(|user| !user.is_empty()),
        memory_limit_mib: table.number("memory_limit_mib", 16, 1 << 20)?.and_then(|mib| u32::try_from(mib).ok()),
    })
}

/// Headers that the protocol or the connection sets.
const OWN_HEADERS: &[&str] = &[
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "transfer-encoding",
];

fn http(table: &mut Table<'_>, url: &str) -> Read<Http> {
    let field = table.at("url");
    let Ok(parsed) = Url::parse(url) else { return fault(&field, "is not a URL") };
    if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
        return fault(&field, "must be an http or https URL");
    }
    if !parsed.username().is_empty() || parsed.password().is_some() || parsed.fragment().is_some() {
        return fault(&field, "must have neither user nor fragment; credentials belong into headers");
    }
    let field = table.at("headers");
    let mut headers = BTreeMap::new();
    for (name, value) in table.secrets("headers")? {
        let lower = name.to_ascii_lowercase();
        let is_token =
            !lower.is_empty() && lower.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
        if !is_token || OWN_HEADERS.contains(&lower.as_str()) {
            return fault(&format!("{field}.{name}"), "is no header that can be set here");
        }
        if !value.expose().bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)) {
            return fault(&format!("{field}.{name}"), "must hold visible ASCII alone");
        }
        if headers.insert(lower, value).is_some() {
            return fault(&format!("{field}.{name}"), "is set twice");
        }
    }
    Ok(Http { url: Secret::from(parsed.to_string()), headers })
}

/// The fields of one server; each is taken out when it is read, and what stays is not known.
struct Table<'e> {
    place: String,
    fields: JsonObject,
    env: &'e dyn Fn(&str) -> Option<String>,
}

impl Table<'_> {
    fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.place)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.shift_remove(name).filter(|value| !value.is_null())
    }

    fn finish(self) -> Read<()> {
        match self.fields.keys().next() {
            Some(name) => fault(&self.at(name), "is not known"),
            None => Ok(()),
        }
    }

    fn flag(&mut self, name: &str) -> Read<Option<bool>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => fault(&self.at(name), "must be true or false"),
        }
    }

    fn text(&mut self, name: &str, max_chars: usize) -> Read<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.chars().count() <= max_chars => Ok(Some(text)),
            Some(_) => fault(&self.at(name), format!("must be a text of at most {max_chars} characters")),
        }
    }

    fn expand(&self, field: &str, text: &str) -> Read<String> {
        let expanded = expand(text, self.env).or_else(|reason| fault(field, reason))?;
        if expanded.contains('\0') { fault(field, "holds a NUL") } else { Ok(expanded) }
    }

    fn expanded(&mut self, name: &str) -> Read<Option<String>> {
        let field = self.at(name);
        self.text(name, 8192)?.map(|text| self.expand(&field, &text)).transpose()
    }

    fn number(&mut self, name: &str, min: u64, max: u64) -> Read<Option<u64>> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match value.as_u64().filter(|number| (min..=max).contains(number)) {
                Some(number) => Ok(Some(number)),
                None => fault(&self.at(name), format!("must be a whole number from {min} to {max}")),
            },
        }
    }

    fn count(&mut self, name: &str, min: u64, max: u64) -> Read<Option<usize>> {
        Ok(self.number(name, min, max)?.map(|number| usize::try_from(number).unwrap_or(usize::MAX)))
    }

    fn texts(&mut self, name: &str) -> Read<Option<Vec<String>>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let list = match value {
            Value::Array(items) => items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        match list {
            Some(texts) => Ok(Some(texts)),
            None => fault(&self.at(name), "must be a list of texts"),
        }
    }

    fn word<T: WireWord>(&mut self, name: &str) -> Read<Option<T>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match value.as_str().and_then(T::from_word) {
            Some(word) => Ok(Some(word)),
            None => fault(&self.at(name), format!("must be one of: {}", words::<T>())),
        }
    }

    fn words_of<T: WireWord + Ord>(&mut self, name: &str) -> Read<Option<BTreeSet<T>>> {
        let Some(texts) = self.texts(name)? else { return Ok(None) };
        match texts.iter().map(|text| T::from_word(text)).collect() {
            Some(values) => Ok(Some(values)),
            None => fault(&self.at(name), format!("must be a list of: {}", words::<T>())),
        }
    }

    fn workspaces(&mut self) -> Read<Option<BTreeSet<WorkspaceId>>> {
        let Some(value) = self.take("workspaces") else { return Ok(None) };
        let ids = value.as_array().and_then(|items| {
            items.iter().map(|item| WorkspaceId::try_from(item.as_i64()?).ok()).collect::<Option<BTreeSet<_>>>()
        });
        match ids {
            Some(ids) => Ok(Some(ids)),
            None => fault(&self.at("workspaces"), "must be a list of workspace ids"),
        }
    }

    fn args(&mut self) -> Read<Vec<Secret>> {
        let texts = self.texts("args")?.unwrap_or_default();
        let numbered = texts.iter().enumerate();
        numbered.map(|(place, text)| Ok(self.expand(&self.at(&format!("args.{place}")), text)?.into())).collect()
    }

    fn secrets(&mut self, name: &str) -> Read<BTreeMap<String, Secret>> {
        let fields = match self.take(name) {
            None => return Ok(BTreeMap::new()),
            Some(Value::Object(fields)) => fields,
            Some(_) => return fault(&self.at(name), "must be an object of texts"),
        };
        let mut secrets = BTreeMap::new();
        for (key, value) in fields {
            let field = format!("{}.{key}", self.at(name));
            let Value::String(text) = value else { return fault(&field, "must be a text") };
            secrets.insert(key, self.expand(&field, &text)?.into());
        }
        Ok(secrets)
    }

    fn pin(&mut self) -> Read<PinPolicy> {
        match self.take("pin") {
            None | Some(Value::Bool(false)) => Ok(PinPolicy::Off),
            Some(Value::Bool(true)) => Ok(PinPolicy::FirstSeen),
            Some(Value::Object(fields)) => {
                let digest = |value: &Value| Digest::try_from(value.as_str()?).ok();
                let approved = fields.iter().map(|(tool, value)| Some((tool.clone(), digest(value)?))).collect();
                match approved {
                    Some(approved) => Ok(PinPolicy::Approved(approved)),
                    None => fault(&self.at("pin"), "must hold sha256:... for each tool"),
                }
            }
            Some(_) => fault(&self.at("pin"), "must be true, false, or an object of digests"),
        }
    }
}

fn words<T: WireWord>() -> String {
    T::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(", ")
}
