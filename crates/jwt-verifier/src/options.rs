use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use url::{Host, Url};

use crate::Hs256Secret;

/// Which tokens are good.
#[derive(Debug, Clone)]
pub struct JwtOptions {
    /// What they are signed with.
    pub keys: KeySource,
    /// Who must have made them (`iss`). Should be set.
    pub issuer: Option<String>,
    /// For whom they must be made (`aud`). Should be set; without it a token that names any audience is refused.
    pub audience: Option<String>,
    /// How far this machine's clock may be from the issuer's, at most [`JwtOptions::MAX_LEEWAY`].
    pub leeway: Duration,
}

impl JwtOptions {
    /// The allowance for clocks that differ, unless told otherwise.
    pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);
    /// The largest allowance: it lengthens every token's life.
    pub const MAX_LEEWAY: Duration = Duration::from_mins(5);

    /// Tokens signed with `keys`, from and for anyone.
    pub fn new(keys: KeySource) -> Self {
        Self { keys, issuer: None, audience: None, leeway: Self::DEFAULT_LEEWAY }
    }
}

/// Where the keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A secret shared with the issuer.
    Secret(Hs256Secret),
    /// A file that holds the issuer's key set.
    JwksFile(PathBuf),
    /// Where the issuer publishes its key set.
    JwksUrl(JwksUrl),
}

/// Why options don't make a verifier.
#[derive(Debug, thiserror::Error)]
pub enum InvalidOptions {
    /// The allowance for clocks is too large.
    #[error("the leeway must be at most {} seconds", JwtOptions::MAX_LEEWAY.as_secs())]
    Leeway,
    /// The HTTP client can't be made, for example because the system has no certificates to trust.
    #[error("the HTTP client for the key set can't be made")]
    Client(#[source] reqwest::Error),
}

/// The address of a key set: `https`, or `http` on this machine.
///
/// Whoever can change what comes from there can sign in as anyone, hence no plain http over a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksUrl(Url);

/// A text that is no address of a key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an https URL (or an http one on the loopback) without user and password")]
pub struct InvalidJwksUrl;

impl JwksUrl {
    pub(crate) fn as_url(&self) -> &Url {
        &self.0
    }

    pub(crate) fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }
}

impl FromStr for JwksUrl {
    type Err = InvalidJwksUrl;

    fn from_str(text: &str) -> Result<Self, InvalidJwksUrl> {
        let url = Self(Url::parse(text).map_err(|_| InvalidJwksUrl)?);
        let is_private = match url.0.scheme() {
            "https" => url.0.has_host(),
            "http" => url.is_loopback(),
            _ => false,
        };
        let is_anonymous = url.0.username().is_empty() && url.0.password().is_none();
        if is_private && is_anonymous { Ok(url) } else { Err(InvalidJwksUrl) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_the_loopback_alone() {
        for good in [
            "https://id.example.com/.well-known/jwks.json",
            "http://localhost:8080/jwks",
            "http://127.0.0.1/jwks",
            "http://[::1]:9000/jwks",
        ] {
            assert!(good.parse::<JwksUrl>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "jwks.json",
            "http://id.example.com/jwks",
            "http://10.0.0.1/jwks",
            "http://localhost.example.com/jwks",
            "http://127.0.0.1.example.com/jwks",
            "https://user:password@id.example.com/jwks",
            "file:///etc/jwks.json",
            "ftp://127.0.0.1/jwks",
        ] {
            assert_eq!(bad.parse::<JwksUrl>(), Err(InvalidJwksUrl), "{bad}");
        }
    }
}
