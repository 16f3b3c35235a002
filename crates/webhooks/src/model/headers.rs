/// Headers that an endpoint wants with every event: at most 20, of 4 KiB together; none that HTTP or signing needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointHeaders(Vec<(String, String)>);

impl EndpointHeaders {
    /// Names in lower case, and values.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// Headers that an endpoint can't have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeaders {
    /// Too many, or too much text.
    #[error("at most 20 headers, of 4096 bytes together")]
    TooMuch,
    /// A name that HTTP does not allow, or the same one twice.
    #[error("{0:?} is not a header's name, or is there twice")]
    Name(String),
    /// One that HTTP or signing needs.
    #[error("the header {0} is reserved")]
    Reserved(String),
    /// A value that HTTP does not allow: visible ASCII and blanks alone.
    #[error("the value of {0} is not visible ASCII")]
    Value(String),
}

impl TryFrom<Vec<(String, String)>> for EndpointHeaders {
    type Error = InvalidHeaders;

    fn try_from(pairs: Vec<(String, String)>) -> Result<Self, InvalidHeaders> {
        let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
        if pairs.len() > 20 || bytes > 4_096 {
            return Err(InvalidHeaders::TooMuch);
        }
        let mut kept: Vec<(String, String)> = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            let name = name.to_ascii_lowercase();
            if !is_token(&name) || kept.iter().any(|(other, _)| *other == name) {
                return Err(InvalidHeaders::Name(name));
            }
            if is_reserved(&name) {
                return Err(InvalidHeaders::Reserved(name));
            }
            if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                return Err(InvalidHeaders::Value(name));
            }
            kept.push((name, value));
        }
        Ok(Self(kept))
    }
}

fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn is_reserved(name: &str) -> bool {
    const RESERVED: [&str; 14] = [
        "host",
        "content-length",
        "content-type",
        "content-encoding",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "user-agent",
        "proxy-authorization",
        "proxy-connection",
    ];
    RESERVED.contains(&name) || name.starts_with("webhook-") || name.starts_with("x-webhook-")
}
