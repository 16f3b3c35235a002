use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// The client addresses from which a credential works: addresses and CIDR blocks, IPv4 and IPv6.
///
/// An IPv4 address mapped into IPv6 (`::ffff:192.0.2.1`) counts as the IPv4 address it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedIps(Vec<IpNet>);

/// A text that is neither an address nor a CIDR block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an IP address nor a CIDR block")]
pub struct InvalidNetwork(pub String);

impl AllowedIps {
    /// Whether the credential works from `address`.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|net| net.contains(&address))
    }

    /// Whether every address that `other` allows is allowed by a single block of this list.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|inner| self.0.iter().any(|outer| outer.contains(inner)))
    }

    /// The blocks, as they are shown: a single address without a prefix length.
    pub fn to_texts(&self) -> Vec<String> {
        self.0.iter().map(network_text).collect()
    }
}

impl FromIterator<IpNet> for AllowedIps {
    fn from_iter<I: IntoIterator<Item = IpNet>>(nets: I) -> Self {
        Self(nets.into_iter().collect())
    }
}

/// Reads an address or a CIDR block; bits beyond the prefix length are cleared.
///
/// # Errors
/// [`InvalidNetwork`] for anything else.
pub fn parse_network(text: &str) -> Result<IpNet, InvalidNetwork> {
    let net = match text.parse::<IpAddr>() {
        Ok(address) => Ok(IpNet::from(address.to_canonical())),
        Err(_) => text.parse::<IpNet>().map(|net| net.trunc()),
    };
    net.map_err(|_| InvalidNetwork(text.chars().take(64).collect()))
}

fn network_text(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

/// Prints the blocks separated by spaces.
impl fmt::Display for AllowedIps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_texts().join(" "))
    }
}

/// Reads what `Display` prints.
impl FromStr for AllowedIps {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        text.split_whitespace().map(parse_network).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(text: &str) -> AllowedIps {
        text.parse().unwrap()
    }

    #[test]
    fn mapped_addresses_count_as_what_they_stand_for() {
        let list = allowed("192.0.2.0/24 2001:db8::1");
        for (address, expected) in [
            ("192.0.2.7", true),
            ("::ffff:192.0.2.7", true),
            ("192.0.3.7", false),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
        ] {
            assert_eq!(list.contains(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn a_narrower_list_is_covered() {
        assert!(allowed("10.0.0.0/8").covers(&allowed("10.1.0.0/16 10.2.3.4")));
        assert!(!allowed("10.1.0.0/16").covers(&allowed("10.0.0.0/8")));
        assert!(!allowed("10.0.0.0/8").covers(&allowed("::/0")));
    }

    #[test]
    fn lists_survive_their_text() {
        let list = allowed("10.1.2.3/8 ::ffff:192.0.2.1 2001:db8::/32");
        assert_eq!(list.to_string(), "10.0.0.0/8 192.0.2.1 2001:db8::/32");
        assert_eq!(allowed(&list.to_string()), list);
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0", "::1/129", "10.0.0.0-10.0.0.9"] {
            assert!(parse_network(text).is_err(), "{text}");
        }
    }
}
