use std::collections::BTreeMap;
use std::fmt;

/// How well a page does in one category: a whole number from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Score(u8);

/// A number that is no score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a score must be an integer between 0 and 100")]
pub struct InvalidScore;

impl Score {
    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The score of a fraction from 0 to 1, rounded and not cut: 0.29 is 29, though 0.29 x 100 is less than 29.
    pub fn from_fraction(fraction: f64) -> Result<Self, InvalidScore> {
        if !(0.0..=1.0).contains(&fraction) {
            return Err(InvalidScore);
        }
        let percent = (fraction * 100.0).round();
        (0..=100).find(|whole| (f64::from(*whole) - percent).abs() < 0.5).map(Self).ok_or(InvalidScore)
    }
}

impl TryFrom<i64> for Score {
    type Error = InvalidScore;

    fn try_from(number: i64) -> Result<Self, InvalidScore> {
        u8::try_from(number).ok().filter(|number| *number <= 100).map(Self).ok_or(InvalidScore)
    }
}

/// The scores of the four known categories; `None` where the tool gave none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is a category's name")]
pub struct Scores {
    pub performance: Option<Score>,
    pub accessibility: Option<Score>,
    pub best_practices: Option<Score>,
    pub seo: Option<Score>,
}

impl Scores {
    /// Each category's name with its score.
    pub fn named(&self) -> [(&'static str, Option<Score>); 4] {
        [
            ("performance", self.performance),
            ("accessibility", self.accessibility),
            ("best_practices", self.best_practices),
            ("seo", self.seo),
        ]
    }

    /// The place of a category's score.
    pub fn named_mut(&mut self, name: &str) -> Option<&mut Option<Score>> {
        match name {
            "performance" => Some(&mut self.performance),
            "accessibility" => Some(&mut self.accessibility),
            "best_practices" => Some(&mut self.best_practices),
            "seo" => Some(&mut self.seo),
            _ => None,
        }
    }
}

/// A category's name: `[a-z0-9_-]+`, at most 64 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct CategoryName(String);

/// A text that is no category's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a category's name must be lower-case letters, digits, hyphens and underscores, at most 64")]
pub struct InvalidCategoryName;

impl CategoryName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for CategoryName {
    type Error = InvalidCategoryName;

    fn try_from(text: &str) -> Result<Self, InvalidCategoryName> {
        if is_word(text, 64) { Ok(Self(text.to_owned())) } else { Err(InvalidCategoryName) }
    }
}

impl fmt::Display for CategoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The scores of categories beside the four, such as `pwa`; at most 20.
pub type ExtraScores = BTreeMap<CategoryName, Option<Score>>;

/// The most categories that are kept beside the four.
pub(crate) const MAX_EXTRA_SCORES: usize = 20;

/// `[a-z0-9_-]+`, at most so many characters.
pub(crate) fn is_word(text: &str, most: usize) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    !text.is_empty() && text.len() <= most && text.bytes().all(is_fit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hundredth_is_rounded_to_its_own_score() {
        for whole in 0..=100_u8 {
            let text = format!("{}.{:02}", whole / 100, whole % 100);
            assert_eq!(Score::from_fraction(text.parse().unwrap()), Ok(Score(whole)));
        }
        assert_eq!(Score::from_fraction(0.295), Ok(Score(30)));
    }

    #[test]
    fn bounds_hold() {
        for wrong in [-0.001, 1.001, 29.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308] {
            assert_eq!(Score::from_fraction(wrong), Err(InvalidScore), "{wrong}");
        }
        for wrong in [-1, 101, i64::MIN, i64::MAX, 256] {
            assert_eq!(Score::try_from(wrong), Err(InvalidScore), "{wrong}");
        }
        assert_eq!(Score::try_from(100).map(Score::get), Ok(100));
    }
}
