use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// IPv4 that is no receiver's.
///
/// Source: the IANA IPv4 Special-Purpose Address Registry (all of it, also the few entries that are globally reachable:
/// they are anycast services of the network's own), and the IPv4 Multicast Address Space Registry.
const SPECIAL_V4: [Ipv4Net; 18] = [
    v4([0, 0, 0, 0], 8),       // "this network", RFC 791
    v4([10, 0, 0, 0], 8),      // private, RFC 1918
    v4([100, 64, 0, 0], 10),   // shared (carrier-grade NAT), RFC 6598
    v4([127, 0, 0, 0], 8),     // loopback, RFC 1122
    v4([169, 254, 0, 0], 16),  // link-local, RFC 3927; clouds' metadata
    v4([172, 16, 0, 0], 12),   // private, RFC 1918
    v4([192, 0, 0, 0], 24),    // IETF protocol assignments, RFC 6890
    v4([192, 0, 2, 0], 24),    // documentation, RFC 5737
    v4([192, 31, 196, 0], 24), // AS112, RFC 7535
    v4([192, 52, 193, 0], 24), // automatic multicast tunnelling, RFC 7450
    v4([192, 88, 99, 0], 24),  // 6to4 relays, RFC 7526
    v4([192, 168, 0, 0], 16),  // private, RFC 1918
    v4([192, 175, 48, 0], 24), // AS112, RFC 7534
    v4([198, 18, 0, 0], 15),   // benchmarking, RFC 2544
    v4([198, 51, 100, 0], 24), // documentation, RFC 5737
    v4([203, 0, 113, 0], 24),  // documentation, RFC 5737
    v4([224, 0, 0, 0], 4),     // multicast, RFC 5771
    v4([240, 0, 0, 0], 4),     // reserved, RFC 1112; 255.255.255.255, broadcast
];

/// Public by number, yet answered by the machine's own host: Azure's platform services.
const PLATFORM_V4: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// The only part of IPv6 that IANA gives out as global unicast (IPv6 Address Space Registry).
///
/// What lies outside is refused without being named: unspecified `::`, loopback `::1`, IPv4-compatible `::/96`,
/// IPv4-translated `::ffff:0:0:0/96`, local-use NAT64 `64:ff9b:1::/48`, discard `100::/64`, dummy `100:0:0:1::/64`,
/// segment routing `5f00::/16`, unique local `fc00::/7`, link-local `fe80::/10`, site-local `fec0::/10`, multicast
/// `ff00::/8`, and what is not given out yet.
const GLOBAL_UNICAST_V6: Ipv6Net = v6([0x2000, 0, 0, 0], 3);

/// What within it is no receiver's. Source: the IANA IPv6 Special-Purpose Address Registry.
const SPECIAL_V6: [Ipv6Net; 4] = [
    // IETF protocol assignments, RFC 2928: with benchmarking 2001:2::/48, multicast tunnelling 2001:3::/32, AS112
    // 2001:4:112::/48, ORCHID 2001:10::/28 and 2001:20::/28, drones 2001:30::/28.
    v6([0x2001, 0, 0, 0], 23),
    v6([0x2001, 0x0db8, 0, 0], 32),      // documentation, RFC 3849
    v6([0x2620, 0x004f, 0x8000, 0], 48), // AS112, RFC 7534
    v6([0x3fff, 0, 0, 0], 20),           // documentation, RFC 9637
];

const MAPPED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96); // RFC 4291
const NAT64: Ipv6Net = v6([0x0064, 0xff9b, 0, 0], 96); // the well-known prefix, RFC 6052
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0, 0], 16); // RFC 3056
const TEREDO: Ipv6Net = v6([0x2001, 0, 0, 0], 32); // RFC 4380

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    let [a, b, c, d] = octets;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(upper: [u16; 4], prefix: u8) -> Ipv6Net {
    let [a, b, c, d] = upper;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), prefix)
}

pub(crate) fn is_public_v4(address: Ipv4Addr) -> bool {
    address != PLATFORM_V4 && !SPECIAL_V4.iter().any(|net| net.contains(&address))
}

/// Of an address that carries no IPv4 address.
pub(crate) fn is_public_v6(address: Ipv6Addr) -> bool {
    GLOBAL_UNICAST_V6.contains(&address) && !SPECIAL_V6.iter().any(|net| net.contains(&address))
}

/// The IPv4 addresses that packets to this address end at or pass: one for the mapped, NAT64 and 6to4 forms, server and
/// client for Teredo, none for any other.
pub(crate) fn carried_v4(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let bits = address.to_bits();
    let at = |shift: u32| Ipv4Addr::from_bits(u32::try_from((bits >> shift) & u128::from(u32::MAX)).unwrap_or(0));
    if MAPPED.contains(&address) || NAT64.contains(&address) {
        vec![at(0)]
    } else if SIX_TO_FOUR.contains(&address) {
        vec![at(80)]
    } else if TEREDO.contains(&address) {
        // The client's is stored with every bit turned over.
        vec![at(64), Ipv4Addr::from_bits(!at(0).to_bits())]
    } else {
        Vec::new()
    }
}
