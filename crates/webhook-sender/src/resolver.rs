use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use webhooks::AddressPolicy;

use crate::fault::Refusal;

/// What turns names into addresses.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// The addresses of this host, in the order in which they are to be tried; none when it has none.
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver (`getaddrinfo`), with its hosts file and search order.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Gives the connector those of a name's addresses that may be connected to, and these alone: what was vetted is what
/// is connected to, so a name that changes its answer changes nothing.
pub(crate) struct VettingResolver {
    pub(crate) lookup: Arc<dyn Lookup>,
    pub(crate) rule: Rule,
}

#[derive(Clone)]
pub(crate) enum Rule {
    /// What the policy allows.
    Allowed(AddressPolicy),
    /// What the policy allows explicitly.
    Explicit(AddressPolicy),
    /// The only name looked up is the operator's own proxy.
    Proxy,
}

impl Rule {
    fn admits(&self, address: IpAddr) -> bool {
        match self {
            Self::Allowed(policy) => policy.allows(address),
            Self::Explicit(policy) => policy.is_explicitly_allowed(address),
            Self::Proxy => true,
        }
    }
}

impl Resolve for VettingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, rule) = (self.lookup.clone(), self.rule.clone());
        Box::pin(async move {
            let host = name.as_str();
            let found = lookup.lookup(host).await.unwrap_or_default();
            let is_known = !found.is_empty();
            let admitted: Vec<SocketAddr> =
                found.into_iter().filter(|address| rule.admits(*address)).map(|address| (address, 0).into()).collect();
            if !admitted.is_empty() {
                return Ok(Box::new(admitted.into_iter()) as Addrs);
            }
            Err(match rule {
                Rule::Proxy => Refusal::Proxy,
                _ if !is_known => Refusal::NameNotFound(host.to_owned()),
                Rule::Explicit(_) => Refusal::PlainHttp,
                Rule::Allowed(_) => Refusal::NoPublicAddress(host.to_owned()),
            }
            .into())
        })
    }
}
