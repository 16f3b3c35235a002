use std::env;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A configuration of MCP servers, and a folder for what they work on.
#[derive(Debug)]
pub struct McpServers {
    folder: TempDir,
}

impl McpServers {
    /// With these servers; in them `$FOLDER` stands for the folder.
    pub fn new(servers: &Value) -> Self {
        let made = Self { folder: TempDir::new().unwrap() };
        fs::create_dir(made.folder()).unwrap();
        made.write(servers);
        made
    }

    /// Replaces the configuration.
    pub fn write(&self, servers: &Value) {
        let text = json!({ "mcpServers": servers }).to_string().replace("$FOLDER", self.folder().to_str().unwrap());
        let next = self.folder.path().join("next.json");
        fs::write(&next, text).unwrap();
        fs::rename(next, self.folder.path().join("mcp.json")).unwrap();
    }

    /// The file, for `CORE_API_MCP_CONFIG`.
    pub fn config(&self) -> String {
        self.folder.path().join("mcp.json").to_str().unwrap().to_owned()
    }

    /// What the servers work on.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("files")
    }

    /// The official server of this name that runs on Node.js.
    pub fn node(name: &str, arguments: &[&str]) -> Value {
        let package = format!("@modelcontextprotocol/server-{name}/dist/index.js");
        let program = installed("CORE_API_TEST_MCP_NODE_MODULES").join(package).to_str().unwrap().to_owned();
        let args: Vec<&str> = std::iter::once(program.as_str()).chain(arguments.iter().copied()).collect();
        json!({ "command": on_path("node"), "args": args })
    }

    /// The official server of files, for the folder.
    pub fn files() -> Value {
        Self::node("filesystem", &["$FOLDER"])
    }

    /// The official server of time, which runs on Python.
    pub fn time() -> Value {
        json!({ "command": installed("CORE_API_TEST_MCP_PYTHON").join("mcp-server-time"), "args": ["--local-timezone", "UTC"] })
    }
}

fn installed(variable: &str) -> PathBuf {
    let Some(folder) = env::var_os(variable) else {
        panic!(
            "these tests need MCP servers: run `cargo xtask test`, which installs them, or name their folder \
             in {variable}"
        )
    };
    folder.into()
}

fn on_path(program: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{program} is not installed (on Debian: apt-get install -y nodejs)"))
}
