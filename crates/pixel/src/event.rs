use serde_json::{Map, Value};
use url::Url;

use crate::{Domain, Utm};

/// What a page tells of a visit, within bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub name: EventName,
    /// Where.
    pub page: PageUrl,
    /// The host that the visitor came from, without `www.`.
    pub referrer: Option<String>,
    /// The site's own notes.
    pub properties: Option<Properties>,
}

/// What a name means to the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventClass {
    /// `pageview`.
    Pageview,
    /// `pageleave`: the page is no longer seen.
    Leave,
    /// Any other: an event of the site's own.
    Own,
}

/// The name of an event, 1 to 120 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventName(String);

/// Why an event is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvent {
    /// Of the name.
    #[error("the event must be 1 to 120 characters without control characters")]
    Name,
    /// Of the URL.
    #[error("the url must be an http or https URL of at most 2048 characters")]
    Url,
    /// Of the referrer.
    #[error("the referrer must be at most 2048 characters")]
    Referrer,
    /// Of the properties.
    #[error("the properties must be at most 4 KiB of JSON, 30 keys and 5 levels deep")]
    Properties,
}

impl EventName {
    const MAX_CHARS: usize = 120;

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it means to the counts.
    pub fn class(&self) -> EventClass {
        match self.0.as_str() {
            "pageview" => EventClass::Pageview,
            "pageleave" => EventClass::Leave,
            _ => EventClass::Own,
        }
    }
}

impl TryFrom<String> for EventName {
    type Error = InvalidEvent;

    fn try_from(text: String) -> Result<Self, InvalidEvent> {
        let is_long = text.chars().count() > Self::MAX_CHARS;
        if text.trim().is_empty() || is_long || text.contains(char::is_control) {
            return Err(InvalidEvent::Name);
        }
        Ok(Self(text))
    }
}

/// A page. Of its URL neither query nor fragment is kept, but for the campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageUrl {
    /// Its host.
    pub host: Domain,
    /// Its path, at most 1,024 characters.
    pub path: String,
    /// The campaign that led to it.
    pub utm: Utm,
}

/// The longest URL that is read.
const MAX_URL: usize = 2_048;

impl PageUrl {
    const MAX_PATH: usize = 1_024;

    /// Reads a URL.
    ///
    /// # Errors
    /// [`InvalidEvent::Url`] for what is too long, or no `http` or `https` URL.
    pub fn parse(text: &str) -> Result<Self, InvalidEvent> {
        if text.len() > MAX_URL {
            return Err(InvalidEvent::Url);
        }
        let url = Url::parse(text).map_err(|_| InvalidEvent::Url)?;
        let host = Domain::of_url(&url).ok_or(InvalidEvent::Url)?;
        // A parsed path is ASCII.
        let path = url.path().get(..Self::MAX_PATH).unwrap_or(url.path()).to_owned();
        Ok(Self { host, path, utm: Utm::of(&url) })
    }

    /// How stats name it on a site of this domain: the path, with the host before it where that is another.
    pub fn shown_on(&self, domain: &Domain) -> String {
        if self.host == *domain { self.path.clone() } else { format!("{}{}", self.host, self.path) }
    }
}

/// The host that a referrer names. What can't be read names none: browsers and extensions send odd ones.
///
/// # Errors
/// [`InvalidEvent::Referrer`] for one that is too long.
pub fn referrer_host(text: &str) -> Result<Option<String>, InvalidEvent> {
    if text.len() > MAX_URL {
        return Err(InvalidEvent::Referrer);
    }
    let host = Domain::of_header(text);
    Ok(host.map(|host| host.as_str().strip_prefix("www.").unwrap_or(host.as_str()).to_owned()))
}

/// A site's own notes on an event: a JSON object within bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties(String);

impl Properties {
    const MAX_BYTES: usize = 4 * 1_024;
    const MAX_KEYS: usize = 30;
    const MAX_DEPTH: u32 = 5;

    /// As JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&Map<String, Value>> for Properties {
    type Error = InvalidEvent;

    fn try_from(object: &Map<String, Value>) -> Result<Self, InvalidEvent> {
        let is_deep = object.values().any(|value| is_deeper(value, Self::MAX_DEPTH - 1));
        if object.len() > Self::MAX_KEYS || is_deep {
            return Err(InvalidEvent::Properties);
        }
        let text = serde_json::to_string(object).map_err(|_| InvalidEvent::Properties)?;
        if text.len() > Self::MAX_BYTES { Err(InvalidEvent::Properties) } else { Ok(Self(text)) }
    }
}

fn is_deeper(value: &Value, levels: u32) -> bool {
    let mut inner: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        _ => return false,
    };
    levels == 0 || inner.any(|value| is_deeper(value, levels - 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn properties(value: &Value) -> Result<Properties, InvalidEvent> {
        Properties::try_from(value.as_object().unwrap())
    }

    #[test]
    fn a_page_keeps_its_path_and_campaign_alone() {
        let page = PageUrl::parse("https://Shop.Example.com:8443/a/b?token=x&utm_source=news#top").unwrap();
        assert_eq!((page.host.as_str(), page.path.as_str()), ("shop.example.com", "/a/b"));
        assert_eq!(page.utm.source.as_deref(), Some("news"));
        assert_eq!(page.shown_on(&Domain::try_from("shop.example.com").unwrap()), "/a/b");
        assert_eq!(page.shown_on(&Domain::try_from("example.com").unwrap()), "shop.example.com/a/b");
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for text in
            ["", "/page", "ftp://example.com/", "javascript:alert(1)", "https://", "https://a b/", "https://\0/"]
        {
            assert_eq!(PageUrl::parse(text), Err(InvalidEvent::Url), "{text}");
        }
        assert_eq!(PageUrl::parse(&format!("https://example.com/{}", "a".repeat(2_048))), Err(InvalidEvent::Url));
    }

    #[test]
    fn an_odd_referrer_is_none() {
        assert_eq!(referrer_host("https://www.google.com/search?q=x"), Ok(Some("google.com".to_owned())));
        for text in ["", "about:blank", "android-app://com.example", "nonsense\0"] {
            assert_eq!(referrer_host(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn properties_have_bounds() {
        assert!(properties(&json!({ "title": "A\0B", "list": [1, { "a": [true] }] })).is_ok());
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([deep]);
        }
        assert_eq!(properties(&json!({ "deep": deep })), Err(InvalidEvent::Properties));
        assert_eq!(properties(&json!({ "long": "a".repeat(4_096) })), Err(InvalidEvent::Properties));
        let many: Map<String, Value> = (0..31).map(|number| (number.to_string(), json!(1))).collect();
        assert_eq!(Properties::try_from(&many), Err(InvalidEvent::Properties));
    }

    #[test]
    fn names_have_bounds() {
        for text in ["", "  ", "a\0b", "a\nb"] {
            assert_eq!(EventName::try_from(text.to_owned()), Err(InvalidEvent::Name));
        }
        assert!(EventName::try_from("é".repeat(120)).is_ok());
        assert!(EventName::try_from("é".repeat(121)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_within_bounds(text in ".{0,200}") {
            if let Ok(page) = PageUrl::parse(&text) {
                prop_assert!(page.path.len() <= PageUrl::MAX_PATH && page.path.is_ascii());
            }
            if let Ok(Some(host)) = referrer_host(&text) {
                prop_assert!(host.len() <= Domain::MAX_LEN);
            }
        }
    }
}
