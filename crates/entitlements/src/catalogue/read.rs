use core_domain::{RateLimit, Tier, WireWord as _};
use serde::Deserialize;
use toml::{Spanned, Value};

use super::{CatalogueError, TierTerms};
use crate::{Allowance, Feature, FeatureKey, Kind, LimitedStock, MAX_COUNT, Overage, Reset};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tiers: ByTier<TierTable>,
    #[serde(default)]
    features: Vec<FeatureTable>,
}

/// One of each tier: a missing one is an error at the table that should hold it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByTier<T> {
    free: T,
    starter: T,
    pro: T,
    business: T,
    agency: T,
    enterprise: T,
}

impl<T> ByTier<T> {
    /// In the order of [`Tier::ALL`].
    fn in_order(self) -> [T; 6] {
        [self.free, self.starter, self.pro, self.business, self.agency, self.enterprise]
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierTable {
    rate_limit: Spanned<Value>,
    burst: Option<Spanned<i64>>,
    #[serde(default = "yes")]
    self_service: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FeatureTable {
    key: Spanned<String>,
    label: Spanned<String>,
    kind: Spanned<String>,
    unit: Option<String>,
    reset: Option<Spanned<String>>,
    overage: Option<Spanned<String>>,
    limits: ByTier<Spanned<Value>>,
}

/// Where a fault lies, in bytes, and what it is.
type Fault = (usize, String);

pub(super) fn read(text: &str) -> Result<([TierTerms; 6], Vec<Feature>), CatalogueError> {
    checked(text).map_err(|(at, reason)| CatalogueError { line: line_of(text, at), reason })
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

fn checked(text: &str) -> Result<([TierTerms; 6], Vec<Feature>), Fault> {
    let file: File = toml::from_str(text)
        .map_err(|error| (error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
    let mut tiers = Vec::new();
    for table in file.tiers.in_order() {
        tiers.push(tier(&table)?);
    }
    let mut features: Vec<Feature> = Vec::new();
    for table in file.features {
        let at = table.key.span().start;
        let feature = feature(table)?;
        if features.iter().any(|earlier| earlier.key == feature.key) {
            return Err((at, format!("the feature {} is there twice", feature.key)));
        }
        features.push(feature);
    }
    let tiers = tiers.try_into().map_err(|_| (0, "a tier is missing".to_owned()))?;
    Ok((tiers, features))
}

fn tier(table: &TierTable) -> Result<TierTerms, Fault> {
    const MAX_BURST: i64 = 1_000;
    let at = table.rate_limit.span().start;
    let burst = table.burst.as_ref().map_or(Ok(0), |burst| match u32::try_from(*burst.get_ref()) {
        Ok(percent) if i64::from(percent) <= MAX_BURST => Ok(percent),
        _ => Err((burst.span().start, format!("burst is a percentage from 0 to {MAX_BURST}"))),
    })?;
    let rate_limit = match table.rate_limit.get_ref() {
        Value::Integer(number) if (1..=1_000_000_000).contains(number) => {
            RateLimit { per_minute: u32::try_from(*number).unwrap_or(u32::MAX), burst_percent: burst }
        }
        Value::String(word) if word == "unlimited" && burst == 0 => RateLimit::UNLIMITED,
        Value::String(word) if word == "unlimited" => return Err((at, "what is unlimited has no burst".to_owned())),
        _ => return Err((at, "rate_limit is a number from 1 to 1000000000, or \"unlimited\"".to_owned())),
    };
    Ok(TierTerms { rate_limit, self_service: table.self_service })
}

fn feature(table: FeatureTable) -> Result<Feature, Fault> {
    let at = table.key.span().start;
    let key = FeatureKey::try_from(table.key.get_ref().as_str()).map_err(|fault| (at, fault.to_string()))?;
    if table.label.get_ref().trim().is_empty() {
        return Err((table.label.span().start, "the label is empty".to_owned()));
    }
    let kind = kind(&table)?;
    let overage = match &table.overage {
        None => Overage::Refuse,
        Some(word) => match word.get_ref().as_str() {
            "refuse" => Overage::Refuse,
            "allow" if kind != Kind::Boolean => Overage::Allow,
            "allow" => return Err((word.span().start, "a boolean feature has no overage".to_owned())),
            _ => return Err((word.span().start, "overage is \"refuse\" or \"allow\"".to_owned())),
        },
    };
    let is_stock = LimitedStock::ALL.iter().any(|stock| stock.key() == key.as_str());
    if is_stock && (kind != Kind::Level || overage == Overage::Allow) {
        return Err((at, format!("{key} is counted by the service itself: it must be a level that refuses overage")));
    }
    let mut by_tier = [Allowance::NotIncluded; 6];
    for ((allowance, value), tier) in by_tier.iter_mut().zip(table.limits.in_order()).zip(Tier::ALL) {
        *allowance = limit(kind, &value).map_err(|reason| (value.span().start, format!("{key}, {tier}: {reason}")))?;
    }
    Ok(Feature { key, label: table.label.into_inner(), kind, unit: table.unit, overage, by_tier })
}

fn kind(table: &FeatureTable) -> Result<Kind, Fault> {
    let reset = table.reset.as_ref().map(|word| (word.span().start, word.get_ref().as_str()));
    let kind = match (table.kind.get_ref().as_str(), reset) {
        ("boolean", None) => Kind::Boolean,
        ("level", None) => Kind::Level,
        ("boolean" | "level", Some((at, _))) => return Err((at, "only a metered feature has a reset".to_owned())),
        ("metered", Some((_, "monthly"))) => Kind::Metered(Reset::Monthly),
        ("metered", Some((_, "daily"))) => Kind::Metered(Reset::Daily),
        ("metered", Some((_, "never"))) => Kind::Metered(Reset::Never),
        ("metered", Some((at, _))) => return Err((at, "reset is \"monthly\", \"daily\" or \"never\"".to_owned())),
        ("metered", None) => {
            return Err((table.kind.span().start, "a metered feature needs a reset".to_owned()));
        }
        _ => return Err((table.kind.span().start, "kind is \"boolean\", \"level\" or \"metered\"".to_owned())),
    };
    Ok(kind)
}

fn limit(kind: Kind, value: &Spanned<Value>) -> Result<Allowance, &'static str> {
    match (kind, value.get_ref()) {
        (_, Value::Boolean(false)) => Ok(Allowance::NotIncluded),
        (Kind::Boolean, Value::Boolean(true)) => Ok(Allowance::Unlimited),
        (Kind::Boolean, _) => Err("a boolean feature has true or false"),
        (_, Value::String(word)) if word == "unlimited" => Ok(Allowance::Unlimited),
        (_, Value::Integer(number)) => match u64::try_from(*number) {
            Ok(limit) if limit <= MAX_COUNT => Ok(Allowance::Limit(limit)),
            _ => Err("a limit is a number from 0 to 9007199254740991"),
        },
        _ => Err("a limit is a number, \"unlimited\", or false where the tier does not include the feature"),
    }
}
