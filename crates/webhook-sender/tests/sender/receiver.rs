//! An endpoint's owner's server, on the loopback.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// What it does with each request.
#[derive(Clone)]
pub(crate) enum Manner {
    /// Answers with these bytes and waits for the next request.
    Answer(Vec<u8>),
    /// Answers with these bytes and closes.
    AnswerAndClose(Vec<u8>),
    /// Answers with these bytes and resets the connection.
    AnswerAndReset(Vec<u8>),
    /// Answers the first request of a connection with these bytes, and closes at the second.
    AnswerOnce(Vec<u8>),
    /// Says nothing more after these bytes.
    Hold(Vec<u8>),
    /// Goes on with one byte a second after these bytes.
    Drip(Vec<u8>),
    /// Goes on with so many bytes after these, as fast as they are taken.
    Pour(Vec<u8>, usize),
    /// Sends these bytes as soon as it is connected to.
    Greet(Vec<u8>),
}

/// It ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    manner: Manner,
    connections: AtomicUsize,
    requests: Mutex<Vec<Vec<u8>>>,
    /// A permit for each request that is complete, or connection when it greets.
    received: Semaphore,
    poured: AtomicUsize,
}

impl Receiver {
    pub(crate) async fn start(manner: Manner) -> Self {
        Self::serve(manner, None).await
    }

    pub(crate) async fn start_tls(manner: Manner, tls: TlsAcceptor) -> Self {
        Self::serve(manner, Some(tls)).await
    }

    /// Answers each request with this status, these header lines and this body.
    pub(crate) async fn answering(status: &str, headers: &str, body: &str) -> Self {
        Self::start(Manner::Answer(answer(status, headers, body))).await
    }

    async fn serve(manner: Manner, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            manner,
            connections: AtomicUsize::new(0),
            requests: Mutex::default(),
            received: Semaphore::new(0),
            poured: AtomicUsize::new(0),
        });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(welcome(stream, tls.clone(), serving.clone()));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook?a=b", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The requests that came, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        let requests = self.shared.requests.lock().unwrap();
        requests.iter().map(|bytes| String::from_utf8(bytes.clone()).unwrap()).collect()
    }

    /// Waits for one more request.
    pub(crate) async fn received(&self) {
        self.shared.received.acquire().await.unwrap().forget();
    }

    pub(crate) fn poured(&self) -> usize {
        self.shared.poured.load(Ordering::SeqCst)
    }
}

pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

async fn welcome(stream: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    if matches!(shared.manner, Manner::AnswerAndReset(_)) {
        stream.set_zero_linger().unwrap();
    }
    match tls {
        None => converse(stream, &shared).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                converse(stream, &shared).await;
            }
        }
    }
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) {
    if let Manner::Greet(bytes) = &shared.manner {
        let _ = stream.write_all(bytes).await;
        shared.received.add_permits(1);
        let _ = stream.read_to_end(&mut Vec::new()).await;
        return;
    }
    for number in 0.. {
        let Some(request) = read_request(&mut stream).await else { return };
        shared.requests.lock().unwrap().push(request);
        // The client may have hung up: whatever it is told then is lost, as it should be.
        match &shared.manner {
            Manner::AnswerOnce(_) if number > 0 => return,
            Manner::Answer(bytes) | Manner::AnswerOnce(bytes) | Manner::Hold(bytes) => {
                let _ = stream.write_all(bytes).await;
                shared.received.add_permits(1);
            }
            Manner::AnswerAndClose(bytes) | Manner::AnswerAndReset(bytes) => {
                let _ = stream.write_all(bytes).await;
                return;
            }
            Manner::Drip(bytes) => {
                let _ = stream.write_all(bytes).await;
                shared.received.add_permits(1);
                loop {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    if stream.write_all(b".").await.is_err() {
                        return;
                    }
                }
            }
            Manner::Pour(bytes, more) => {
                let _ = stream.write_all(bytes).await;
                while shared.poured.load(Ordering::SeqCst) < *more {
                    match stream.write(&[b'x'; 16_384]).await {
                        Ok(written) => shared.poured.fetch_add(written, Ordering::SeqCst),
                        Err(_) => return,
                    };
                }
            }
            Manner::Greet(_) => return,
        }
    }
}

pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(head)
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut request = read_head(stream).await?;
    let head = String::from_utf8(request.clone()).unwrap();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    request.extend_from_slice(&body);
    Some(request)
}
