//! A receiver of webhooks that costs as little as it can, so that what is measured is the sender.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use testkit::servers::free_port;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// How a path answers: `/ok/...` at once, `/silent/...` never, `/drip/...` a byte a second.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// What was received: for each `webhook-id` how often, and how long after it was published.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) times: HashMap<String, u32>,
    pub(crate) delays: Vec<Duration>,
}

/// The running receiver. Dropping it ends it.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    epoch: Instant,
    received: Arc<Mutex<Received>>,
    stop: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Receiver {
    #[expect(clippy::disallowed_methods, reason = "measures time")]
    pub(crate) fn start() -> Result<Self> {
        let port = free_port()?;
        let received = Arc::<Mutex<Received>>::default();
        let (stop, epoch) = (CancellationToken::new(), Instant::now());
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).context("the receiver can't listen")?;
        listener.set_nonblocking(true)?;
        let inbox = Inbox { epoch, received: Arc::clone(&received) };
        let until = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                // Fails only for a listener that is none.
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                until.run_until_cancelled(serve(listener, inbox)).await;
            });
        });
        Ok(Self { port, epoch, received, stop, thread: Some(thread) })
    }

    /// The moment, as events are to carry it: microseconds since the receiver began.
    #[expect(clippy::disallowed_methods, reason = "measures time")]
    pub(crate) fn now(&self) -> u128 {
        self.epoch.elapsed().as_micros()
    }

    /// What was received since the last call.
    pub(crate) fn take(&self) -> Received {
        std::mem::take(&mut *self.received.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether all of these events were received.
    pub(crate) fn has_all(&self, events: &HashSet<String>) -> bool {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().all(|event| received.times.contains_key(event))
    }

    /// How many different events were received since the last [`take`](Self::take).
    pub(crate) fn distinct(&self) -> usize {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).times.len()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A receiver that panicked has been told of.
            let _ = thread.join();
        }
    }
}

#[derive(Clone)]
struct Inbox {
    epoch: Instant,
    received: Arc<Mutex<Received>>,
}

async fn serve(listener: TcpListener, inbox: Inbox) {
    while let Ok((stream, _)) = listener.accept().await {
        let inbox = inbox.clone();
        tokio::spawn(async move {
            // A sender that hangs up has been killed.
            let _ = converse(stream, &inbox).await;
        });
    }
}

async fn converse(mut stream: TcpStream, inbox: &Inbox) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(4096);
    loop {
        let whole = loop {
            if let Some(whole) = request_length(&buffer) {
                break whole;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        while buffer.len() < whole {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        match buffer.get(5..13) {
            Some(b"/silent/") => return std::future::pending().await,
            Some([b'/', b'd', b'r', b'i', b'p', ..]) => return drip(&mut stream).await,
            _ => {}
        }
        inbox.note(&buffer[..whole]);
        stream.write_all(ANSWER).await?;
        buffer.drain(..whole);
    }
}

/// A byte a second, for longer than any sender waits.
async fn drip(stream: &mut TcpStream) -> Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await?;
    for _ in 0..1_000 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stream.write_all(b".").await?;
    }
    Ok(())
}

/// The length of the request that `got` begins with, once its head is there.
fn request_length(got: &[u8]) -> Option<usize> {
    let head = got.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    Some(head + header(&got[..head], b"content-length: ").and_then(|text| text.parse().ok()).unwrap_or(0))
}

fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let start = head.windows(name.len()).position(|window| window.eq_ignore_ascii_case(name))? + name.len();
    let end = start + head[start..].iter().position(|byte| *byte == b'\r')?;
    std::str::from_utf8(&head[start..end]).ok()
}

impl Inbox {
    #[expect(clippy::disallowed_methods, reason = "measures time")]
    fn note(&self, request: &[u8]) {
        let at = number_after(request, b"\"at\":").map(Duration::from_micros);
        let id = header(request, b"webhook-id: ").unwrap_or_default();
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = at {
            received.delays.push(self.epoch.elapsed().saturating_sub(at));
        }
        if !id.is_empty() {
            *received.times.entry(id.to_owned()).or_default() += 1;
        }
    }
}

fn number_after(text: &[u8], name: &[u8]) -> Option<u64> {
    let start = text.windows(name.len()).position(|window| window == name)? + name.len();
    let digits: Vec<u8> = text[start..].iter().copied().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}
