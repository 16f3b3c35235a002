use crate::{Allowance, Announced, Counter, Feature};

/// At how many percent of the limit the warning is sent.
const WARNING_PERCENT: u128 = 80;

/// Notes on the counter which thresholds it has passed, and tells those that are to be announced now, in order.
///
/// Each once a period. A stock has no period: its thresholds count again once less than 80 % is used.
pub(crate) fn due(counter: &mut Counter, feature: &Feature, allowance: Allowance) -> &'static [Announced] {
    use Announced::{Nothing, Reached, Warning};
    let passed = match allowance {
        Allowance::Limit(limit) if limit > 0 => passed(counter.used, limit),
        _ => Nothing,
    };
    let due: &[Announced] = match (counter.announced, passed) {
        (Nothing, Warning) => &[Warning],
        (Nothing, Reached) => &[Warning, Reached],
        (Warning, Reached) => &[Reached],
        _ => &[],
    };
    counter.announced = if feature.is_level() && passed == Nothing { Nothing } else { counter.announced.max(passed) };
    due
}

fn passed(used: u64, limit: u64) -> Announced {
    if used >= limit {
        Announced::Reached
    } else if u128::from(used) * 100 >= u128::from(limit) * WARNING_PERCENT {
        Announced::Warning
    } else {
        Announced::Nothing
    }
}
