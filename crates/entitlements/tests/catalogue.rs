//! What a catalogue file may say.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is to panic")]

use core_domain::{RateLimit, Tier, WireWord};
use entitlements::{Allowance, Catalogue, Kind, Overage, Reset};

fn limit(feature: &str, tier: Tier) -> Allowance {
    Catalogue::default().find(feature).unwrap().in_tier(tier)
}

#[test]
fn the_default_has_the_reference_s_rates() {
    let catalogue = Catalogue::default();
    let rates: Vec<_> = Tier::ALL
        .iter()
        .map(|tier| catalogue.tier(*tier).rate_limit)
        .map(|rate| (rate.per_minute, rate.burst_percent, rate.ceiling()))
        .collect();
    assert_eq!(
        rates,
        [
            (60, 0, 60),
            (1_000, 20, 1_200),
            (5_000, 30, 6_500),
            (10_000, 40, 14_000),
            (20_000, 50, 30_000),
            (100_000, 100, 200_000)
        ]
    );
    assert!(Tier::ALL.iter().all(|tier| catalogue.tier(*tier).self_service));
}

#[test]
fn the_default_has_the_features_of_the_contract() {
    assert_eq!(limit("posts", Tier::Free), Allowance::Limit(100));
    assert_eq!(limit("posts", Tier::Pro), Allowance::Limit(1_000));
    assert_eq!(limit("api_calls", Tier::Pro), Allowance::Limit(10_000));
    assert_eq!(limit("storage", Tier::Pro), Allowance::Limit(5_368_709_120));
    assert_eq!(limit("custom_domain", Tier::Free), Allowance::NotIncluded);
    assert_eq!(limit("custom_domain", Tier::Pro), Allowance::Unlimited);
    let catalogue = Catalogue::default();
    let kinds: Vec<_> = catalogue
        .features()
        .iter()
        .map(|feature| (feature.key.as_str(), feature.kind, feature.unit.as_deref()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("posts", Kind::Level, None),
            ("api_calls", Kind::Metered(Reset::Monthly), None),
            ("storage", Kind::Level, Some("bytes")),
            ("api_keys", Kind::Level, None),
            ("webhooks", Kind::Level, None),
            ("team_members", Kind::Level, None),
            ("custom_domain", Kind::Boolean, None),
        ]
    );
}

const TIERS: &str = "\
[tiers]
free = { rate_limit = 1 }
starter = { rate_limit = 1 }
pro = { rate_limit = 1 }
business = { rate_limit = 1 }
agency = { rate_limit = 1, self_service = false }
enterprise = { rate_limit = \"unlimited\" }
";
const LIMITS: &str =
    "limits = { free = 0, starter = 1, pro = \"unlimited\", business = 1, agency = 1, enterprise = false }";

#[test]
fn a_catalogue_of_one_s_own_may_leave_out_what_it_does_not_limit() {
    let text = format!(
        "{TIERS}[[features]]\nkey = \"seats\"\nlabel = \"Seat\"\nkind = \"metered\"\nreset = \"daily\"\n\
         overage = \"allow\"\n{LIMITS}\n"
    );
    let catalogue = Catalogue::from_toml(&text).unwrap();
    assert_eq!(catalogue.tier(Tier::Enterprise).rate_limit, RateLimit::UNLIMITED);
    assert!(!catalogue.tier(Tier::Agency).self_service);
    let seats = catalogue.find("seats").unwrap();
    assert_eq!((seats.kind, seats.overage), (Kind::Metered(Reset::Daily), Overage::Allow));
    assert_eq!(seats.in_tier(Tier::Free), Allowance::Limit(0));
    assert_eq!(seats.in_tier(Tier::Pro), Allowance::Unlimited);
    assert_eq!(seats.in_tier(Tier::Enterprise), Allowance::NotIncluded);
    for stock in ["api_keys", "webhooks"] {
        assert_eq!(catalogue.find(stock).unwrap().in_tier(Tier::Free), Allowance::Unlimited);
    }
}

fn fault(text: &str) -> String {
    Catalogue::from_toml(text).unwrap_err().to_string()
}

#[test]
fn a_fault_is_told_with_its_line_and_reason() {
    let feature = |lines: &str| format!("{TIERS}[[features]]\n{lines}\n");
    for (text, line, reason) in [
        ("tiers = 1\n[features".to_owned(), 2, "]"),
        ("[tiers]\nfree = { rate_limit = 1 }\n".to_owned(), 1, "missing field `starter`"),
        (TIERS.replace("pro = { rate_limit = 1 }", "pro = { rate_limit = 0 }"), 4, "rate_limit is a number"),
        (TIERS.replace("pro = { rate_limit = 1 }", "pro = { rate_limit = 1, burst = -1 }"), 4, "burst is a percentage"),
        (TIERS.replace("\"unlimited\"", "\"unlimited\", burst = 5"), 7, "no burst"),
        (format!("{TIERS}colour = 1\n"), 8, "unknown field `colour`"),
        (feature(&format!("key = \"A\"\nlabel = \"A\"\nkind = \"level\"\n{LIMITS}")), 9, "a feature key begins"),
        (feature(&format!("key = \"a\"\nlabel = \" \"\nkind = \"level\"\n{LIMITS}")), 10, "label is empty"),
        (feature(&format!("key = \"a\"\nlabel = \"A\"\nkind = \"stock\"\n{LIMITS}")), 11, "kind is"),
        (feature(&format!("key = \"a\"\nlabel = \"A\"\nkind = \"metered\"\n{LIMITS}")), 11, "needs a reset"),
        (
            feature(&format!("key = \"a\"\nlabel = \"A\"\nkind = \"metered\"\nreset = \"weekly\"\n{LIMITS}")),
            12,
            "reset is",
        ),
        (
            feature(&format!("key = \"a\"\nlabel = \"A\"\nkind = \"level\"\nreset = \"daily\"\n{LIMITS}")),
            12,
            "only a metered feature",
        ),
        (
            feature(&format!("key = \"a\"\nlabel = \"A\"\nkind = \"level\"\noverage = \"bill\"\n{LIMITS}")),
            12,
            "overage is",
        ),
        (feature("key = \"a\"\nlabel = \"A\"\nkind = \"level\"\nlimits = { free = 1 }"), 12, "missing field `starter`"),
        (
            feature(&format!(
                "key = \"a\"\nlabel = \"A\"\nkind = \"level\"\n{}",
                LIMITS.replace("\"unlimited\"", "\"lots\"")
            )),
            12,
            "a, pro: a limit is",
        ),
        (
            feature(&format!(
                "key = \"a\"\nlabel = \"A\"\nkind = \"level\"\n{}",
                LIMITS.replace("free = 0", "free = -1")
            )),
            12,
            "a, free: a limit is a number from 0",
        ),
        (feature(&format!("key = \"a\"\nlabel = \"A\"\nkind = \"boolean\"\n{LIMITS}")), 12, "true or false"),
        (
            feature(&format!("key = \"api_keys\"\nlabel = \"Key\"\nkind = \"metered\"\nreset = \"daily\"\n{LIMITS}")),
            9,
            "counted by the service itself",
        ),
        (
            feature(&format!(
                "key = \"a\"\nlabel = \"A\"\nkind = \"level\"\n{LIMITS}\n\n[[features]]\nkey = \"a\"\nlabel = \"B\"\n\
                 kind = \"level\"\n{LIMITS}"
            )),
            15,
            "the feature a is there twice",
        ),
    ] {
        let told = fault(&text);
        assert!(told.starts_with(&format!("line {line}: ")) && told.contains(reason), "{told}\nfor\n{text}");
    }
}
