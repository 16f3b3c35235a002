use std::fmt;

use core_domain::{Entropy, random_base62};

/// A workspace's name in URLs: `[a-z0-9]+(-[a-z0-9]+)*`, at most 63 characters, unique among live workspaces.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Slug(String);

/// A text that is no slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the slug must be lower-case letters and digits, joined by single hyphens, at most 63 characters")]
pub struct InvalidSlug;

impl Slug {
    /// The longest slug, in characters.
    pub const MAX_LEN: usize = 63;
    const TAIL_LEN: usize = 6;

    /// The slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes a slug from a name, Unicode folded to ASCII: `Zoë & Søn` becomes `zoe-son`.
    ///
    /// A name with nothing to keep becomes `workspace`.
    pub fn from_name(name: &str) -> Self {
        let folded = slug::slugify(name);
        let cut: String = folded.chars().take(Self::MAX_LEN).collect();
        match cut.trim_end_matches('-') {
            "" => Self("workspace".to_owned()),
            text => Self(text.to_owned()),
        }
    }

    /// This slug with a short random tail, for when it is taken: `acme` becomes `acme-x3k9qa`.
    #[must_use]
    pub fn with_tail(&self, entropy: &dyn Entropy) -> Self {
        let tail = random_base62(entropy, Self::TAIL_LEN).to_ascii_lowercase();
        let kept = self.0.get(..Self::MAX_LEN - Self::TAIL_LEN - 1).unwrap_or(&self.0);
        Self(format!("{}-{tail}", kept.trim_end_matches('-')))
    }
}

impl TryFrom<&str> for Slug {
    type Error = InvalidSlug;

    fn try_from(text: &str) -> Result<Self, InvalidSlug> {
        let is_part = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let valid = text.len() <= Self::MAX_LEN && text.split('-').all(is_part);
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidSlug) }
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Sevens;

    impl Entropy for Sevens {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    #[test]
    fn names_are_folded_to_ascii() {
        for (name, slug) in [
            ("Acme Corporation", "acme-corporation"),
            ("Zoë & Søn", "zoe-son"),
            ("  --  ", "workspace"),
            ("北京", "bei-jing"),
            ("🦀", "crab"),
        ] {
            assert_eq!(Slug::from_name(name).as_str(), slug);
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "-", "a-", "-a", "a--b", "A", "a_b", "a b", "é", &"a".repeat(64)] {
            assert_eq!(Slug::try_from(text), Err(InvalidSlug), "{text}");
        }
        assert!(Slug::try_from("a".repeat(63).as_str()).is_ok());
    }

    proptest! {
        #[test]
        fn every_name_makes_a_valid_slug(name in ".{0,300}") {
            let slug = Slug::from_name(&name);
            prop_assert!(Slug::try_from(slug.as_str()).is_ok(), "{slug}");
            let tailed = slug.with_tail(&Sevens);
            prop_assert!(Slug::try_from(tailed.as_str()).is_ok(), "{tailed}");
            prop_assert_ne!(tailed, slug);
        }
    }
}
