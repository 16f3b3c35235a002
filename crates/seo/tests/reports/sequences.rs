//! Random reports of one page, against the simplest account of the rules.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::support::{Shelf, finding, submission};

type Key = (&'static str, Option<&'static str>);

const KEYS: [Key; 5] =
    [("alt", Some("img")), ("alt", Some("svg")), ("alt", None), ("lang", Some("html")), ("lang", None)];

/// What is known of one issue: who saw it last, and how many of that tool's reports in a row have missed it since.
#[derive(Debug, Clone, Copy)]
struct Account {
    saw: usize,
    missed: u32,
    is_open: bool,
}

#[derive(Debug, Default)]
struct Model(BTreeMap<usize, Account>);

impl Model {
    /// New, persisted, reopened, resolved.
    fn take(&mut self, tool: usize, found: &BTreeSet<usize>) -> [u32; 4] {
        let mut counts = [0; 4];
        for key in found {
            let before = self.0.insert(*key, Account { saw: tool, missed: 0, is_open: true });
            counts[match before {
                None => 0,
                Some(Account { is_open: true, .. }) => 1,
                Some(_) => 2,
            }] += 1;
        }
        for (key, account) in &mut self.0 {
            if found.contains(key) || account.saw != tool || !account.is_open {
                continue;
            }
            account.missed += 1;
            let enough = if KEYS[*key].1.is_some() { 1 } else { 2 };
            account.is_open = account.missed < enough;
            counts[3] += u32::from(!account.is_open);
        }
        counts
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn issues_live_as_the_model_has_it(
        reports in prop::collection::vec((0..2_usize, prop::collection::vec(0..KEYS.len(), 0..8)), 1..25)
    ) {
        let (mut shelf, mut model) = (Shelf::default(), Model::default());
        for (tool, found) in reports {
            let findings = found.iter().map(|key| finding(KEYS[*key].0, KEYS[*key].1)).collect();
            let changes = shelf.take(&submission(["a", "b"][tool], findings)).changes;
            let expected = model.take(tool, &found.iter().copied().collect());
            prop_assert_eq!([changes.new, changes.persisted, changes.reopened, changes.resolved], expected);
            prop_assert_eq!(shelf.issues.len(), model.0.len(), "each is stored once");
            for issue in &shelf.issues {
                let is_it = |key: &Key| issue.issue_type.as_str() == key.0 && issue.element.as_ref().map(seo::Element::as_str) == key.1;
                let account = model.0[&KEYS.iter().position(is_it).unwrap()];
                prop_assert_eq!(issue.resolved_at.is_none(), account.is_open);
                prop_assert_eq!(issue.tool.as_str(), ["a", "b"][account.saw]);
            }
        }
    }
}
