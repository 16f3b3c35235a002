mod read;

use core_domain::{RateLimit, Tier};

use crate::{Allowance, Feature, FeatureKey, Kind, LimitedStock, Overage};

/// A catalogue that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct CatalogueError {
    /// The line at fault, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// What a tier is, beside its features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierTerms {
    /// How many requests its callers may make; [`RateLimit::UNLIMITED`] for as many as they like.
    pub rate_limit: RateLimit,
    /// Whether a caller may choose it for a workspace.
    pub self_service: bool,
}

/// The tiers and features that there are. It is read once, at the start.
#[derive(Debug, Clone)]
pub struct Catalogue {
    tiers: [TierTerms; 6],
    features: Vec<Feature>,
}

impl Catalogue {
    /// The catalogue that comes with the program, as TOML.
    pub const DEFAULT: &str = include_str!("default.toml");

    /// Reads a catalogue from TOML.
    ///
    /// Every tier must be there; a stock that the service counts itself and the catalogue does not mention has no
    /// limit.
    ///
    /// # Errors
    /// [`CatalogueError`] names the first line at fault.
    pub fn from_toml(text: &str) -> Result<Self, CatalogueError> {
        let (tiers, mut features) = read::read(text)?;
        for stock in LimitedStock::ALL {
            if !features.iter().any(|feature| feature.key.as_str() == stock.key()) {
                features.push(unlimited(stock));
            }
        }
        Ok(Self { tiers, features })
    }

    /// What a tier is.
    pub fn tier(&self, tier: Tier) -> TierTerms {
        self.tiers[tier as usize]
    }

    /// Every feature, in the catalogue's order.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The feature of this key.
    pub fn feature(&self, key: &FeatureKey) -> Option<&Feature> {
        self.find(key.as_str())
    }

    /// The feature of this name, whatever text it is.
    pub fn find(&self, key: &str) -> Option<&Feature> {
        self.features.iter().find(|feature| feature.key.as_str() == key)
    }

    /// The feature of a stock. It is in every catalogue.
    pub(crate) fn stock(&self, stock: LimitedStock) -> &Feature {
        self.find(stock.key()).unwrap_or(&self.features[0])
    }

    /// The stock that the service counts itself under this feature.
    pub fn counted_by_the_service(feature: &Feature) -> Option<LimitedStock> {
        LimitedStock::ALL.into_iter().find(|stock| stock.key() == feature.key.as_str())
    }
}

#[expect(clippy::expect_used, reason = "the keys of stocks are keys: a test says so")]
fn unlimited(stock: LimitedStock) -> Feature {
    Feature {
        key: FeatureKey::try_from(stock.key()).expect("a key"),
        label: stock.label().to_owned(),
        kind: Kind::Level,
        unit: None,
        overage: Overage::Refuse,
        by_tier: [Allowance::Unlimited; 6],
    }
}

impl Default for Catalogue {
    /// The catalogue that comes with the program.
    ///
    /// # Panics
    /// Never: a test reads it.
    #[expect(clippy::expect_used, reason = "it is part of the program, and a test reads it")]
    fn default() -> Self {
        Self::from_toml(Self::DEFAULT).expect("the catalogue that comes with the program is well-formed")
    }
}
