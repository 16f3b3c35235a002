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
    fn a_ceiling_is_the_limit_and_its_burst_rounded_down() {
        let ceiling = |per_minute, burst_percent| RateLimit { per_minute, burst_percent }.ceiling();
        assert_eq!([ceiling(60, 0), ceiling(5_000, 30), ceiling(33, 10)], [60, 6_500, 36]);
        assert_eq!(RateLimit::UNLIMITED.ceiling(), u64::from(u32::MAX));
    }
}
