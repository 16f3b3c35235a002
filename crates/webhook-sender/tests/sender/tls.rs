use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;
use webhook_sender::{InvalidOptions, ReqwestSender, SenderOptions};
use webhooks::{AddressPolicy, WebhookSender};

use crate::receiver::{Manner, Receiver, answer};
use crate::stage::{Names, loopback, refused, send, sender, sender_with, signed};

/// An authority of this test's own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    /// A server with a certificate for `hooks.test`, good in these years.
    pub(crate) fn server(&self, from: i32, until: i32) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec!["hooks.test".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    pub(crate) async fn receiver(&self) -> Receiver {
        Receiver::start_tls(Manner::Answer(answer("200 OK", "", "over TLS")), self.server(2020, 2120)).await
    }
}

/// Trusts the authority, and resolves `name` to the loopback.
fn trusting(authority: &Authority, name: &str) -> ReqwestSender {
    let options = SenderOptions { extra_ca: Some(authority.pem()), ..loopback() };
    sender_with(options, Names::of(name, &[&["127.0.0.1"]]))
}

#[tokio::test]
async fn an_authority_of_the_operators_is_trusted() {
    let authority = Authority::new();
    let receiver = authority.receiver().await;
    let sender = trusting(&authority, "hooks.test");
    for number in ["first", "second"] {
        let request = signed(&format!("https://hooks.test:{}/", receiver.port()), number);
        let outcome = sender.send(&request).await;
        assert!(outcome.is_success(), "{outcome:?}");
        assert_eq!(outcome.response_body.as_deref(), Some("over TLS"));
    }
    assert_eq!((receiver.connections(), receiver.requests().len()), (1, 2));
}

#[tokio::test]
async fn certificates_that_are_no_good_are_told_apart() {
    let authority = Authority::new();
    for (from, until, told) in
        [(2020, 2021, "the certificate has expired"), (2110, 2120, "the certificate is not valid yet")]
    {
        let manner = Manner::Answer(answer("200 OK", "", ""));
        let receiver = Receiver::start_tls(manner, authority.server(from, until)).await;
        let url = format!("https://hooks.test:{}/", receiver.port());
        assert_eq!(refused(&trusting(&authority, "hooks.test"), &url).await, told);
        assert_eq!(receiver.requests().len(), 0);
    }

    let receiver = authority.receiver().await;
    let url = format!("https://other.test:{}/", receiver.port());
    assert_eq!(refused(&trusting(&authority, "other.test"), &url).await, "the certificate is for another name");

    let url = format!("https://hooks.test:{}/", receiver.port());
    let unknown = "the certificate is signed by an unknown authority";
    assert_eq!(refused(&trusting(&Authority::new(), "hooks.test"), &url).await, unknown);
    let trusts_the_system = sender_with(loopback(), Names::of("hooks.test", &[&["127.0.0.1"]]));
    assert_eq!(refused(&trusts_the_system, &url).await, unknown);
    assert_eq!(receiver.requests().len(), 0);
}

#[tokio::test]
async fn a_server_without_tls_is_told() {
    let receiver = Receiver::start(Manner::Greet(b"220 mail.example.com ESMTP\r\n".to_vec())).await;
    let url = receiver.url().replace("http:", "https:");
    assert_eq!(refused(&sender(loopback()), &url).await, "the receiver does not speak TLS");
}

#[tokio::test]
async fn http_to_a_server_of_tls_is_told() {
    let receiver = Authority::new().receiver().await;
    let outcome = send(&sender(loopback()), &receiver.url()).await;
    assert!(!outcome.is_success() && outcome.error.is_some());
}

#[test]
fn what_is_no_certificate_makes_no_sender() {
    for junk in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let options =
            SenderOptions { extra_ca: Some(junk.as_bytes().to_vec()), ..SenderOptions::new(AddressPolicy::default()) };
        let made = ReqwestSender::new(options, Arc::new(testkit::ManualClock::default()));
        assert!(matches!(made, Err(InvalidOptions::ExtraCa(_) | InvalidOptions::Client(_))), "{junk}");
    }
}
