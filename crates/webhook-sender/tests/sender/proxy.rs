use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use webhook_sender::SenderOptions;
use webhooks::AddressPolicy;

use crate::receiver::{Manner, Receiver, read_head};
use crate::stage::{Names, refused, send, sender_with, strict};
use crate::tls::Authority;

/// A proxy that leads everything to one receiver.
struct Proxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn to(receiver: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = heads.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let head = read_head(&mut client).await.unwrap();
                seen.lock().unwrap().push(String::from_utf8(head).unwrap());
                let mut server = TcpStream::connect(receiver).await.unwrap();
                client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
            }
        });
        Self { address, heads }
    }
}

fn through(proxy: SocketAddr, options: SenderOptions) -> SenderOptions {
    let url = format!("http://me:secret@proxy.test:{}", proxy.port());
    SenderOptions { proxy: Some(url.parse().unwrap()), ..options }
}

#[tokio::test]
async fn everything_goes_through_the_proxy_which_resolves_the_names() {
    let authority = Authority::new();
    let receiver = authority.receiver().await;
    let proxy = Proxy::to(receiver.address).await;
    // The proxy stands inside, which no receiver may.
    let names = Names::of("proxy.test", &[&["127.0.0.1"]]);
    let options = SenderOptions { extra_ca: Some(authority.pem()), ..through(proxy.address, strict()) };
    let outcome = send(&sender_with(options, names.clone()), "https://hooks.test/").await;
    assert_eq!(outcome.response_body.as_deref(), Some("over TLS"), "{outcome:?}");
    assert_eq!(names.asked(), ["proxy.test"]);
    let heads = proxy.heads.lock().unwrap();
    assert!(heads[0].starts_with("CONNECT hooks.test:443 HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads[0].to_lowercase().contains("proxy-authorization: basic bwu6c2vjcmv0"), "{heads:?}");
    assert!(!receiver.requests()[0].to_lowercase().contains("proxy-"), "the receiver sees nothing of the proxy");
}

#[tokio::test]
async fn literal_addresses_and_plain_http_are_vetted_before_the_proxy() {
    let receiver = Receiver::start(Manner::Hold(Vec::new())).await;
    let nets = vec!["10.1.0.0/16".parse().unwrap()];
    let options = SenderOptions { allow_http: true, ..SenderOptions::new(AddressPolicy::new(nets)) };
    let sender = sender_with(through(receiver.address, options), Names::of("proxy.test", &[&["127.0.0.1"]]));
    assert_eq!(refused(&sender, "https://10.0.0.1/").await, "the address 10.0.0.1 is not public");
    assert_eq!(refused(&sender, "https://localhost/").await, "the address 127.0.0.1 is not public");
    for url in ["http://hooks.test/", "http://1.1.1.1/"] {
        assert!(refused(&sender, url).await.starts_with("plain http is sent only"), "{url}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_proxy_that_does_not_help_is_told_without_its_name() {
    let refusing = Receiver::start(Manner::AnswerAndClose(b"HTTP/1.1 502 Bad Gateway\r\n\r\n".to_vec())).await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for proxy in [refusing.address, gone] {
        let sender = sender_with(through(proxy, strict()), Names::of("proxy.test", &[&["127.0.0.1"]]));
        assert_eq!(refused(&sender, "https://hooks.test/").await, "the egress proxy made no connection");
    }
    let sender = sender_with(through(gone, strict()), Arc::new(Names::default()));
    assert_eq!(refused(&sender, "https://hooks.test/").await, "the egress proxy made no connection");
}
