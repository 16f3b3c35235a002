//! Which addresses are public, range by range, and which address a URL's host stands for.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is to fail")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};
use proptest::prelude::*;
use url::Url;
use webhooks::{AddressPolicy, host_address};

/// Every range of IPv4 that is no receiver's; none touches another.
const SPECIAL_V4: [(&str, &str); 18] = [
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("168.63.129.16", "168.63.129.16"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.31.196.0", "192.31.196.255"),
    ("192.52.193.0", "192.52.193.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("192.175.48.0", "192.175.48.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "255.255.255.255"),
];

/// Ranges of IPv6 that are no receiver's, and whether what comes before and after is public.
const SPECIAL_V6: [(&str, &str, bool, bool); 21] = [
    // Unspecified, loopback and IPv4-compatible.
    ("::", "::ffff:ffff", false, false),
    // IPv4-translated.
    ("::ffff:0:0:0", "::ffff:0:ffff:ffff", false, false),
    // NAT64 for local use.
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", false, false),
    // Discard, and the dummy prefix beside it.
    ("100::", "100::ffff:ffff:ffff:ffff", false, false),
    ("100:0:0:1::", "100::1:ffff:ffff:ffff:ffff", false, false),
    // IETF protocol assignments beyond Teredo, and of these benchmarking, multicast tunnelling, AS112, ORCHID, drones.
    ("2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", false, true),
    ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", false, false),
    ("2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff", false, false),
    ("2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff", false, false),
    ("2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", false, false),
    ("2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", false, false),
    ("2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff", false, false),
    // Documentation.
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true, true),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", true, true),
    // AS112.
    ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", true, true),
    // Not given out, with SRv6 in it.
    ("4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true, false),
    ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false),
    // Unique local, link-local, site-local, multicast.
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false),
    ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false),
    ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false),
    ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false),
];

fn is_public(address: impl Into<IpAddr>) -> bool {
    AddressPolicy::default().allows(address.into())
}

/// The forms of IPv6 that carry this address.
fn forms(inside: Ipv4Addr) -> [Ipv6Addr; 5] {
    let bits = u128::from(inside.to_bits());
    let prefix = |text: &str| text.parse::<Ipv6Addr>().unwrap().to_bits();
    let public = u128::from(Ipv4Addr::new(8, 8, 8, 8).to_bits());
    let inverted = u128::from(!inside.to_bits());
    [
        inside.to_ipv6_mapped(),
        Ipv6Addr::from_bits(prefix("64:ff9b::") | bits),
        Ipv6Addr::from_bits(prefix("2002::") | bits << 80 | 1),
        // Teredo: the server's, and the client's turned over.
        Ipv6Addr::from_bits(prefix("2001::") | bits << 64 | 0x8000 << 48 | u128::from(u32::MAX) ^ public),
        Ipv6Addr::from_bits(prefix("2001::") | public << 64 | inverted),
    ]
}

#[test]
fn no_special_range_of_ipv4_is_public_and_its_neighbours_are() {
    for (first, last) in SPECIAL_V4 {
        let (first, last): (Ipv4Addr, Ipv4Addr) = (first.parse().unwrap(), last.parse().unwrap());
        let middle = Ipv4Addr::from_bits(first.to_bits() / 2 + last.to_bits() / 2);
        for inside in [first, middle.max(first), last] {
            assert!(!is_public(inside), "{inside}");
        }
        if let Some(before) = first.to_bits().checked_sub(1) {
            assert!(is_public(Ipv4Addr::from_bits(before)), "before {first}");
        }
        if let Some(after) = last.to_bits().checked_add(1) {
            assert!(is_public(Ipv4Addr::from_bits(after)), "after {last}");
        }
    }
}

#[test]
fn no_special_range_of_ipv6_is_public() {
    for (first, last, before_is_public, after_is_public) in SPECIAL_V6 {
        let (first, last): (Ipv6Addr, Ipv6Addr) = (first.parse().unwrap(), last.parse().unwrap());
        let middle = Ipv6Addr::from_bits(first.to_bits() / 2 + last.to_bits() / 2);
        for inside in [first, middle, last] {
            assert!(!is_public(inside), "{inside}");
        }
        if let Some(before) = first.to_bits().checked_sub(1) {
            assert_eq!(is_public(Ipv6Addr::from_bits(before)), before_is_public, "before {first}");
        }
        if let Some(after) = last.to_bits().checked_add(1) {
            assert_eq!(is_public(Ipv6Addr::from_bits(after)), after_is_public, "after {last}");
        }
    }
}

#[test]
fn what_is_in_use_is_public() {
    for address in ["1.1.1.1", "8.8.8.8", "93.184.215.14", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1"] {
        assert!(is_public(address.parse::<IpAddr>().unwrap()), "{address}");
    }
}

