use std::fmt;
use std::net::IpAddr;

use core_domain::{Entropy, SiteId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::UserAgent;

/// The key of one day's visitors. Once it is destroyed, nobody can tell who they were.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt([u8; Self::LEN]);

impl Salt {
    /// Bytes.
    pub const LEN: usize = 32;

    /// A random one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; Self::LEN];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// For a store to keep until its day is over.
    pub fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Who a visitor of this day is.
    ///
    /// The first 16 bytes of HMAC-SHA-256, keyed with the salt, of the site's id (8 bytes, big-endian), the address (16
    /// bytes, IPv4 as mapped into IPv6) and the user agent.
    pub fn visitor(&self, site: SiteId, address: IpAddr, user_agent: &UserAgent) -> VisitorId {
        let address = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        // A key shorter than a block is the same as one filled up with zeros (RFC 2104).
        let mut block = Zeroizing::new([0; 64]);
        block[..Self::LEN].copy_from_slice(&self.0);
        let mut mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
        mac.update(&site.get().to_be_bytes());
        mac.update(&address.octets());
        mac.update(user_agent.as_str().as_bytes());
        let mut id = [0; VisitorId::LEN];
        id.copy_from_slice(&mac.finalize().into_bytes()[..VisitorId::LEN]);
        VisitorId(id)
    }
}

impl TryFrom<Vec<u8>> for Salt {
    type Error = &'static str;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self).map_err(|_| "a salt of another length")
    }
}

impl Drop for Salt {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(***)")
    }
}

/// A visitor of one site on one day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VisitorId([u8; Self::LEN]);

impl VisitorId {
    /// Bytes.
    pub const LEN: usize = 16;

    /// As bytes.
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl From<[u8; Self::LEN]> for VisitorId {
    fn from(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for VisitorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for VisitorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VisitorId({self})")
    }
}
