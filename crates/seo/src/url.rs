use std::fmt;

use url::Url;

/// A page's address in its normal form, so that one page has one address.
///
/// The host is lower-cased, and default port, fragment and tracking parameters are dropped; every other parameter
/// stays where it is, since its order may matter. Only ASCII, at most [`PageUrl::MAX_LEN`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageUrl(String);

/// A text that is no page's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum InvalidUrl {
    #[error("the url must be an absolute http or https URL")]
    NotHttp,
    #[error("the url must not be longer than 2048 characters")]
    TooLong,
    #[error("the url must not hold a user name or password")]
    Credentials,
    #[error("the url must not contain control characters")]
    ControlCharacter,
}

/// What advertisers and mailers append; none of it chooses what the page shows.
const TRACKING: &[&str] = &[
    "_ga",
    "_gl",
    "dclid",
    "fbclid",
    "gbraid",
    "gclid",
    "gclsrc",
    "igshid",
    "li_fat_id",
    "mc_cid",
    "mc_eid",
    "msclkid",
    "srsltid",
    "ttclid",
    "twclid",
    "wbraid",
    "yclid",
];

impl PageUrl {
    /// The longest address, in bytes, before and after it is brought to its normal form.
    pub const MAX_LEN: usize = 2048;

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes over an address that was valid when it was stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
}

impl TryFrom<&str> for PageUrl {
    type Error = InvalidUrl;

    fn try_from(text: &str) -> Result<Self, InvalidUrl> {
        if text.len() > Self::MAX_LEN {
            return Err(InvalidUrl::TooLong);
        }
        // The parser drops tabs and line ends; what looks like two lines is no address.
        if text.contains(char::is_control) {
            return Err(InvalidUrl::ControlCharacter);
        }
        let mut url = Url::parse(text).map_err(|_| InvalidUrl::NotHttp)?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(InvalidUrl::NotHttp);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidUrl::Credentials);
        }
        url.set_fragment(None);
        if let Some(query) = url.query() {
            let kept: Vec<&str> = query.split('&').filter(|part| !part.is_empty() && !is_tracking(part)).collect();
            let kept = kept.join("&");
            url.set_query((!kept.is_empty()).then_some(kept.as_str()));
        }
        let normal = String::from(url);
        if normal.len() > Self::MAX_LEN { Err(InvalidUrl::TooLong) } else { Ok(Self(normal)) }
    }
}

fn is_tracking(parameter: &str) -> bool {
    let name = parameter.split('=').next().unwrap_or(parameter).to_ascii_lowercase();
    name.starts_with("utm_") || TRACKING.contains(&name.as_str())
}

impl fmt::Display for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_page_has_one_address() {
        for (text, normal) in [
            ("https://example.com/page", "https://example.com/page"),
            ("HTTPS://Example.COM:443/Page#top", "https://example.com/Page"),
            ("http://example.com:80", "http://example.com/"),
            ("http://example.com:8080/?", "http://example.com:8080/"),
            ("https://example.com/?utm_source=x&b=2&a=1&gclid=y&UTM_Medium=z", "https://example.com/?b=2&a=1"),
            ("https://example.com/?gclid=y", "https://example.com/"),
            ("https://example.com/?gclidx=y&q", "https://example.com/?gclidx=y&q"),
            ("https://example.com/a/../b/./c", "https://example.com/b/c"),
            ("https://b\u{fc}cher.example/\u{e4}", "https://xn--bcher-kva.example/%C3%A4"),
            ("http://[::1]:3000/x", "http://[::1]:3000/x"),
        ] {
            assert_eq!(PageUrl::try_from(text).as_ref().map(PageUrl::as_str), Ok(normal), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "/page", "example.com", "ftp://example.com/", "javascript:alert(1)", "http://", "data:,x"] {
            assert_eq!(PageUrl::try_from(text), Err(InvalidUrl::NotHttp), "{text}");
        }
        assert_eq!(PageUrl::try_from("https://ada:secret@example.com/"), Err(InvalidUrl::Credentials));
        assert_eq!(PageUrl::try_from("https://ada@example.com/"), Err(InvalidUrl::Credentials));
        assert_eq!(PageUrl::try_from("https://example.com/\n"), Err(InvalidUrl::ControlCharacter));
        assert_eq!(PageUrl::try_from("https://example.com/\0"), Err(InvalidUrl::ControlCharacter));
        let long = format!("https://example.com/{}", "a".repeat(2048));
        assert_eq!(PageUrl::try_from(long.as_str()), Err(InvalidUrl::TooLong));
        let grows = format!("https://example.com/{}", "\u{e4}".repeat(900));
        assert_eq!(PageUrl::try_from(grows.as_str()), Err(InvalidUrl::TooLong));
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own(path in "[a-zA-Z0-9/._~%-]{0,40}", query in "[a-z_=&%+ \u{e4}]{0,60}", rest in ".{0,20}") {
            for text in [format!("HTTP://Example.com:80/{path}?{query}#x"), format!("https://{rest}")] {
                if let Ok(url) = PageUrl::try_from(text.as_str()) {
                    prop_assert!(url.as_str().is_ascii());
                    prop_assert_eq!(PageUrl::try_from(url.as_str()), Ok(url.clone()));
                }
            }
        }
    }
}
