use url::{Host, Url};

use crate::address::{AddressPolicy, host_address};
use crate::{EndpointUrl, InvalidUrl};

/// Which URLs a webhook may be saved with. The sender checks again, on the address that it connects to.
#[derive(Debug, Clone, Default)]
pub struct UrlPolicy {
    /// Which addresses may be sent to.
    pub addresses: AddressPolicy,
    /// Whether plain http may be used, to addresses that are allowed explicitly.
    pub allow_http: bool,
}

/// A URL that nothing may be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedUrl {
    /// Not a URL of an endpoint at all.
    #[error(transparent)]
    Invalid(#[from] InvalidUrl),
    /// `http`, which the operator does not allow there.
    #[error("must begin with https://")]
    Http,
    /// An address that is not public.
    #[error("must not lead to an address that is not public")]
    Address,
}

impl UrlPolicy {
    /// Refuses what could never be sent to. A name is looked up when something is sent.
    pub fn check(&self, url: &EndpointUrl) -> Result<(), RefusedUrl> {
        let parsed = Url::parse(url.as_str()).map_err(|_| InvalidUrl::Malformed)?;
        let is_plain = parsed.scheme() == "http";
        if is_plain && !self.allow_http {
            return Err(RefusedUrl::Http);
        }
        match host_address(&parsed) {
            Some(address) if !self.addresses.allows(address) => Err(RefusedUrl::Address),
            Some(address) if is_plain && !self.addresses.is_explicitly_allowed(address) => Err(RefusedUrl::Http),
            None if matches!(parsed.host(), Some(Host::Domain(name)) if !name.trim_end_matches('.').contains('.')) => {
                // A name without a dot is a machine of the local network.
                Err(RefusedUrl::Address)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &UrlPolicy, url: &str) -> Result<(), RefusedUrl> {
        EndpointUrl::try_from(url.to_owned()).map_err(RefusedUrl::from).and_then(|url| policy.check(&url))
    }

    #[test]
    fn only_public_https_is_taken() {
        let policy = UrlPolicy::default();
        for url in ["https://example.com/hook", "https://93.184.216.34/", "https://[2606:4700::1111]:8443/x?y=1"] {
            assert_eq!(check(&policy, url), Ok(()), "{url}");
        }
        for (url, fault) in [
            ("", InvalidUrl::Malformed.into()),
            ("example.com", InvalidUrl::Malformed.into()),
            ("https://", InvalidUrl::Malformed.into()),
            ("https://exa mple.com", InvalidUrl::Malformed.into()),
            ("ftp://example.com", InvalidUrl::Scheme.into()),
            ("https://me:secret@example.com", InvalidUrl::Credentials.into()),
            ("https://example.com/#part", InvalidUrl::Fragment.into()),
            ("http://example.com", RefusedUrl::Http),
            ("https://127.0.0.1", RefusedUrl::Address),
            ("https://0x7f.1", RefusedUrl::Address),
            ("https://2130706433", RefusedUrl::Address),
            ("https://localhost", RefusedUrl::Address),
            ("https://api.localhost.", RefusedUrl::Address),
            ("https://intranet", RefusedUrl::Address),
            ("https://[::1]", RefusedUrl::Address),
            ("https://[::ffff:10.0.0.1]", RefusedUrl::Address),
        ] {
            assert_eq!(check(&policy, url), Err(fault), "{url}");
        }
    }

    #[test]
    fn the_operator_may_allow_nets_and_plain_http_to_them() {
        let addresses = AddressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()]);
        let https_alone = UrlPolicy { addresses: addresses.clone(), allow_http: false };
        assert_eq!(check(&https_alone, "https://127.0.0.1"), Ok(()));
        assert_eq!(check(&https_alone, "http://127.0.0.1"), Err(RefusedUrl::Http));
        let both = UrlPolicy { addresses, allow_http: true };
        assert_eq!(check(&both, "http://localhost:9000/hook"), Ok(()));
        assert_eq!(check(&both, "http://93.184.216.34"), Err(RefusedUrl::Http));
        assert_eq!(check(&both, "https://10.0.0.1"), Err(RefusedUrl::Address));
    }
}
