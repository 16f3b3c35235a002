use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use core_domain::{AccountId, LineageId, SiteId};

/// Whom a limit is for: each has a window of its own.
///
/// The limit itself is no part of it, so a change of tier applies to what has been counted already and grants no fresh
/// window.
///
/// Its text form (`lineage:42`, `address:192.0.2.1`) is stable, and no two subjects share one: it names the subject
/// outside the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A key, together with every key it was rotated into.
    Lineage(LineageId),
    /// An account that shows a token of its own instead of a key.
    Account(AccountId),
    /// A client without a credential.
    Address(AddressBlock),
    /// Who asks for a pixel's configuration.
    PixelConfig(AddressBlock),
    /// Who tells a site's pixel of visits; `None` for hosts that are no site.
    PixelTrack(AddressBlock, Option<SiteId>),
    /// Where credentials that open nothing come from.
    FailedCredentials(AddressBlock),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lineage(id) => write!(f, "lineage:{id}"),
            Self::Account(id) => write!(f, "account:{id}"),
            Self::Address(block) => write!(f, "address:{block}"),
            Self::PixelConfig(block) => write!(f, "pixel:{block}"),
            Self::PixelTrack(block, site) => write!(f, "track:{}:{block}", site.map_or(0, SiteId::get)),
            Self::FailedCredentials(block) => write!(f, "failed:{block}"),
        }
    }
}

/// The addresses that count as one client: an IPv4 address, or the /64 of an IPv6 address.
///
/// A /64 is the smallest network that is handed out (RFC 4291, 2.5.4; RFC 6177): any one subscriber chooses freely
/// among its 2^64 addresses, so a limit by the single address would be no limit. An IPv4 address mapped into IPv6
/// counts as the IPv4 address it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressBlock(IpAddr);

impl From<IpAddr> for AddressBlock {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        })
    }
}

/// Prints an IPv4 address as it is, and an IPv6 network with its prefix length.
impl fmt::Display for AddressBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(address: &str) -> AddressBlock {
        AddressBlock::from(address.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        assert_eq!(block("2001:db8:1:2::1"), block("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(block("2001:db8:1:2::1"), block("2001:db8:1:3::1"));
    }

    #[test]
    fn an_ipv4_client_is_its_address_however_it_is_written() {
        assert_eq!(block("::ffff:192.0.2.1"), block("192.0.2.1"));
        assert_ne!(block("192.0.2.1"), block("192.0.2.2"));
    }

    #[test]
    fn texts_are_stable_and_differ_by_kind() {
        let (v4, v6) = (block("192.0.2.1"), block("2001:db8::1"));
        let subjects = [
            Subject::Lineage(LineageId::try_from(42).unwrap()),
            Subject::Account(AccountId::try_from(42).unwrap()),
            Subject::Address(v4),
            Subject::Address(v6),
            Subject::PixelConfig(v4),
            Subject::PixelTrack(v4, None),
            Subject::PixelTrack(v6, Some(SiteId::try_from(42).unwrap())),
            Subject::FailedCredentials(v4),
        ];
        assert_eq!(
            subjects.map(|subject| subject.to_string()),
            [
                "lineage:42",
                "account:42",
                "address:192.0.2.1",
                "address:2001:db8::/64",
                "pixel:192.0.2.1",
                "track:0:192.0.2.1",
                "track:42:2001:db8::/64",
                "failed:192.0.2.1",
            ]
        );
    }
}
