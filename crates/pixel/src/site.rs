use core_domain::{ListQuery, Order, Realm, SiteId, Sort, TimeRange, Timestamp};

use crate::{Domain, EventClass};

/// A domain whose visits are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its id.
    pub id: SiteId,
    /// Whose it is.
    pub place: Realm,
    /// Its domain; no other site has it.
    pub domain: Domain,
    /// What is taken from it.
    pub settings: SiteSettings,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What is taken from a site's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct SiteSettings {
    /// Whether its subdomains belong to it, but for those that are sites of their own.
    pub subdomains: bool,
    /// Whether anything is taken.
    pub enabled: bool,
    /// What is taken.
    pub features: Features,
    /// The share of page views that the script reports.
    pub sample_rate: SampleRate,
    /// Whether a visitor's `Sec-GPC` is honoured.
    pub honours_gpc: bool,
    /// Whether a visitor's `DNT` is honoured.
    pub honours_dnt: bool,
}

impl Default for SiteSettings {
    /// Everything is taken, but not from who asks not to be tracked.
    fn default() -> Self {
        Self {
            subdomains: false,
            enabled: true,
            features: Features { pageviews: true, events: true, sessions: true },
            sample_rate: SampleRate::ALL,
            honours_gpc: true,
            honours_dnt: true,
        }
    }
}

/// Kinds of things to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// Page views.
    pub pageviews: bool,
    /// The site's own events.
    pub events: bool,
    /// Sessions, and that a page was left.
    pub sessions: bool,
}

impl Features {
    /// Whether events of this class are taken.
    pub const fn takes(self, class: EventClass) -> bool {
        match class {
            EventClass::Pageview => self.pageviews,
            EventClass::Leave => self.sessions,
            EventClass::Own => self.events,
        }
    }
}

/// A share from 0 to 1, to six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleRate(u32);

/// Why a number is no share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sample_rate must be a number from 0 to 1")]
pub struct InvalidSampleRate;

impl SampleRate {
    const WHOLE: u32 = 1_000_000;
    /// Everything.
    pub const ALL: Self = Self(Self::WHOLE);

    /// In millionths.
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// From millionths.
    ///
    /// # Errors
    /// More than a whole.
    pub fn from_millionths(number: u32) -> Result<Self, InvalidSampleRate> {
        if number <= Self::WHOLE { Ok(Self(number)) } else { Err(InvalidSampleRate) }
    }

    /// As a number.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / f64::from(Self::WHOLE)
    }
}

impl TryFrom<f64> for SampleRate {
    type Error = InvalidSampleRate;

    fn try_from(share: f64) -> Result<Self, InvalidSampleRate> {
        if !(0.0..=1.0).contains(&share) {
            return Err(InvalidSampleRate);
        }
        // The only way from a float to its digits that can't be wrong about its range.
        let digits = format!("{:.0}", share * f64::from(Self::WHOLE));
        digits.parse().map_err(|_| InvalidSampleRate).and_then(Self::from_millionths)
    }
}

/// Which sites a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteFilter {
    /// Whether they are enabled.
    pub enabled: Option<bool>,
    /// When they were made.
    pub created: TimeRange,
    /// When they were changed last.
    pub updated: TimeRange,
    /// A part of their domain, lower case.
    pub search: Option<String>,
}

/// One page of a list of sites.
pub type SiteQuery = ListQuery<SiteFilter, SiteSort>;

/// What sites are listed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteSort {
    /// When they were made.
    CreatedAt,
    /// Their id.
    Id,
    /// Their domain.
    Domain,
}

core_domain::wire_words!(SiteSort { CreatedAt = "created_at", Id = "id", Domain = "domain" });

impl SiteSort {
    /// The newest first.
    pub const DEFAULT: Sort<Self> = Sort { field: Self::CreatedAt, order: Order::Descending };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept_to_six_decimals() {
        for (share, millionths) in [(0.0, 0), (1.0, 1_000_000), (0.5, 500_000), (0.333_333_3, 333_333), (0.29, 290_000)]
        {
            assert_eq!(SampleRate::try_from(share).map(SampleRate::millionths), Ok(millionths));
        }
        for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(SampleRate::try_from(share), Err(InvalidSampleRate));
        }
    }
}
