use serde::{Serialize, Serializer};

/// A share in percent, to two decimals, shown without padding: `4.5`, `50.01`, `20`.
///
/// It is rounded half up, but shows 100 only when all is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percentage {
    hundredths: u64,
}

impl Percentage {
    /// How much of `limit` is `used`; 0 without a limit, 100 where there is something of nothing.
    pub fn of(used: u64, limit: Option<u64>) -> Self {
        let hundredths = match limit {
            None => 0,
            Some(0) => u64::from(used > 0) * 10_000,
            Some(limit) => {
                let (used, limit) = (u128::from(used), u128::from(limit));
                let rounded = (used * 20_000 + limit) / (limit * 2);
                let rounded = if used < limit { rounded.min(9_999) } else { rounded };
                u64::try_from(rounded).unwrap_or(u64::MAX)
            }
        };
        Self { hundredths }
    }
}

impl Serialize for Percentage {
    #[expect(clippy::cast_precision_loss, reason = "a JSON number; beyond 2^53 hundredths nobody counts decimals")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.hundredths.is_multiple_of(100) {
            serializer.serialize_u64(self.hundredths / 100)
        } else {
            serializer.serialize_f64(self.hundredths as f64 / 100.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(used: u64, limit: u64) -> String {
        serde_json::to_string(&Percentage::of(used, Some(limit))).unwrap()
    }

    #[test]
    fn two_decimals_are_shown_without_padding() {
        assert_eq!(shown(45, 1_000), "4.5");
        assert_eq!(shown(5_001, 10_000), "50.01");
        assert_eq!(shown(1_073_741_824, 5_368_709_120), "20");
        assert_eq!(shown(1, 3), "33.33");
        assert_eq!(shown(2, 3), "66.67");
        assert_eq!(shown(0, 100), "0");
        assert_eq!(shown(100, 100), "100");
        assert_eq!(shown(150, 100), "150");
    }

    #[test]
    fn a_hundred_means_all_of_it() {
        assert_eq!(shown(99_999_999, 100_000_000), "99.99");
        assert_eq!(shown(1, 0), "100");
        assert_eq!(shown(0, 0), "0");
        assert_eq!(serde_json::to_string(&Percentage::of(7, None)).unwrap(), "0");
    }

    #[test]
    fn the_largest_counts_have_a_share() {
        assert_eq!(shown(crate::MAX_COUNT, crate::MAX_COUNT), "100");
        assert_eq!(shown(crate::MAX_COUNT - 1, crate::MAX_COUNT), "99.99");
    }
}
