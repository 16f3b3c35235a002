use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::{PATIENCE, eventually};

/// A receiver of webhooks on loopback. It keeps what it is sent, and answers what it is told to.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    received: Vec<Received>,
    replies: HashMap<String, Reply>,
}

/// A request that came in.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    pub body: String,
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// This status, with these headers and this body.
    With(u16, Vec<(String, String)>, String),
    /// Nothing, for as long as the receiver lives.
    Never,
}

impl From<u16> for Reply {
    fn from(status: u16) -> Self {
        Self::With(status, Vec::new(), r#"{"received": true}"#.to_owned())
    }
}

impl Receiver {
    /// Listens from now on.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state, task }
    }

    /// Where it listens, at this path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers requests to this path so from now on; what is not told is answered 200.
    pub fn reply(&self, path: &str, reply: impl Into<Reply>) {
        self.state.lock().unwrap().replies.insert(path.to_owned(), reply.into());
    }

    /// What came in at this path, in order.
    pub fn received(&self, path: &str) -> Vec<Received> {
        self.state.lock().unwrap().received.iter().filter(|request| request.path == path).cloned().collect()
    }

    /// Waits until so many requests came in at this path.
    pub async fn wait_for(&self, path: &str, count: usize) -> Vec<Received> {
        let arrived = eventually(PATIENCE, async || self.received(path).len() >= count).await;
        let received = self.received(path);
        assert!(arrived, "{} of {count} requests came in at {path}", received.len());
        received
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Received {
    /// A header that must be there.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("there is no {name} in {self:?}"))
    }
}

/// Answers one request after another, until the sender hangs up.
async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let request = read(&mut stream).await?;
        let reply = {
            let mut state = state.lock().unwrap();
            let reply = state.replies.get(&request.path).cloned().unwrap_or_else(|| Reply::from(200));
            state.received.push(request);
            reply
        };
        match reply {
            Reply::Never => tokio::time::sleep(Duration::MAX).await,
            Reply::With(status, headers, body) => {
                let headers =
                    headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
                let length = body.len();
                let answer = format!("HTTP/1.1 {status} Told\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await.ok()?;
            }
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Received { path, headers, body: String::from_utf8(body).ok()? })
}
