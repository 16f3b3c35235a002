use crate::WireWord;

/// A subscription tier, from the smallest to the largest: `free < starter < ... < enterprise`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each variant is its wire word below")]
pub enum Tier {
    Free,
    Starter,
    Pro,
    Business,
    Agency,
    Enterprise,
}

crate::wire_words!(Tier {
    Free = "free",
    Starter = "starter",
    Pro = "pro",
    Business = "business",
    Agency = "agency",
    Enterprise = "enterprise",
});

impl Tier {
    /// The tier's place in the order, as stored. Gaps leave room for tiers between two others.
    pub const fn rank(self) -> i16 {
        match self {
            Self::Free => 10,
            Self::Starter => 20,
            Self::Pro => 30,
            Self::Business => 40,
            Self::Agency => 50,
            Self::Enterprise => 60,
        }
    }

    /// The tier with this [`rank`](Self::rank).
    pub fn from_rank(rank: i16) -> Option<Self> {
        Self::ALL.iter().copied().find(|tier| tier.rank() == rank)
    }

    /// The tier's request allowance (reference: Rate Limits).
    pub const fn rate_limit(self) -> RateLimit {
        let (per_minute, burst_percent) = match self {
            Self::Free => (60, 0),
            Self::Starter => (1_000, 20),
            Self::Pro => (5_000, 30),
            Self::Business => (10_000, 40),
            Self::Agency => (20_000, 50),
            Self::Enterprise => (100_000, 100),
        };
        RateLimit { per_minute, burst_percent }
    }
}

/// How many requests a caller may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RateLimit {
    /// Requests in any 60 seconds, as advertised.
    pub per_minute: u32,
    /// Slack above `per_minute`, in percent of it.
    pub burst_percent: u32,
}

impl RateLimit {
    /// As many as anyone can make: no caller comes near it.
    pub const UNLIMITED: Self = Self { per_minute: u32::MAX, burst_percent: 0 };

    /// The most requests ever let through in any 60 seconds: `floor(per_minute x (1 + burst))`.
    pub const fn ceiling(self) -> u64 {
        self.per_minute as u64 * (100 + self.burst_percent as u64) / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_follows_rank() {
        assert!(Tier::ALL.is_sorted());
        assert!(Tier::ALL.iter().map(|tier| tier.rank()).is_sorted());
        assert!(Tier::ALL.iter().all(|tier| Tier::from_rank(tier.rank()) == Some(*tier)));
    }

    #[test]
    fn ceilings_follow_the_reference() {
        let ceilings: Vec<u64> = Tier::ALL.iter().map(|tier| tier.rate_limit().ceiling()).collect();
        assert_eq!(ceilings, [60, 1_200, 6_500, 14_000, 30_000, 200_000]);
    }
}
