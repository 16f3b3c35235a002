/// What a browser calls itself. Only its first part counts: browsers say all in it, and nothing longer is worth the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserAgent(String);

impl UserAgent {
    const MAX_BYTES: usize = 512;

    /// Whether it is a known bot, or says so little that no browser would.
    pub fn is_bot(&self) -> bool {
        iscrawl::is_crawler(&self.0)
    }

    /// As text, at most 512 bytes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for UserAgent {
    fn from(text: &str) -> Self {
        let end = (0..=Self::MAX_BYTES.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        Self(text[..end].to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bots_are_known_however_long_they_talk() {
        let long = format!("Googlebot/2.1 (+http://www.google.com/bot.html) {}", "x".repeat(10_000));
        for text in ["", "Googlebot/2.1 (+http://www.google.com/bot.html)", "curl/8.5.0", &long] {
            assert!(UserAgent::from(text).is_bot(), "{text}");
        }
    }

    #[test]
    fn browsers_are_no_bots() {
        for text in [
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0",
        ] {
            assert!(!UserAgent::from(text).is_bot(), "{text}");
        }
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        assert_eq!(UserAgent::from("é".repeat(400).as_str()).as_str().len(), 512);
        assert_eq!(UserAgent::from(format!("a{}", "é".repeat(400)).as_str()).as_str().len(), 511);
    }
}
