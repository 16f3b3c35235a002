//! The baseline of `cargo xtask bench webhooks`: a pooled client that posts to a receiver, and nothing else.
//!
//! Arguments: URL, concurrency, seconds. Prints the rate as JSON.

use std::time::{Duration, Instant};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the figures are its answer")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, concurrency, seconds] = arguments.as_slice() else { return Err("three arguments are needed".into()) };
    let client = reqwest::Client::builder().no_proxy().build()?;
    let span = Duration::from_secs(seconds.parse()?);
    let tasks: Vec<_> =
        (0..concurrency.parse()?).map(|_| tokio::spawn(post(client.clone(), url.clone(), span))).collect();
    let mut count = 0;
    for task in tasks {
        count += task.await??;
    }
    println!(r#"{{"per_second":{}}}"#, f64::from(count) / span.as_secs_f64());
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "measures time")]
async fn post(client: reqwest::Client, url: String, span: Duration) -> Result<u32, reqwest::Error> {
    const BODY: &str = r#"{"id":"evt_0123456789abcdefghijABCD","type":"bench.e1","data":{"title":"A post"}}"#;
    let end = Instant::now() + span;
    let mut count = 0;
    while Instant::now() < end {
        client.post(&url).header("content-type", "application/json").body(BODY).send().await?.bytes().await?;
        count += 1;
    }
    Ok(count)
}
