use std::fmt;

use regex::{Regex, RegexBuilder};

/// A resource's URI as a caller named it: 1 to 4,096 bytes of UTF-8 without control characters, with a scheme.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceUri(String);

/// A text that is no [`ResourceUri`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUri {
    /// A `%` that no two hexadecimal digits follow.
    #[error("has a % that encodes nothing")]
    Encoding,
    /// Not UTF-8 once decoded.
    #[error("is not UTF-8")]
    NotUtf8,
    /// It holds a control character.
    #[error("holds a control character")]
    Control,
    /// It has no scheme.
    #[error("has no scheme")]
    NoScheme,
    /// It is longer than 4,096 bytes.
    #[error("is longer than 4096 bytes")]
    TooLong,
}

impl ResourceUri {
    const MAX_BYTES: usize = 4096;

    /// The URI that a raw path holds, percent-decoded exactly once: `%252e` is `%2e`.
    pub fn from_raw_path(raw: &str) -> Result<Self, InvalidUri> {
        let mut decoded = Vec::with_capacity(raw.len());
        let mut bytes = raw.bytes();
        while let Some(byte) = bytes.next() {
            if byte == b'%' {
                let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else { return Err(InvalidUri::Encoding) };
                decoded.push(u8::try_from(high * 16 + low).unwrap_or_default());
            } else {
                decoded.push(byte);
            }
        }
        String::from_utf8(decoded).map_err(|_| InvalidUri::NotUtf8)?.try_into()
    }

    /// The URI, byte for byte.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a segment of its path is `.` or `..`, however it is written.
    fn has_dot_segments(&self) -> bool {
        let path = self.0.split(['?', '#']).next().unwrap_or_default();
        let mut segments = path.split(['/', '\\']);
        segments.any(|segment| {
            let plain = segment.to_ascii_lowercase().replace("%2e", ".");
            plain == "." || plain == ".."
        })
    }
}

impl TryFrom<String> for ResourceUri {
    type Error = InvalidUri;

    fn try_from(text: String) -> Result<Self, InvalidUri> {
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidUri::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidUri::Control);
        }
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        if is_scheme { Ok(Self(text)) } else { Err(InvalidUri::NoScheme) }
    }
}

impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Recognises the URIs that a template (RFC 6570, all levels) can stand for.
///
/// A value is never empty, and only `{+name}`, `{#name}` and `{/names}` reach over a slash. Time is linear in the URI.
#[derive(Debug, Clone)]
pub struct UriTemplate(Regex);

/// A text that is no [`UriTemplate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a URI template of at most 2048 bytes")]
pub struct InvalidTemplate;

impl UriTemplate {
    const MAX_BYTES: usize = 2048;

    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidTemplate);
        }
        let mut pattern = "^".to_owned();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once('{') {
            let (expression, behind) = after.split_once('}').ok_or(InvalidTemplate)?;
            pattern.push_str(&literal_pattern(literal)?);
            pattern.push_str(&expression_pattern(expression)?);
            rest = behind;
        }
        pattern.push_str(&literal_pattern(rest)?);
        pattern.push('$');
        let regex = RegexBuilder::new(&pattern).size_limit(1 << 20).build().map_err(|_| InvalidTemplate)?;
        Ok(Self(regex))
    }

    /// Whether the template can stand for this URI. One with `.` or `..` among its segments never matches.
    pub fn matches(&self, uri: &ResourceUri) -> bool {
        !uri.has_dot_segments() && self.0.is_match(uri.as_str())
    }
}

fn literal_pattern(text: &str) -> Result<String, InvalidTemplate> {
    if text.contains('}') { Err(InvalidTemplate) } else { Ok(regex::escape(text)) }
}

fn expression_pattern(expression: &str) -> Result<String, InvalidTemplate> {
    let operator = expression.chars().next().filter(|first| "+#./;?&".contains(*first));
    let names = expression.strip_prefix(|first| Some(first) == operator).unwrap_or(expression);
    if !names.split(',').all(is_variable) {
        return Err(InvalidTemplate);
    }
    let pattern = match operator {
        None => "[^/?#]+",
        Some('+') => ".+",
        Some('#') => "(?:#.+)?",
        Some('.') => r"(?:\.[^/?#]+)?",
        Some('/') => "(?:/[^/?#]+)*",
        Some(';') => "(?:;[^/?#]*)?",
        Some('?') => r"(?:\?[^#]*)?",
        _ => "(?:&[^#]*)?",
    };
    Ok(pattern.to_owned())
}

/// `name`, `name:3` or `name*`.
fn is_variable(text: &str) -> bool {
    let name = match text.split_once(':') {
        Some((name, length)) if (1..=4).contains(&length.len()) && length.bytes().all(|byte| byte.is_ascii_digit()) => {
            name
        }
        Some(_) => return false,
        None => text.strip_suffix('*').unwrap_or(text),
    };
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'%' | b'-'))
}
