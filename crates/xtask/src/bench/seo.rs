//! How long a large report of Lighthouse takes, from the first byte sent to the answer.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{load, mib};
use crate::process::root;
use crate::server::Setup;

const SPAN: Duration = Duration::from_secs(5);
const LARGE: usize = 2_000_000;

/// Two runs of a real page in turns, made larger by what tools add and the service passes over; then as they are.
pub(crate) fn run(setup: &Setup) -> Result<Value> {
    let caller = setup.bootstrap()?;
    let server = setup.start("warn")?;
    let folder = root().join("tests/data/lighthouse");
    let mut figures = serde_json::Map::new();
    for (name, least) in [("report_of_2_mb", LARGE), ("report_as_it_is", 0)] {
        let requests = ["page-v9-first.json", "page-v9-second.json"].map(|file| {
            let body = fs::read_to_string(folder.join(file)).with_context(|| format!("{file} can't be read"))?;
            Ok::<_, anyhow::Error>(post(&caller.key, &enlarged(&body, least)))
        });
        let [first, second] = requests;
        let requests = [first?, second?];
        let measured = load::run(setup.port, &|_, number| requests[number % 2].clone(), 1, SPAN)?;
        figures.insert(name.to_owned(), json!(measured));
    }
    figures.insert("resident_mib".to_owned(), json!(mib(server.resident_kib()?)?));
    server.stop()?;
    Ok(figures.into())
}

/// With a screenshot in front, so that the whole has at least so many bytes.
fn enlarged(body: &str, least: usize) -> String {
    let rest = body.trim_start().trim_start_matches('{');
    format!(r#"{{"fullPageScreenshot":{{"data":"{}"}},{rest}"#, "A".repeat(least.saturating_sub(body.len())))
}

fn post(key: &str, body: &str) -> String {
    format!(
        "POST /api/v1/seo/report HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
