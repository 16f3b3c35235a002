use std::fmt;

use url::{Host, Url};

/// A host as pages have it: a name in lower case (`shop.example.com`, punycode where it is not ASCII) or an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

/// Why a text is no domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the domain must be a host name such as shop.example.com, without scheme, port or path")]
pub struct InvalidDomain;

impl Domain {
    /// The longest name there is (RFC 1035).
    pub const MAX_LEN: usize = 253;

    /// The host of an `http` or `https` URL.
    pub fn of_url(url: &Url) -> Option<Self> {
        if matches!(url.scheme(), "http" | "https") { url.host().and_then(|host| Self::from_host(&host)) } else { None }
    }

    /// The host of an `Origin` or `Referer` header.
    pub fn of_header(text: &str) -> Option<Self> {
        Url::parse(text).ok().as_ref().and_then(Self::of_url)
    }

    fn from_host<S: AsRef<str>>(host: &Host<S>) -> Option<Self> {
        let text = match host {
            Host::Domain(name) => name.as_ref().trim_end_matches('.').to_ascii_lowercase(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => format!("[{address}]"),
        };
        (!text.is_empty() && text.len() <= Self::MAX_LEN).then_some(Self(text))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is an address, which has no subdomains.
    pub fn is_address(&self) -> bool {
        self.0.starts_with('[')
            || self.0.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// Itself, then each domain that it is a subdomain of, the nearest first.
    pub fn with_parents(&self) -> Vec<&str> {
        let mut all = vec![self.as_str()];
        if !self.is_address() {
            all.extend(self.0.match_indices('.').map(|(dot, _)| &self.0[dot + 1..]));
        }
        all
    }
}

impl TryFrom<&str> for Domain {
    type Error = InvalidDomain;

    fn try_from(text: &str) -> Result<Self, InvalidDomain> {
        let host = Host::parse(text).map_err(|_| InvalidDomain)?;
        if text.contains('%') || text.chars().any(char::is_whitespace) {
            return Err(InvalidDomain);
        }
        let domain = Self::from_host(&host).ok_or(InvalidDomain)?;
        let is_name = domain.0.split('.').all(|label| (1..=63).contains(&label.len()));
        if domain.is_address() || is_name { Ok(domain) } else { Err(InvalidDomain) }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_one_form() {
        for (text, form) in [
            ("Shop.Example.COM", "shop.example.com"),
            ("example.com.", "example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(Domain::try_from(text).map(|domain| domain.to_string()).as_deref(), Ok(form));
        }
    }

    #[test]
    fn what_is_more_than_a_host_is_refused() {
        for text in [
            "",
            ".",
            "https://example.com",
            "example.com/shop",
            "example.com:80",
            "a b",
            "a..b",
            "a%41",
            "user@example.com",
        ] {
            assert_eq!(Domain::try_from(text), Err(InvalidDomain), "{text}");
        }
        assert_eq!(Domain::try_from("a".repeat(254).as_str()), Err(InvalidDomain));
    }

    #[test]
    fn the_nearest_parent_comes_first_and_addresses_have_none() {
        let parents = |text: &str| {
            let domain = Domain::try_from(text).unwrap();
            domain.with_parents().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(parents("a.b.example.com"), ["a.b.example.com", "b.example.com", "example.com", "com"]);
        assert_eq!(parents("127.0.0.1"), ["127.0.0.1"]);
    }
}
