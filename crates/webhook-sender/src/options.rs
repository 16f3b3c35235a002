use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use url::Url;
use webhooks::AddressPolicy;

/// Where may be sent to, and how.
#[derive(Debug, Clone)]
pub struct SenderOptions {
    /// Which addresses may be connected to.
    pub policy: AddressPolicy,
    /// Whether plain http may be sent, to addresses that the policy allows explicitly.
    pub allow_http: bool,
    /// Certificates (PEM, any number) of authorities that are trusted beside the system's.
    pub extra_ca: Option<Vec<u8>>,
    /// What every request goes through. Names are resolved there, and the guard over what they resolve to is the proxy's.
    pub proxy: Option<EgressProxy>,
    /// How long a send may take, from looking up the name to the answer's last byte that is kept.
    pub timeout: Duration,
}

impl SenderOptions {
    /// How long a send may take, unless told otherwise.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

    /// https to the addresses that the policy allows.
    pub fn new(policy: AddressPolicy) -> Self {
        Self { policy, allow_http: false, extra_ca: None, proxy: None, timeout: Self::DEFAULT_TIMEOUT }
    }
}

/// Why options don't make a sender.
#[derive(Debug, thiserror::Error)]
pub enum InvalidOptions {
    /// What should be certificates is none.
    #[error("the file of certificates holds none in PEM form")]
    ExtraCa(#[source] Option<reqwest::Error>),
    /// The HTTP client can't be made, for example because the system has no certificates to trust.
    #[error("the HTTP client can't be made")]
    Client(#[source] reqwest::Error),
}

/// The address of an HTTP proxy, `http` or `https`; credentials in it are sent as `Proxy-Authorization`.
#[derive(Clone, PartialEq, Eq)]
pub struct EgressProxy(Url);

/// A text that is no address of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an http or https URL without path")]
pub struct InvalidProxy;

impl EgressProxy {
    pub(crate) fn as_url(&self) -> &Url {
        &self.0
    }
}

/// Shows where it is, not the credentials.
impl fmt::Debug for EgressProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EgressProxy({}://{})", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }
}

impl FromStr for EgressProxy {
    type Err = InvalidProxy;

    fn from_str(text: &str) -> Result<Self, InvalidProxy> {
        let url = Url::parse(text).map_err(|_| InvalidProxy)?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if matches!(url.scheme(), "http" | "https") && is_bare { Ok(Self(url)) } else { Err(InvalidProxy) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_bare_http_url_and_keeps_its_password_to_itself() {
        for bad in ["", "proxy:3128", "socks5://proxy", "ftp://proxy", "http://proxy/path", "http://proxy?a", "http://"]
        {
            assert_eq!(bad.parse::<EgressProxy>(), Err(InvalidProxy), "{bad}");
        }
        let proxy: EgressProxy = "http://me:secret@proxy.internal:3128".parse().unwrap();
        assert_eq!(format!("{proxy:?}"), "EgressProxy(http://proxy.internal)");
    }
}
