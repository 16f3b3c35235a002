//! An issuer's HTTP server, on the loopback.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use jwt_verifier::KeySource;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::stage::jwks;

/// It ends with the test's runtime.
pub(crate) struct JwksServer {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    /// The whole answer, head included.
    answer: Mutex<Vec<u8>>,
    fetches: AtomicUsize,
    /// Closed while answers are held back.
    gate: Semaphore,
}

impl JwksServer {
    pub(crate) async fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/jwks", listener.local_addr().unwrap());
        let shared =
            Arc::new(Shared { answer: Mutex::default(), fetches: AtomicUsize::new(0), gate: Semaphore::new(1) });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, serving.clone()));
            }
        });
        let server = Self { address, shared };
        server.publish(keys);
        server
    }

    pub(crate) fn source(&self) -> KeySource {
        KeySource::JwksUrl(self.address.parse().unwrap())
    }

    /// Answers with these keys from now on.
    pub(crate) fn publish(&self, keys: &[Value]) {
        self.answer("200 OK", "", &jwks(keys));
    }

    pub(crate) fn answer(&self, status: &str, headers: &str, body: &str) {
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
        *self.shared.answer.lock().unwrap() = format!("{head}{body}").into_bytes();
    }

    /// Lets requests come in and leaves them without an answer.
    pub(crate) async fn hold(&self) {
        self.shared.gate.acquire().await.unwrap().forget();
    }

    pub(crate) fn release(&self) {
        self.shared.gate.add_permits(1);
    }

    pub(crate) fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    /// Waits until there were so many requests.
    pub(crate) async fn fetched(&self, times: usize) {
        while self.fetches() < times {
            tokio::task::yield_now().await;
        }
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    shared.fetches.fetch_add(1, Ordering::SeqCst);
    let answer = shared.answer.lock().unwrap().clone();
    let _open = shared.gate.acquire().await.unwrap();
    // The client may have hung up, as it does on an answer that is too long.
    let _ = stream.write_all(&answer).await;
}
