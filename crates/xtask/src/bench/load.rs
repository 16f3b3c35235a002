//! A closed-loop HTTP load: each connection sends its next request when the last is answered.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What one measurement found.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// What each connection sends: the number of the connection, then that of its request.
pub(crate) type Requests<'a> = &'a dyn Fn(usize, usize) -> String;

/// `GET {path}`, each connection under a key of its own: one key has a rate limit.
pub(crate) fn get<'a>(path: &'a str, keys: &'a [String]) -> impl Fn(usize, usize) -> String + use<'a> {
    move |connection, _| {
        let key = &keys[connection % keys.len()];
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n")
    }
}

/// Loads the server for `span` over so many connections. Every answer must be a success.
pub(crate) fn run(port: u16, requests: Requests<'_>, connections: usize, span: Duration) -> Result<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let latencies = runtime.block_on(async {
        let clients = (0..connections).map(|connection| client(port, move |number| requests(connection, number), span));
        futures_util::future::try_join_all(clients).await
    })?;
    figures(latencies.concat(), span)
}

/// `POST {path}` with a JSON body.
pub(crate) fn post(path: &str, key: &str, workspace: i64, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nX-Workspace-ID: {workspace}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends one request; its answer, which must be a success, is returned without its head.
pub(crate) fn once(port: u16, request: &str) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut buffer = vec![0; 16 * 1024];
        let whole = answer(&mut stream, &mut buffer).await?;
        let text = std::str::from_utf8(&buffer[..whole])?;
        Ok(text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    })
}

/// Sends so many requests a second for `span`, whenever the answers come. Every answer must be a success.
pub(crate) fn paced(port: u16, request: &dyn Fn(usize) -> String, per_second: u32, span: Duration) -> Result<()> {
    const CONNECTIONS: u32 = 8;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let clients = (0..CONNECTIONS).map(async |connection| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
            stream.set_nodelay(true)?;
            let (mut buffer, number) = (vec![0; 16 * 1024], usize::try_from(connection)?);
            tokio::time::sleep(Duration::from_secs(1) / per_second * connection).await;
            let mut pace = tokio::time::interval(Duration::from_secs(1) * CONNECTIONS / per_second);
            for _ in 0..span.as_millis() * u128::from(per_second) / 1_000 / u128::from(CONNECTIONS) {
                pace.tick().await;
                stream.write_all(request(number).as_bytes()).await?;
                answer(&mut stream, &mut buffer).await?;
            }
            anyhow::Ok(())
        });
        futures_util::future::try_join_all(clients).await.map(drop)
    })
}

pub(crate) fn figures(mut latencies: Vec<Duration>, span: Duration) -> Result<Figures> {
    ensure!(!latencies.is_empty(), "nothing was answered");
    latencies.sort_unstable();
    let at = |share: usize| latencies[(latencies.len() - 1) * share / 100].as_secs_f64() * 1_000.0;
    Ok(Figures {
        per_second: f64::from(u32::try_from(latencies.len())?) / span.as_secs_f64(),
        p50_ms: at(50),
        p99_ms: at(99),
    })
}

#[expect(clippy::disallowed_methods, reason = "measures time")]
async fn client(port: u16, request: impl Fn(usize) -> String, span: Duration) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let mut latencies = Vec::with_capacity(100_000);
    let mut buffer = vec![0; 16 * 1024];
    let end = Instant::now() + span;
    for number in 0.. {
        let sent = Instant::now();
        if sent >= end {
            break;
        }
        stream.write_all(request(number).as_bytes()).await?;
        answer(&mut stream, &mut buffer).await?;
        latencies.push(sent.elapsed());
    }
    Ok(latencies)
}

/// Sends one request; its answer may be any.
pub(crate) async fn exchange<'a>(stream: &mut TcpStream, request: &str, buffer: &'a mut [u8]) -> Result<Answer<'a>> {
    stream.write_all(request.as_bytes()).await?;
    let whole = read(stream, buffer).await?;
    let text = std::str::from_utf8(&buffer[..whole])?;
    Ok(Answer { head: text.split_once("\r\n\r\n").map_or(text, |(head, _)| head) })
}

/// An answer's head.
pub(crate) struct Answer<'a> {
    head: &'a str,
}

impl Answer<'_> {
    pub(crate) fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.header(name).is_some()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Reads one answer, which must be a success; its length.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<usize> {
    let whole = read(stream, buffer).await?;
    ensure!(buffer.starts_with(b"HTTP/1.1 2"), "no success: {}", String::from_utf8_lossy(&buffer[..whole]));
    Ok(whole)
}

/// Reads one answer with a `Content-Length`; its length.
async fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<usize> {
    let mut have = 0;
    let mut whole = None;
    loop {
        let read = stream.read(&mut buffer[have..]).await?;
        ensure!(read > 0, "the server hung up");
        have += read;
        if whole.is_none() {
            whole = length(&buffer[..have])?;
        }
        if let Some(whole) = whole.filter(|whole| have >= *whole) {
            return Ok(whole);
        }
    }
}

/// The whole answer's length, once its head is there.
fn length(got: &[u8]) -> Result<Option<usize>> {
    let Some(end) = got.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = Answer { head: std::str::from_utf8(&got[..end])? };
    let body: usize = head.header("content-length").context("no Content-Length")?.parse()?;
    Ok(Some(end + 4 + body))
}
