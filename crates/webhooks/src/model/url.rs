use std::fmt;

use url::Url;

/// Where events are sent: an absolute `https` URL (or `http`, where the operator allows it), without credentials and
/// fragment, at most 2,048 characters.
///
/// It is kept as its owner wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EndpointUrl(String);

/// A text that is no URL of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Not an absolute URL with a host.
    #[error("must be an absolute URL")]
    Malformed,
    /// More than [`EndpointUrl::MAX_CHARS`].
    #[error("must not be longer than 2048 characters")]
    TooLong,
    /// Neither `https` nor `http`.
    #[error("must begin with https://")]
    Scheme,
    /// `user:password@`.
    #[error("must not hold credentials")]
    Credentials,
    /// `#...`.
    #[error("must not have a fragment")]
    Fragment,
}

impl EndpointUrl {
    /// The longest URL, in characters.
    pub const MAX_CHARS: usize = 2_048;

    /// The host alone: the rest may hold a secret of its owner's.
    pub fn host(&self) -> String {
        Url::parse(&self.0).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
    }

    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EndpointUrl {
    type Error = InvalidUrl;

    fn try_from(text: String) -> Result<Self, InvalidUrl> {
        if text.chars().count() > Self::MAX_CHARS {
            return Err(InvalidUrl::TooLong);
        }
        if text.contains(|character: char| character.is_control() || character.is_whitespace()) {
            return Err(InvalidUrl::Malformed);
        }
        let url = Url::parse(&text).map_err(|_| InvalidUrl::Malformed)?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(InvalidUrl::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidUrl::Credentials);
        }
        if url.fragment().is_some() {
            return Err(InvalidUrl::Fragment);
        }
        if url.host_str().is_none_or(str::is_empty) { Err(InvalidUrl::Malformed) } else { Ok(Self(text)) }
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
