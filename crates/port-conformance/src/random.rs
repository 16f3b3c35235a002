//! Random choices that are the same on every run.

use core_domain::Entropy;
use testkit::SeededEntropy;

pub(crate) struct Random(SeededEntropy);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    pub(crate) fn below(&self, bound: usize) -> usize {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        usize::try_from(u32::from_le_bytes(bytes)).unwrap() % bound
    }

    pub(crate) fn pick<'a, T>(&self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// `Some` in so many cases of a hundred.
    pub(crate) fn sometimes<T>(&self, percent: usize, value: impl FnOnce() -> T) -> Option<T> {
        (self.below(100) < percent).then(value)
    }
}
