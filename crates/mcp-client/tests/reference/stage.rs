use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mcp::{
    Catalogue, Instance, QuarantineAlarm, Quarantined, Registry, ResourceContents, ToolAnswer, ToolServers as _,
    UpstreamError,
};
use mcp_client::{Gateway, Options};
use serde_json::{Value, json};
use testkit::{ManualClock, SeededEntropy};

/// Each stage has a seed of its own: processes are recognised by what is drawn.
static NEXT: AtomicU32 = AtomicU32::new(0);
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// A gateway with one server, `s`.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
}

struct Silent;

impl QuarantineAlarm for Silent {
    fn raise(&self, _: &Instance, _: &[Quarantined]) {}
}

impl Stage {
    pub(crate) fn new(server: &Value) -> Self {
        let text = json!({ "mcpServers": { "s": server } }).to_string();
        let registry = Registry::parse(&text, &|_| None).unwrap();
        let options = Options { path: env::var_os("PATH").unwrap(), ..Options::default() };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let seed = (u64::from(std::process::id()) << 32) + u64::from(number);
        let (clock, entropy) = (Arc::new(ManualClock::default()), Arc::new(SeededEntropy::new(seed)));
        Self { gateway: Gateway::start(registry, options, clock, entropy, Arc::new(Silent)).unwrap() }
    }

    pub(crate) async fn catalogue(&self) -> Arc<Catalogue> {
        self.gateway.catalogue(&at(), LONG).await.unwrap()
    }

    pub(crate) async fn try_call(&self, tool: &str, arguments: Value) -> Result<ToolAnswer, UpstreamError> {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        self.gateway.call(&at(), tool, &arguments, LONG).await
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> ToolAnswer {
        self.try_call(tool, arguments).await.unwrap()
    }

    pub(crate) async fn read(&self, uri: &str) -> Result<Vec<ResourceContents>, UpstreamError> {
        self.gateway.read(&at(), uri, LONG).await
    }

    pub(crate) async fn end(self) {
        let process = self.gateway.process_id(&at());
        self.gateway.shutdown().await;
        if let Some(process) = process {
            assert!(!std::path::Path::new(&format!("/proc/{process}")).exists());
        }
    }
}

pub(crate) fn at() -> Instance {
    Instance { server: "s".try_into().unwrap(), tenant: None }
}

/// A Node server's script.
pub(crate) fn node_script(package: &str) -> PathBuf {
    installed("CORE_API_TEST_MCP_NODE_MODULES").join("@modelcontextprotocol").join(package).join("dist/index.js")
}

pub(crate) fn node(package: &str, args: &[&str]) -> Value {
    let mut words = vec![json!(node_script(package))];
    words.extend(args.iter().map(|arg| json!(arg)));
    json!({ "command": "node", "args": words })
}

pub(crate) fn python(program: &str) -> Value {
    json!({ "command": installed("CORE_API_TEST_MCP_PYTHON").join(program) })
}

fn installed(variable: &str) -> PathBuf {
    let Some(folder) = env::var_os(variable) else {
        panic!("these tests need MCP servers: run `cargo xtask test`, which installs them and names them in {variable}")
    };
    PathBuf::from(folder)
}

pub(crate) fn names(catalogue: &Catalogue) -> Vec<&str> {
    catalogue.tools.iter().map(|tool| tool.definition.name.as_str()).collect()
}

pub(crate) fn text(answer: &ToolAnswer) -> &str {
    answer.blocks[0]["text"].as_str().unwrap()
}
