use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use url::{Host, Url};

use crate::special_addresses::{carried_v4, is_public_v4, is_public_v6};

/// Which addresses may be sent to: public ones, and those the operator allows.
///
/// An IPv6 address that carries an IPv4 address (mapped, NAT64 with the well-known prefix, 6to4, Teredo) is judged by
/// what it carries. A NAT64 prefix of a network's own can't be told from any other address: who runs one must keep it
/// from leading inside.
///
/// Source: the IANA registries named in this crate's `special_addresses.rs`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    allow_nets: Vec<IpNet>,
}

impl AddressPolicy {
    /// Public addresses, and those in `allow_nets`.
    pub fn new(allow_nets: Vec<IpNet>) -> Self {
        Self { allow_nets }
    }

    /// Whether it may be sent to.
    pub fn allows(&self, address: IpAddr) -> bool {
        is_public(address) || self.is_explicitly_allowed(address)
    }

    /// Whether the operator allows it by name of its net: what plain http asks for.
    pub fn is_explicitly_allowed(&self, address: IpAddr) -> bool {
        let in_a_net = |address: IpAddr| self.allow_nets.iter().any(|net| net.contains(&address));
        in_a_net(address)
            || match address {
                IpAddr::V4(_) => false,
                IpAddr::V6(address) => {
                    let carried = carried_v4(address);
                    !carried.is_empty() && carried.into_iter().all(|address| in_a_net(address.into()))
                }
            }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => {
            let carried = carried_v4(address);
            if carried.is_empty() { is_public_v6(address) } else { carried.into_iter().all(is_public_v4) }
        }
    }
}

/// The address that the host of an `http` or `https` URL stands for without asking anybody: one written out, in
/// whatever form, or `localhost` and the names below it (RFC 6761, section 6.3).
///
/// Decimal, octal, hexadecimal and shortened forms, percent-encoding, digits of other scripts and a trailing dot are
/// resolved by the URL's parser (WHATWG URL, "host parsing"), and what is connected to is what the parser made of them.
pub fn host_address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            let is_localhost = name.rsplit('.').next().is_some_and(|label| label.eq_ignore_ascii_case("localhost"));
            is_localhost.then_some(IpAddr::V4(Ipv4Addr::LOCALHOST))
        }
    }
}
