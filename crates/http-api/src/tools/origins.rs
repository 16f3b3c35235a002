use actix_web::HttpRequest;
use actix_web::http::header;
use url::{Host, Url};

use crate::PublicUrl;

/// Which web pages may speak with the service as assistants do.
///
/// A page shows where it comes from in `Origin`; programs show none, and may. A page that lured a browser here under
/// a name of its own (DNS rebinding) shows that name.
#[derive(Debug, Clone, Default)]
pub struct AllowedOrigins(Vec<String>);

/// A text that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be origins such as https://assistant.example.com, not {0:?}")]
pub struct InvalidOrigin(pub String);

impl AllowedOrigins {
    /// These, beside pages of this machine and of the service's own address.
    ///
    /// # Errors
    /// [`InvalidOrigin`] for one that is no scheme, host and port alone.
    pub fn listed<T: AsRef<str>>(origins: &[T]) -> Result<Self, InvalidOrigin> {
        let read = |text: &str| {
            let url = Url::parse(text).ok().filter(|url| url.path() == "/" && url.query().is_none());
            let origin = url.map(|url| url.origin()).filter(url::Origin::is_tuple);
            origin.map(|origin| origin.ascii_serialization()).ok_or_else(|| InvalidOrigin(text.to_owned()))
        };
        origins.iter().map(|text| read(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Those that were listed.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Whether the page that made the request may, if a page made it.
    pub(super) fn allow(&self, request: &HttpRequest, public_url: &PublicUrl) -> bool {
        let mut shown = request.headers().get_all(header::ORIGIN);
        let Some(origin) = shown.next() else { return true };
        let read = || Url::parse(origin.to_str().ok()?).ok();
        let Some(url) = read().filter(|url| url.origin().is_tuple() && shown.next().is_none()) else { return false };
        let origin = url.origin().ascii_serialization();
        let is_local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        is_local || self.0.contains(&origin) || public_url.is_at(&origin) || is_own_address(&url, request)
    }
}

/// Whether the page comes from the address that the request was sent to. An address can't be rebound; a name can.
fn is_own_address(origin: &Url, request: &HttpRequest) -> bool {
    let own = || {
        let host = request.headers().get(header::HOST)?.to_str().ok()?;
        Url::parse(&format!("{}://{host}", origin.scheme())).ok()
    };
    !matches!(origin.host(), Some(Host::Domain(_)))
        && own().is_some_and(|own| {
            own.host() == origin.host() && own.port_or_known_default() == origin.port_or_known_default()
        })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn allowed(host: &str, origins: &[&str], public_url: &PublicUrl) -> bool {
        let mut request = TestRequest::default().insert_header(("Host", host));
        for origin in origins {
            request = request.append_header(("Origin", *origin));
        }
        let listed = AllowedOrigins::listed(&["https://assistant.example.com"]).unwrap();
        listed.allow(&request.to_http_request(), public_url)
    }

    #[test]
    fn programs_and_pages_of_this_machine_may() {
        let unknown = PublicUrl::default();
        assert!(allowed("api.example.com", &[], &unknown));
        for origin in ["http://localhost", "http://localhost:6274", "http://127.0.0.1:80", "http://[::1]:3000"] {
            assert!(allowed("api.example.com", &[origin], &unknown), "{origin}");
        }
    }

    #[test]
    fn pages_of_the_service_and_listed_ones_may() {
        let public = PublicUrl::fixed("https://api.example.com/base");
        assert!(allowed("10.0.0.7:8080", &["https://api.example.com"], &public));
        assert!(allowed("10.0.0.7:8080", &["http://10.0.0.7:8080"], &public));
        assert!(allowed("10.0.0.7:8080", &["https://assistant.example.com:443"], &public));
    }

    #[test]
    fn other_pages_may_not() {
        let public = PublicUrl::fixed("https://api.example.com");
        for origin in ["https://evil.example", "http://api.example.com", "https://api.example.com:444", "null", ""] {
            assert!(!allowed("10.0.0.7:8080", &[origin], &public), "{origin}");
        }
        assert!(!allowed("10.0.0.7:8080", &["http://10.0.0.7:8081"], &public));
        assert!(!allowed("evil.example", &["http://evil.example"], &PublicUrl::default()));
        assert!(!allowed("localhost", &["http://localhost", "https://evil.example"], &public));
    }

    #[test]
    fn what_is_listed_must_be_origins() {
        for text in ["assistant.example.com", "https://a.example/path", "data:,x", "*"] {
            assert_eq!(AllowedOrigins::listed(&[text]).err(), Some(InvalidOrigin(text.to_owned())));
        }
    }
}
