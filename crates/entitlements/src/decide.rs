//! The decisions, as pure functions of a counter and what bounds it.

use crate::{Allowance, Change, Counter, MAX_COUNT, Overage, Quantity, Refusal};

/// What a change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The difference that was recorded; 0 when a stock that was empty gave something back.
    pub difference: i64,
    /// How much is used after it.
    pub used: u64,
}

/// Whether a check passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// `None` when it passes.
    pub refusal: Option<Refusal>,
    /// How much is left; `None` without a limit.
    pub available: Option<u64>,
}

/// How much of the limit is neither used nor held; `None` without a limit.
pub fn available(counter: &Counter, allowance: Allowance) -> Option<u64> {
    Some(allowance.limit()?.saturating_sub(counter.used.saturating_add(counter.held)))
}

/// Whether so much more could be used. Nothing is promised by it.
pub fn check(counter: &Counter, allowance: Allowance, overage: Overage, quantity: Quantity) -> Checked {
    let refusal = admit(counter, allowance, overage, quantity.get()).err();
    Checked { refusal, available: available(counter, allowance) }
}

/// Applies a change to the counter, or leaves it as it was.
///
/// A release ends at 0, and is never refused. Freeing what a tier no longer includes is allowed too.
pub fn apply(
    counter: &mut Counter,
    allowance: Allowance,
    overage: Overage,
    change: Change,
) -> Result<Applied, Refusal> {
    let difference = match change {
        Change::Use(quantity) => {
            admit(counter, allowance, overage, quantity.get())?;
            counter.used += quantity.get();
            signed(quantity.get())
        }
        Change::Free(quantity) => {
            let freed = quantity.get().min(counter.used);
            counter.used -= freed;
            -signed(freed)
        }
    };
    Ok(Applied { difference, used: counter.used })
}

/// Whether so much can be held.
pub fn hold(counter: &Counter, allowance: Allowance, overage: Overage, quantity: Quantity) -> Result<(), Refusal> {
    admit(counter, allowance, overage, quantity.get())
}

/// Turns a hold that is counted in `counter` into usage.
///
/// Up to what was held it always succeeds, whatever became of the tier: that was promised. What goes beyond must be
/// allowed like any other usage.
pub fn confirm(
    counter: &mut Counter,
    allowance: Allowance,
    overage: Overage,
    held: Quantity,
    actual: u64,
) -> Result<Applied, Refusal> {
    let rest = Counter { held: counter.held.saturating_sub(held.get()), ..*counter };
    if actual > held.get() {
        admit(&rest, allowance, overage, actual)?;
    }
    if rest.used + actual > MAX_COUNT {
        return Err(Refusal::TooMuch);
    }
    *counter = Counter { used: rest.used + actual, ..rest };
    Ok(Applied { difference: signed(actual), used: counter.used })
}

fn admit(counter: &Counter, allowance: Allowance, overage: Overage, quantity: u64) -> Result<(), Refusal> {
    let taken = counter.used.saturating_add(counter.held);
    if allowance == Allowance::NotIncluded {
        return Err(Refusal::NotIncluded);
    }
    if taken.saturating_add(quantity) > MAX_COUNT {
        return Err(Refusal::TooMuch);
    }
    match (allowance, overage) {
        (Allowance::Limit(limit), Overage::Refuse) if taken + quantity > limit => Err(Refusal::LimitReached),
        _ => Ok(()),
    }
}

/// Exact: no count is larger than [`MAX_COUNT`].
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