#[test]
fn ipv4_within_ipv6_is_judged_as_itself() {
    for (first, last) in SPECIAL_V4 {
        for inside in [first, last] {
            for form in forms(inside.parse().unwrap()) {
                assert!(!is_public(form), "{form} for {inside}");
            }
        }
    }
    for form in forms(Ipv4Addr::new(1, 1, 1, 1)) {
        assert!(is_public(form), "{form}");
    }
}

#[test]
fn the_operator_can_allow_nets() {
    let policy =
        AddressPolicy::new(["10.1.0.0/16", "fd00:1::/32", "203.0.113.7/32"].map(|net| net.parse().unwrap()).into());
    for (address, is_allowed, is_explicit) in [
        ("10.1.0.0", true, true),
        ("10.1.255.255", true, true),
        ("10.0.255.255", false, false),
        ("10.2.0.0", false, false),
        ("::ffff:10.1.2.3", true, true),
        ("64:ff9b::10.1.2.3", true, true),
        ("2002:a01:203::1", true, true),
        ("::ffff:10.2.2.3", false, false),
        ("fd00:1::1", true, true),
        ("fd00:2::1", false, false),
        ("203.0.113.7", true, true),
        ("203.0.113.8", false, false),
        ("8.8.8.8", true, false),
        ("2606:4700::1111", true, false),
    ] {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(policy.allows(address), is_allowed, "{address}");
        assert_eq!(policy.is_explicitly_allowed(address), is_explicit, "{address}");
    }
}

#[test]
fn whatever_form_a_literal_has_it_is_read() {
    for (host, address) in [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0X7F.1", "127.0.0.1"),
        ("127.0.0.0x", "127.0.0.0"),
        ("0x7f.0.0.0x1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("0xa9fea9fe", "169.254.169.254"),
        ("%31%32%37.0.0.1", "127.0.0.1"),
        ("127%2e0%2e0%2e1", "127.0.0.1"),
        ("１２７.０.０.１", "127.0.0.1"),
        ("127。0。0。1", "127.0.0.1"),
        ("①②⑦.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
        ("[::ffff:7f00:1]", "::ffff:127.0.0.1"),
        ("[fd00::1]", "fd00::1"),
        ("localhost", "127.0.0.1"),
        ("LOCALHOST", "127.0.0.1"),
        ("localhost.", "127.0.0.1"),
        ("ｌocalhost", "127.0.0.1"),
        ("%6cocalhost", "127.0.0.1"),
        ("app.localhost", "127.0.0.1"),
        ("app.localhost.", "127.0.0.1"),
    ] {
        for scheme in ["https", "http"] {
            let url = Url::parse(&format!("{scheme}://{host}:8443/hook")).unwrap();
            assert_eq!(host_address(&url), Some(address.parse().unwrap()), "{url} from {host}");
        }
    }
}

#[test]
fn what_looks_like_a_literal_and_is_none_is_no_url() {
    for host in [
        "256.0.0.1",
        "127.0.0.1.1",
        "4294967296",
        "0x100000000",
        "127..0.1",
        "08.0.0.1",
        "1.2.3.08",
        "[::1%25lo]",
        "[fe80::1%eth0]",
        "[::1",
        "[127.0.0.1]",
        "%00127.0.0.1",
        "127.0.0.1%23",
    ] {
        assert!(Url::parse(&format!("https://{host}/hook")).is_err(), "{host}");
    }
}

/// They are looked up, and what they resolve to is vetted.
#[test]
fn other_names_stand_for_no_address_of_their_own() {
    for host in [
        "example.com",
        "localhost.example.com",
        "notlocalhost",
        "127.0.0.1.example.com",
        "0x7f.example",
        "127.0.0.1..",
        "localhost..",
    ] {
        assert_eq!(host_address(&Url::parse(&format!("https://{host}/")).unwrap()), None, "{host}");
    }
}

proptest! {
    #[test]
    fn a_form_is_public_where_its_inside_is(bits: u32) {
        let inside = Ipv4Addr::from_bits(bits);
        for form in forms(inside) {
            prop_assert_eq!(is_public(form), is_public(inside), "{} {}", form, inside);
        }
    }

    #[test]
    fn a_net_allows_what_is_in_it_and_nothing_else(bits: u32, net: u32, prefix in 0_u8..=32) {
        let net = Ipv4Net::new(Ipv4Addr::from_bits(net), prefix).unwrap();
        let inside = Ipv4Addr::from_bits(bits);
        let policy = AddressPolicy::new(vec![IpNet::V4(net)]);
        prop_assert_eq!(policy.allows(inside.into()), net.contains(&inside) || is_public(inside));
        prop_assert_eq!(policy.allows(inside.to_ipv6_mapped().into()), policy.allows(inside.into()));
    }
}
