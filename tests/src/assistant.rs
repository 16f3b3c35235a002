use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::Server;

/// The library, and what it needs, at these versions.
const REQUIREMENTS: &str = include_str!("../assistant/requirements.txt");
const PROGRAM: &str = include_str!("../assistant/client.py");

/// An assistant that speaks the Model Context Protocol with its official library in another language.
#[derive(Debug, Clone)]
pub struct Assistant {
    url: String,
    headers: Vec<(String, String)>,
    era: Era,
}

/// How an assistant begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// With `initialize`: 2025-11-25.
    Handshake,
    /// With `server/discover`: 2026-07-28.
    Discovery,
}

impl Era {
    pub const BOTH: [Self; 2] = [Self::Handshake, Self::Discovery];

    /// The revision that is then spoken.
    pub fn revision(self) -> &'static str {
        match self {
            Self::Handshake => "2025-11-25",
            Self::Discovery => "2026-07-28",
        }
    }
}

impl Assistant {
    /// One without a credential.
    pub fn anonymous(server: &Server, era: Era) -> Self {
        Self { url: format!("{}/mcp", server.base_url()), headers: Vec::new(), era }
    }

    /// The same, with this key.
    #[must_use]
    pub fn with_key(self, key: &str) -> Self {
        self.with("Authorization", &format!("Bearer {key}"))
    }

    /// The same, with one more header in each request.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Connects, plays the steps, and tells what came of each: first of the connection itself.
    ///
    /// A step is `"list"`, or an object of `name` and `arguments`; a step that failed in the protocol tells `fault` and
    /// `code`.
    pub async fn play(&self, steps: impl Into<Value>) -> Vec<Value> {
        let mode = if self.era == Era::Handshake { "legacy" } else { "auto" };
        let headers: serde_json::Map<String, Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let asked = json!({ "url": self.url, "headers": headers, "mode": mode, "steps": steps.into() });
        tokio::task::spawn_blocking(move || run(&asked)).await.unwrap()
    }

    /// Calls one tool.
    pub async fn call(&self, name: &str, arguments: Value) -> Value {
        let mut told = self.play(json!([{ "name": name, "arguments": arguments }])).await;
        assert_eq!(told.len(), 2, "{told:?}");
        told.remove(1)
    }
}

fn run(asked: &Value) -> Vec<Value> {
    let mut python = Command::new("python3");
    python.args(["-c", PROGRAM]).env("PYTHONPATH", library()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().unwrap_or_else(|error| panic!("python3 can't be run: {error}"));
    child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.trim())
        .unwrap_or_else(|error| panic!("the assistant could not be played: {error}: {text}"))
}

/// Where the library is.
fn library() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(install)
}

/// Whichever process of tests comes first installs the library, aside, and moves it into its place.
fn install() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let tools = test.ancestors().nth(3).unwrap().join("tools");
    let version = REQUIREMENTS.lines().find_map(|line| line.strip_prefix("mcp==")).unwrap();
    let place = tools.join(format!("python-mcp-{version}"));
    if !place.is_dir() {
        let aside = tools.join(format!("python-mcp-{version}.{}", std::process::id()));
        fs::create_dir_all(&aside).unwrap();
        let requirements = aside.join("requirements.txt");
        fs::write(&requirements, REQUIREMENTS).unwrap();
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        let installed = pip.arg("--target").arg(&aside).arg("-r").arg(&requirements).status();
        assert!(installed.is_ok_and(|status| status.success()), "on Debian: apt-get install -y python3-pip");
        // Another may have been faster.
        if fs::rename(&aside, &place).is_err() {
            fs::remove_dir_all(&aside).unwrap();
        }
    }
    place
}
