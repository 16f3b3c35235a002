use crate::{ExtraScores, Score, Scores};

/// A score that is worse than in the report before.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Drop {
    /// The category.
    pub category: String,
    /// The score before.
    pub from: Score,
    /// The score now.
    pub to: Score,
    /// By how much it fell.
    pub points: u8,
}

impl Drop {
    /// From how many points on it is told.
    pub const TOLD_FROM: u8 = 10;
}

/// The scores that fell by [`Drop::TOLD_FROM`] points or more. A score that is missing on either side did not fall.
pub fn drops(before: (&Scores, &ExtraScores), now: (&Scores, &ExtraScores)) -> Vec<Drop> {
    let known = before.0.named().into_iter().zip(now.0.named());
    let known = known.map(|((category, from), (_, to))| (category, from, to));
    let extra = before.1.iter().map(|(name, from)| (name.as_str(), *from, now.1.get(name).copied().flatten()));
    known
        .chain(extra)
        .filter_map(|(category, from, to)| {
            let (from, to) = (from?, to?);
            let points = from.get().saturating_sub(to.get());
            (points >= Drop::TOLD_FROM).then(|| Drop { category: category.to_owned(), from, to, points })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CategoryName;

    fn score(number: i64) -> Option<Score> {
        Score::try_from(number).ok()
    }

    #[test]
    fn ten_points_are_told_and_nine_are_not() {
        let before = Scores { performance: score(90), accessibility: score(90), best_practices: score(50), seo: None };
        let now = Scores { performance: score(80), accessibility: score(81), best_practices: None, seo: score(0) };
        let name = CategoryName::try_from("pwa").unwrap();
        let extra = |number| ExtraScores::from([(name.clone(), score(number))]);
        let told = drops((&before, &extra(60)), (&now, &extra(30)));
        let told: Vec<_> = told.iter().map(|drop| (drop.category.as_str(), drop.points)).collect();
        assert_eq!(told, [("performance", 10), ("pwa", 30)]);
    }
}
