//! What a send costs: CPU of the sending thread alone, beside a bare loop of the same client.
//!
//! `cargo run --release -p webhook-sender --example cost [sends] [at once]`

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Request};
use testkit::ManualClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;
use webhook_sender::{ReqwestSender, SenderOptions};
use webhooks::{AddressPolicy, SignedRequest, WebhookSender};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let sends = arguments.next().transpose()?.unwrap_or(50_000);
    let at_once = arguments.next().transpose()?.unwrap_or(16);

    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}/hook", listener.local_addr()?);
    std::thread::spawn(move || runtime()?.block_on(receive(listener)));

    let options =
        SenderOptions { allow_http: true, ..SenderOptions::new(AddressPolicy::new(vec!["127.0.0.0/8".parse()?])) };
    let sender = Arc::new(ReqwestSender::new(options, Arc::new(ManualClock::default()))?);
    let signed = Arc::new(signed(&url)?);
    let bare = Client::builder().no_proxy().http1_only().build()?;
    let (target, headers) = (Url::parse(&url)?, headers(&signed)?);
    let body = Bytes::from(signed.body.clone());

    let runtime = runtime()?;
    let mut out = std::io::stdout();
    for _ in 0..5 {
        let ours = runtime.block_on(measure(sends, at_once, || {
            let (sender, signed) = (sender.clone(), signed.clone());
            async move { sender.send(&signed).await.is_success() }
        }))?;
        let theirs = runtime.block_on(measure(sends, at_once, || {
            let mut request = Request::new(Method::POST, target.clone());
            *request.headers_mut() = headers.clone();
            *request.body_mut() = Some(body.clone().into());
            let sending = bare.execute(request);
            async move {
                match sending.await {
                    Ok(response) => response.status().is_success() && response.bytes().await.is_ok(),
                    Err(_) => false,
                }
            }
        }))?;
        writeln!(out, "sender {ours:.1} us, bare client {theirs:.1} us of CPU a send; ratio {:.2}", ours / theirs)?;
    }
    Ok(())
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Microseconds of this thread's CPU for each send.
async fn measure<S, F>(sends: usize, at_once: usize, send: S) -> Result<f64, Failure>
where
    S: Fn() -> F + Clone,
    F: Future<Output = bool>,
{
    let before = cpu_nanos()?;
    let each = sends / at_once;
    let lane = || {
        let send = send.clone();
        async move {
            let mut is_good = true;
            for _ in 0..each {
                is_good &= send().await;
            }
            is_good
        }
    };
    let lanes: Vec<_> = (0..at_once).map(|_| Box::pin(lane())).collect();
    if !all(lanes).await {
        return Err("a send failed".into());
    }
    let nanos = u32::try_from((cpu_nanos()? - before) / u64::try_from(each * at_once)?)?;
    Ok(f64::from(nanos) / 1_000.0)
}

/// Whether all of these become true; all are polled whenever one can go on, which costs both loops the same.
async fn all<F: Future<Output = bool> + Unpin>(mut lanes: Vec<F>) -> bool {
    let mut is_good = true;
    std::future::poll_fn(move |context| {
        lanes.retain_mut(|lane| match std::pin::Pin::new(lane).poll(context) {
            std::task::Poll::Ready(good) => {
                is_good &= good;
                false
            }
            std::task::Poll::Pending => true,
        });
        if lanes.is_empty() { std::task::Poll::Ready(is_good) } else { std::task::Poll::Pending }
    })
    .await
}

fn cpu_nanos() -> Result<u64, Failure> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

fn signed(url: &str) -> Result<SignedRequest, Failure> {
    let pairs = [
        ("content-type", "application/json"),
        ("user-agent", "core-api/1.0.0"),
        ("webhook-id", "evt_abcdefghijklmnopqrstuvwx"),
        ("webhook-timestamp", "1768473000"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ("x-webhook-id", "evt_abcdefghijklmnopqrstuvwx"),
        ("x-webhook-event", "post.created"),
        ("x-webhook-timestamp", "1768473000"),
        ("x-webhook-signature", "8d2b0e3c8d2b0e3c8d2b0e3c8d2b0e3c8d2b0e3c8d2b0e3c8d2b0e3c8d2b0e3c"),
    ];
    let headers = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let body = format!(r#"{{"data":"{}"}}"#, "x".repeat(500));
    Ok(SignedRequest { url: url.to_owned().try_into()?, headers, body })
}

fn headers(signed: &SignedRequest) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for (name, value) in &signed.headers {
        headers.append(HeaderName::try_from(name.as_str())?, HeaderValue::try_from(value.as_str())?);
    }
    Ok(headers)
}

async fn receive(listener: std::net::TcpListener) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(answer(stream));
    }
}

/// Each request comes in one piece or few, and ends with its body's closing brace.
async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = vec![0; 8_192];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if buffer.get(..read).is_some_and(|bytes| bytes.ends_with(b"}")) {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await?;
        }
    }
}
