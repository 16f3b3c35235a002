use url::Url;

/// The campaign that a page's URL names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Utm {
    /// `utm_source`.
    pub source: Option<String>,
    /// `utm_medium`.
    pub medium: Option<String>,
    /// `utm_campaign`.
    pub campaign: Option<String>,
    /// `utm_term`.
    pub term: Option<String>,
    /// `utm_content`.
    pub content: Option<String>,
}

impl Utm {
    const MAX_CHARS: usize = 120;

    /// Reads a URL's query. Of a parameter that is given twice the first counts; what is too long is cut.
    pub fn of(url: &Url) -> Self {
        let mut utm = Self::default();
        for (name, value) in url.query_pairs() {
            let field = match &*name {
                "utm_source" => &mut utm.source,
                "utm_medium" => &mut utm.medium,
                "utm_campaign" => &mut utm.campaign,
                "utm_term" => &mut utm.term,
                "utm_content" => &mut utm.content,
                _ => continue,
            };
            let value: String = value.chars().filter(|letter| !letter.is_control()).take(Self::MAX_CHARS).collect();
            if field.is_none() && !value.is_empty() {
                *field = Some(value);
            }
        }
        utm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Utm {
        Utm::of(&Url::parse(&format!("https://example.com/?{query}")).unwrap())
    }

    #[test]
    fn the_first_of_each_counts_without_control_characters() {
        let utm = read("utm_source=a%00b&utm_source=c&utm_medium=&utm_campaign=spring%20sale&other=1");
        assert_eq!(
            (utm.source.as_deref(), utm.medium, utm.campaign.as_deref()),
            (Some("ab"), None, Some("spring sale"))
        );
    }

    #[test]
    fn what_is_too_long_is_cut() {
        assert_eq!(read(&format!("utm_term={}", "a".repeat(1_000))).term.map(|term| term.len()), Some(120));
    }
}
