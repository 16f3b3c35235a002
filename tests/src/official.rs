use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::json;

use crate::Received;

/// The official library in Python, at this version and with these bytes.
const REQUIREMENT: &str =
    "standardwebhooks==1.1.0 --hash=sha256:9a88d48a1f198be61517fc7ad328cf58ba02b73f0fbd8941d4213e9c0b6c2a61\n";

const PROGRAM: &str = "
import json, sys
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
asked = json.load(sys.stdin)
try:
    Webhook(asked['secret']).verify(asked['body'], asked['headers'])
    print('genuine')
except WebhookVerificationError as fault:
    print('refused:', fault)
";

/// What the official library says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Genuine,
    Refused,
}

/// Has the official library of Standard Webhooks, in another language, verify what came in.
pub fn verify_officially(secret: &str, message: &Received) -> Verdict {
    let asked = json!({ "secret": secret, "body": message.body, "headers": message.headers });
    let mut python = Command::new("python3");
    python.args(["-c", PROGRAM]).env("PYTHONPATH", library()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().unwrap_or_else(|error| panic!("python3 can't be run: {error}"));
    child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    match String::from_utf8_lossy(&output.stdout).trim() {
        "genuine" => Verdict::Genuine,
        refused if refused.starts_with("refused:") => Verdict::Refused,
        other => panic!("the official library could not be asked: {other}"),
    }
}

/// Where the library is, installed once for all tests of a process.
fn library() -> &'static PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let folder = test.ancestors().nth(3).unwrap().join("tools/standardwebhooks-1.1.0");
        let requirements = folder.with_extension("txt");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(&requirements, REQUIREMENT).unwrap();
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", "--require-hashes"]);
        let installed = pip.arg("--target").arg(&folder).arg("-r").arg(&requirements).status();
        assert!(installed.is_ok_and(|status| status.success()), "on Debian: apt-get install -y python3-pip");
        folder
    })
}
