//! The decisions against a ledger that keeps everything and adds it up anew each time.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is to panic")]

use core_domain::{Tier, Timestamp};
use entitlements::decide::{apply, available, check, confirm, hold};
use entitlements::{Allowance, Catalogue, Change, Counter, Extra, MAX_COUNT, Overage, Quantity, Refusal, Terms};
use proptest::prelude::*;

fn quantity(number: u64) -> Quantity {
    Quantity::try_from(i64::try_from(number).unwrap()).unwrap()
}

/// Every change and every hold, each by itself.
#[derive(Debug, Default)]
struct Ledger {
    changes: Vec<i128>,
    holds: Vec<u64>,
}

impl Ledger {
    fn used(&self) -> u64 {
        u64::try_from(self.changes.iter().sum::<i128>()).unwrap()
    }

    fn held(&self) -> u64 {
        self.holds.iter().sum()
    }

    /// What the contract says of `quantity` more.
    fn verdict(&self, allowance: Allowance, overage: Overage, quantity: u64) -> Result<(), Refusal> {
        let total = u128::from(self.used()) + u128::from(self.held()) + u128::from(quantity);
        match allowance {
            Allowance::NotIncluded => Err(Refusal::NotIncluded),
            _ if total > u128::from(MAX_COUNT) => Err(Refusal::TooMuch),
            Allowance::Limit(limit) if overage == Overage::Refuse && total > u128::from(limit) => {
                Err(Refusal::LimitReached)
            }
            _ => Ok(()),
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Use(u64),
    Free(u64),
    Hold(u64),
    /// Of the hold at this place, with so much more or less than it.
    Confirm(usize, i64),
    Drop(usize),
    Allow(Allowance),
}

fn step() -> impl Strategy<Value = Step> {
    let some = || prop_oneof![9 => 1_u64..60, 1 => (MAX_COUNT - 50)..=MAX_COUNT];
    prop_oneof![
        some().prop_map(Step::Use),
        some().prop_map(Step::Free),
        some().prop_map(Step::Hold),
        (any::<usize>(), -20_i64..20).prop_map(|(place, more)| Step::Confirm(place, more)),
        any::<usize>().prop_map(Step::Drop),
        prop_oneof![
            4 => (0_u64..300).prop_map(Allowance::Limit),
            1 => Just(Allowance::Unlimited),
            1 => Just(Allowance::NotIncluded),
        ]
        .prop_map(Step::Allow),
    ]
}

proptest! {
    #[test]
    fn any_sequence_equals_the_ledger(
        steps in prop::collection::vec(step(), 1..80),
        overage in prop::sample::select(vec![Overage::Refuse, Overage::Allow]),
    ) {
        let (mut counter, mut ledger, mut allowance) = (Counter::default(), Ledger::default(), Allowance::Limit(200));
        for step in steps {
            match step {
                Step::Allow(new) => allowance = new,
                Step::Use(number) => {
                    let expected = ledger.verdict(allowance, overage, number);
                    prop_assert_eq!(check(&counter, allowance, overage, quantity(number)).refusal, expected.err());
                    let got = apply(&mut counter, allowance, overage, Change::Use(quantity(number)));
                    prop_assert_eq!(got.map(drop), expected);
                    if expected.is_ok() {
                        ledger.changes.push(number.into());
                    }
                }
                Step::Free(number) => {
                    let freed = number.min(ledger.used());
                    ledger.changes.push(-i128::from(freed));
                    let got = apply(&mut counter, allowance, overage, Change::Free(quantity(number))).unwrap();
                    prop_assert_eq!(i128::from(got.difference), -i128::from(freed));
                }
                Step::Hold(number) => {
                    let expected = ledger.verdict(allowance, overage, number);
                    prop_assert_eq!(hold(&counter, allowance, overage, quantity(number)), expected);
                    if expected.is_ok() {
                        ledger.holds.push(number);
                        counter.held += number;
                    }
                }
                Step::Confirm(place, more) if !ledger.holds.is_empty() => {
                    let place = place % ledger.holds.len();
                    let held = ledger.holds[place];
                    let actual = held.saturating_add_signed(more).min(MAX_COUNT);
                    let mut others = Ledger { changes: ledger.changes.clone(), holds: ledger.holds.clone() };
                    others.holds.remove(place);
                    let expected =
                        if actual <= held { Ok(()) } else { others.verdict(allowance, overage, actual) };
                    let got = confirm(&mut counter, allowance, overage, quantity(held), actual);
                    prop_assert_eq!(got.map(drop), expected);
                    if expected.is_ok() {
                        others.changes.push(actual.into());
                        ledger = others;
                    }
                }
                Step::Drop(place) if !ledger.holds.is_empty() => {
                    counter.held -= ledger.holds.remove(place % ledger.holds.len());
                }
                Step::Confirm(..) | Step::Drop(_) => {}
            }
            prop_assert_eq!((counter.used, counter.held), (ledger.used(), ledger.held()));
            let left = allowance.limit().map(|limit| limit.saturating_sub(ledger.used() + ledger.held()));
            prop_assert_eq!(available(&counter, allowance), left);
        }
    }
}

#[test]
fn an_override_adds_until_its_very_end() {
    let catalogue = Catalogue::default();
    let (posts, domain) = (catalogue.find("posts").unwrap(), catalogue.find("custom_domain").unwrap());
    let end = Timestamp::parse("2026-02-01T00:00:00Z").unwrap();
    let before = Timestamp::from_unix_micros(end.as_unix_micros() - 1).unwrap();
    let terms = |extra| Terms { tier: Tier::Free, addition: Some((extra, Some(end))) };
    assert_eq!(terms(Extra::Amount(50)).allow(posts, before), Allowance::Limit(150));
    assert_eq!(terms(Extra::Amount(50)).allow(posts, end), Allowance::Limit(100));
    assert_eq!(terms(Extra::Unlimited).allow(posts, before), Allowance::Unlimited);
    assert_eq!(terms(Extra::Unlimited).allow(domain, before), Allowance::Unlimited);
    assert_eq!(terms(Extra::Unlimited).allow(domain, end), Allowance::NotIncluded);
    assert_eq!(terms(Extra::Amount(u64::MAX)).allow(posts, before), Allowance::Limit(MAX_COUNT));
}
