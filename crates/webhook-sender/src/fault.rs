use std::error::Error;
use std::io;
use std::net::IpAddr;

use rustls::CertificateError;

/// Why nothing is sent, in the words the endpoint's owner reads. What a name resolves to is not told: it may be a name
/// of the operator's own network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("not a URL that can be sent to")]
    Url,
    #[error("the header {0} can't be sent")]
    Header(String),
    #[error("the address {0} is not public")]
    NotPublic(IpAddr),
    #[error("the name {0} has no public address")]
    NoPublicAddress(String),
    #[error("plain http is sent only to addresses that the operator has allowed")]
    PlainHttp,
    #[error("name not found: {0}")]
    NameNotFound(String),
    #[error("the egress proxy made no connection")]
    Proxy,
    #[error("the sender is not ready")]
    Client,
}

const CUT_OFF: &str = "the connection was closed before the answer was complete";

/// What went wrong with a request that was begun, in one sentence for the endpoint's owner. Nothing is told of the
/// proxy but that it is the cause.
pub(crate) fn sentence(error: reqwest::Error, is_proxied: bool) -> String {
    if let Some(told) = causes(&error).find_map(described) {
        return told;
    }
    if error.is_connect() && is_proxied {
        return Refusal::Proxy.to_string();
    }
    if let Some(told) = causes(&error).find_map(|cause| cause.downcast_ref::<io::Error>().and_then(io_sentence)) {
        return told.to_owned();
    }
    let is_connect = error.is_connect();
    tracing::info!(error = ?error.without_url(), "a webhook failed in a way that has no words of its own");
    if is_connect { "the connection could not be made" } else { "the request failed" }.to_owned()
}

/// The error and what caused it. An I/O error's own `source` leaves out the error it was made of.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
}

fn described(cause: &(dyn Error + 'static)) -> Option<String> {
    if let Some(refusal) = cause.downcast_ref::<Refusal>() {
        Some(refusal.to_string())
    } else if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
        Some(tls_sentence(tls))
    } else {
        let http = cause.downcast_ref::<hyper::Error>()?;
        if http.is_parse() {
            // A client's hyper has no other way to tell the one from the other.
            let is_too_large = http.to_string().contains("too large");
            Some(if is_too_large { "the answer's head is too large" } else { "the answer is not HTTP" }.to_owned())
        } else if http.is_incomplete_message() || http.is_closed() {
            Some(CUT_OFF.to_owned())
        } else {
            None
        }
    }
}

fn tls_sentence(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the certificate has expired".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the certificate is not valid yet".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the certificate is for another name".to_owned()
            }
            // A signature that does not fit is another authority's of the same name.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "the certificate is signed by an unknown authority".to_owned()
            }
            CertificateError::Revoked => "the certificate has been revoked".to_owned(),
            _ => "the certificate is not valid".to_owned(),
        },
        rustls::Error::InvalidMessage(_) => "the receiver does not speak TLS".to_owned(),
        rustls::Error::PeerIncompatible(_) => "the receiver speaks no TLS version or cipher that is safe".to_owned(),
        rustls::Error::AlertReceived(alert) => format!("the receiver ended the TLS handshake: {alert:?}"),
        _ => "the TLS handshake failed".to_owned(),
    }
}

fn io_sentence(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some("connection refused"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            Some("connection reset")
        }
        io::ErrorKind::UnexpectedEof => Some(CUT_OFF),
        io::ErrorKind::TimedOut => Some("the receiver did not respond to the connection"),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable => {
            Some("the receiver's network can't be reached")
        }
        _ => None,
    }
}
