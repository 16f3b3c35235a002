use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use mcp::{Instance, JsonObject, QuarantineAlarm, Quarantined, Registry, ToolAnswer, ToolServers as _, UpstreamError};
use mcp_client::{Gateway, Options};
use serde_json::{Value, json};
use testkit::{ManualClock, SeededEntropy};

/// A deadline that only a broken test meets.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// A gateway with servers of its own, whose processes carry a mark of this stage.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) alarms: Arc<Alarms>,
    pub(crate) folder: tempfile::TempDir,
    mark: String,
}

#[derive(Default)]
pub(crate) struct Alarms(Mutex<Vec<String>>);

impl QuarantineAlarm for Alarms {
    fn raise(&self, _: &Instance, tools: &[Quarantined]) {
        self.0.lock().unwrap().extend(tools.iter().map(|tool| format!("{} {}", tool.name, tool.reason)));
    }
}

impl Alarms {
    pub(crate) fn heard(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// The variable by which this file's processes are counted.
const MARK: &str = "HOSTILE_TEST";

pub(crate) fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile.py")
}

/// The interpreter itself: what is found on `PATH` may be a script that finds it.
pub(crate) fn python() -> &'static str {
    static PYTHON: OnceLock<String> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
        let output = asked.expect("these tests need python3: apt-get install -y python3");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    })
}

/// The configuration of a hostile server with these flags.
pub(crate) fn hostile(flags: &[&str]) -> Value {
    let mut args = vec![json!(script())];
    args.extend(flags.iter().map(|flag| json!(flag)));
    json!({ "command": python(), "args": args })
}

/// The same, with more fields.
pub(crate) fn with(mut server: Value, more: &Value) -> Value {
    let more = more.as_object().unwrap().clone();
    server.as_object_mut().unwrap().extend(more);
    server
}

impl Stage {
    pub(crate) fn new(servers: &Value) -> Self {
        Self::with_options(servers, Options::default())
    }

    pub(crate) fn with_options(servers: &Value, options: Options) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}-{number}", std::process::id());
        let clock = Arc::new(ManualClock::default());
        let alarms = Arc::new(Alarms::default());
        let stop_grace = Duration::from_millis(300).min(options.stop_grace);
        let options = Options { path: std::env::var_os("PATH").unwrap(), stop_grace, ..options };
        // Each stage its own: processes are recognised by what is drawn.
        let seed = (u64::from(std::process::id()) << 32) + u64::from(number);
        let entropy = Arc::new(SeededEntropy::new(seed));
        let registry = registry(servers, &mark);
        let gateway = Gateway::start(registry, options, clock.clone(), entropy, alarms.clone()).unwrap();
        Self { gateway, clock, alarms, folder: tempfile::tempdir().unwrap(), mark }
    }

    pub(crate) fn reload(&self, servers: &Value) {
        self.gateway.reload(registry(servers, &self.mark));
    }

    pub(crate) async fn call(&self, server: &str, tool: &str, arguments: Value) -> Result<ToolAnswer, UpstreamError> {
        self.call_within(server, tool, arguments, LONG).await
    }

    pub(crate) async fn call_within(
        &self,
        server: &str,
        tool: &str,
        arguments: Value,
        timeout: Duration,
    ) -> Result<ToolAnswer, UpstreamError> {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let arguments: JsonObject = arguments;
        // No answer is ever waited for longer than it says, with room for a busy machine.
        let instance = at(server);
        let call = self.gateway.call(&instance, tool, &arguments, timeout);
        tokio::time::timeout(timeout + LONG, call).await.expect("a call keeps its deadline")
    }

    pub(crate) async fn text(&self, server: &str, tool: &str) -> String {
        text(&self.call(server, tool, json!({})).await.unwrap())
    }

    pub(crate) async fn echoes(&self, server: &str) {
        let answer = self.call(server, "echo", json!({ "text": "hello" })).await.unwrap();
        assert_eq!(text(&answer), "hello");
    }

    /// The living processes of this stage's servers.
    pub(crate) fn processes(&self) -> Vec<u32> {
        marked(&self.mark)
    }

    /// Waits for something of another program, which gives nothing else to wait for.
    pub(crate) async fn until(&self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        for _ in 0..LONG.as_millis() / 20 {
            if done(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never: {what}");
    }

    /// Ends everything; nothing may be left.
    pub(crate) async fn end(self) {
        tokio::time::timeout(LONG, self.gateway.shutdown()).await.expect("a shutdown ends");
        assert_eq!(self.processes(), Vec::<u32>::new(), "processes are left");
    }
}

pub(crate) fn at(server: &str) -> Instance {
    Instance { server: server.try_into().unwrap(), tenant: None }
}

pub(crate) fn text(answer: &ToolAnswer) -> String {
    answer.blocks[0]["text"].as_str().unwrap().to_owned()
}

pub(crate) fn registry(servers: &Value, mark: &str) -> Registry {
    let mut servers = servers.clone();
    for server in servers.as_object_mut().unwrap().values_mut() {
        if server.get("command").is_some() {
            let env: BTreeMap<&str, &str> = [(MARK, mark)].into();
            let own = server.as_object_mut().unwrap().entry("env").or_insert_with(|| json!({}));
            own.as_object_mut().unwrap().extend(env.into_iter().map(|(name, value)| (name.to_owned(), json!(value))));
        }
    }
    Registry::parse(&json!({ "mcpServers": servers }).to_string(), &|_| None).unwrap()
}

pub(crate) fn marked(mark: &str) -> Vec<u32> {
    let wanted = format!("{MARK}={mark}");
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes()))
        })
        .collect()
}
