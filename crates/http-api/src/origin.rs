use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};
use ipnet::IpNet;

/// Where a client's address is found: at the other end of the connection, or, when that is a trusted proxy, in what
/// the proxy says.
#[derive(Debug, Clone, Default)]
pub struct ClientAddresses {
    trusted_proxies: Vec<IpNet>,
}

impl ClientAddresses {
    /// Believes `X-Forwarded-For` and `Forwarded` from these nets alone.
    pub fn behind(trusted_proxies: Vec<IpNet>) -> Self {
        Self { trusted_proxies }
    }

    /// The client's address.
    ///
    /// The list of a forwarding header is read from its end: each proxy appends the address it saw, so the last
    /// address that is not a trusted proxy is the last one that nobody untrusted could have written.
    pub fn of(&self, request: &HttpRequest) -> IpAddr {
        let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
        if !self.trusts(peer) {
            return peer;
        }
        let forwarded = forwarded_for(request.headers());
        let mut client = peer;
        for address in forwarded.iter().rev() {
            let Some(address) = address else { break };
            client = *address;
            if !self.trusts(client) {
                break;
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|net| net.contains(&address))
    }

    fn trusts_peer_of(&self, request: &HttpRequest) -> bool {
        request.peer_addr().is_some_and(|peer| self.trusts(peer.ip().to_canonical()))
    }
}

/// The addresses of `X-Forwarded-For`, or else of `Forwarded` (RFC 7239); `None` for one that can't be read.
fn forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let listed = |name: header::HeaderName| -> Vec<String> {
        headers
            .get_all(name)
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|item| item.trim().to_owned())
            .collect()
    };
    let simple = listed(header::X_FORWARDED_FOR);
    if !simple.is_empty() {
        return simple.iter().map(|item| read_address(item)).collect();
    }
    listed(header::FORWARDED)
        .iter()
        .map(|element| {
            let pair = element
                .split(';')
                .map(str::trim)
                .find(|pair| pair.get(..4).is_some_and(|key| key.eq_ignore_ascii_case("for=")))?;
            read_address(pair[4..].trim_matches('"'))
        })
        .collect()
}

/// Reads `192.0.2.1`, `192.0.2.1:8080`, `2001:db8::1`, `[2001:db8::1]` and `[2001:db8::1]:8080`.
fn read_address(text: &str) -> Option<IpAddr> {
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None if text.matches(':').count() == 1 => text.split_once(':')?.0,
        None => text,
    };
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// What absolute links are built on: the configured URL, or else the scheme and host of the request.
#[derive(Debug, Clone, Default)]
pub struct PublicUrl(Option<String>);

impl PublicUrl {
    /// Builds links on `url`; any slash at its end is dropped.
    pub fn fixed(url: &str) -> Self {
        Self(Some(url.trim_end_matches('/').to_owned()))
    }

    /// Whether the configured URL has this origin: scheme, host and port.
    pub(crate) fn is_at(&self, origin: &str) -> bool {
        let url = self.0.as_deref().and_then(|url| url::Url::parse(url).ok());
        url.is_some_and(|url| url.origin().ascii_serialization() == origin)
    }

    /// The origin of links in an answer to `request`, without a slash at its end.
    pub(crate) fn origin(&self, request: &HttpRequest, addresses: &ClientAddresses) -> String {
        if let Some(url) = &self.0 {
            return url.clone();
        }
        let told = |name: header::HeaderName| {
            let value = request.headers().get(name)?.to_str().ok()?;
            value.split(',').next_back().map(str::trim).filter(|value| !value.is_empty())
        };
        let proxied = addresses.trusts_peer_of(request);
        let scheme = told(header::X_FORWARDED_PROTO).filter(|scheme| proxied && matches!(*scheme, "http" | "https"));
        let host = told(header::X_FORWARDED_HOST)
            .filter(|_| proxied)
            .or_else(|| told(header::HOST))
            .filter(|host| is_host(host));
        format!("{}://{}", scheme.unwrap_or("http"), host.unwrap_or("localhost"))
    }
}

fn is_host(text: &str) -> bool {
    text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let addresses = ClientAddresses::behind(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut request = TestRequest::default().peer_addr(peer.parse().unwrap());
        for header in headers {
            request = request.append_header(*header);
        }
        addresses.of(&request.to_http_request()).to_string()
    }

    #[test]
    fn nobody_but_a_trusted_proxy_is_believed() {
        assert_eq!(client("192.0.2.1:5000", &[("X-Forwarded-For", "203.0.113.9")]), "192.0.2.1");
        assert_eq!(client("10.0.0.1:5000", &[("X-Forwarded-For", "203.0.113.9")]), "203.0.113.9");
    }

    #[test]
    fn the_last_untrusted_address_counts() {
        assert_eq!(client("10.0.0.1:1", &[("X-Forwarded-For", "198.51.100.66, 203.0.113.9, 10.0.0.7")]), "203.0.113.9");
        assert_eq!(
            client("10.0.0.1:1", &[("X-Forwarded-For", "198.51.100.66"), ("X-Forwarded-For", "203.0.113.9")]),
            "203.0.113.9"
        );
        assert_eq!(client("10.0.0.1:1", &[("X-Forwarded-For", "198.51.100.66, nonsense, 10.0.0.7")]), "10.0.0.7");
        assert_eq!(client("10.0.0.1:1", &[("X-Forwarded-For", "10.0.0.8")]), "10.0.0.8");
    }

    #[test]
    fn both_headers_and_all_their_forms_are_read() {
        assert_eq!(
            client("10.0.0.1:1", &[("Forwarded", "for=203.0.113.9;proto=https, for=\"[2001:db8::1]:443\"")]),
            "2001:db8::1"
        );
        assert_eq!(client("10.0.0.1:1", &[("X-Forwarded-For", "203.0.113.9:4711")]), "203.0.113.9");
        assert_eq!(client("[::ffff:10.0.0.1]:1", &[("X-Forwarded-For", "::ffff:203.0.113.9")]), "203.0.113.9");
    }

    #[test]
    fn links_stand_on_the_configured_url_or_the_request() {
        let addresses = ClientAddresses::behind(vec!["10.0.0.0/8".parse().unwrap()]);
        let origin = |url: PublicUrl, peer: &str, headers: &[(&'static str, &'static str)]| {
            let mut request = TestRequest::default().peer_addr(peer.parse().unwrap());
            for header in headers {
                request = request.append_header(*header);
            }
            url.origin(&request.to_http_request(), &addresses)
        };
        let told = [("Host", "api.example.com"), ("X-Forwarded-Proto", "https")];
        assert_eq!(origin(PublicUrl::fixed("https://a.example/"), "10.0.0.1:1", &told), "https://a.example");
        assert_eq!(origin(PublicUrl::default(), "10.0.0.1:1", &told), "https://api.example.com");
        assert_eq!(origin(PublicUrl::default(), "192.0.2.1:1", &told), "http://api.example.com");
        assert_eq!(origin(PublicUrl::default(), "192.0.2.1:1", &[("Host", "a\"b")]), "http://localhost");
    }
}
