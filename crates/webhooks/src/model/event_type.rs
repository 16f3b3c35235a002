use std::fmt;

/// The dotted type of an event, like `post.created`: `[a-z0-9_]+(\.[a-z0-9_]+)+`, at most 128 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventType(String);

/// A text that is no event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event type is dotted lower case, like post.created, of at most 128 characters")]
pub struct InvalidEventType;

/// Which event types a webhook is sent: an exact type, `post.*` (every type below `post.`), or `*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(String);

/// A text that is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pattern is an event type, a type's beginning and .*, or *")]
pub struct InvalidPattern;

/// The patterns of a webhook: 1 to 100, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriptions(Vec<Pattern>);

/// A wrong number of patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook has 1 to 100 patterns")]
pub struct InvalidSubscriptions;

const MAX_CHARS: usize = 128;

impl EventType {
    /// The type of a test of the owner's.
    pub fn webhook_test() -> Self {
        Self("webhook.test".to_owned())
    }

    /// The type as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EventType {
    type Error = InvalidEventType;

    fn try_from(text: String) -> Result<Self, InvalidEventType> {
        let valid = text.len() <= MAX_CHARS && text.contains('.') && text.split('.').all(is_segment);
        if valid { Ok(Self(text)) } else { Err(InvalidEventType) }
    }
}

impl From<EventType> for String {
    fn from(event_type: EventType) -> Self {
        event_type.0
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pattern {
    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether events of this type are meant.
    pub fn matches(&self, event_type: &str) -> bool {
        match self.0.strip_suffix('*') {
            // What is left ends with a dot, so `post.*` means neither `post` nor `posts.created`.
            Some(beginning) => event_type.starts_with(beginning),
            None => self.0 == event_type,
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = InvalidPattern;

    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        let valid = match text.strip_suffix(".*") {
            Some(beginning) => text.len() <= MAX_CHARS && beginning.split('.').all(is_segment),
            None => text == "*" || EventType::try_from(text.clone()).is_ok(),
        };
        if valid { Ok(Self(text)) } else { Err(InvalidPattern) }
    }
}

impl Subscriptions {
    /// The most patterns.
    pub const MAX: usize = 100;

    /// The patterns, in the order given.
    pub fn patterns(&self) -> &[Pattern] {
        &self.0
    }

    /// Whether a webhook with these is sent events of this type.
    pub fn match_type(&self, event_type: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(event_type))
    }
}

impl TryFrom<Vec<Pattern>> for Subscriptions {
    type Error = InvalidSubscriptions;

    fn try_from(mut patterns: Vec<Pattern>) -> Result<Self, InvalidSubscriptions> {
        let mut seen = std::collections::HashSet::new();
        patterns.retain(|pattern| seen.insert(pattern.clone()));
        if (1..=Self::MAX).contains(&patterns.len()) { Ok(Self(patterns)) } else { Err(InvalidSubscriptions) }
    }
}

fn is_segment(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// Every pattern that means what `text` means, a type or a pattern itself, by which webhooks are looked for.
pub fn patterns_covering(text: &str) -> Vec<String> {
    let dots = text.match_indices('.').map(|(position, _)| format!("{}.*", &text[..position]));
    let mut patterns: Vec<String> = dots.chain(["*".to_owned(), text.to_owned()]).collect();
    patterns.sort_unstable();
    patterns.dedup();
    patterns
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_star_means_every_type_below() {
        for (text, meant, not_meant) in [
            (
                "post.*",
                vec!["post.created", "post.comment.created"],
                vec!["post", "posts.created", "blog.post.created"],
            ),
            ("post.created", vec!["post.created"], vec!["post.created.late", "post.create"]),
            ("*", vec!["a.b", "post.created"], vec![]),
        ] {
            assert!(meant.iter().all(|event| pattern(text).matches(event)), "{text}");
            assert!(!not_meant.iter().any(|event| pattern(text).matches(event)), "{text}");
        }
    }

    #[test]
    fn types_and_patterns_have_one_form() {
        let long = format!("a.{}", "b".repeat(127));
        for text in
            ["", "post", ".", "post.", ".created", "post..created", "Post.created", "post.cre-ated", "p.\u{e9}", &long]
        {
            assert_eq!(EventType::try_from(text.to_owned()), Err(InvalidEventType), "{text}");
        }
        for text in ["", ".*", "post*", "*.created", "post.*.created", "**", "post", "POST.*"] {
            assert_eq!(Pattern::try_from(text.to_owned()), Err(InvalidPattern), "{text}");
        }
        assert!(EventType::try_from(long[..128].to_owned()).is_ok());
    }

    #[test]
    fn a_webhook_has_up_to_a_hundred_patterns_each_once() {
        let of = |count: usize| (0..count).map(|number| pattern(&format!("a.b{number}"))).collect::<Vec<_>>();
        assert!(Subscriptions::try_from(of(0)).is_err() && Subscriptions::try_from(of(101)).is_err());
        assert!(Subscriptions::try_from(of(100)).is_ok());
        let twice = Subscriptions::try_from(vec![pattern("*"), pattern("*")]).unwrap();
        assert_eq!(twice.patterns().len(), 1);
    }

    proptest! {
        #[test]
        fn the_covering_patterns_are_those_that_match(
            event in "[ab]{1,2}(\\.[ab]{1,2}){1,3}",
            text in "\\*|[ab]{1,2}(\\.[ab]{1,2}){0,2}\\.\\*|[ab]{1,2}(\\.[ab]{1,2}){1,3}",
        ) {
            prop_assert_eq!(pattern(&text).matches(&event), patterns_covering(&event).contains(&text));
        }
    }
}
