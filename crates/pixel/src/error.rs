use core_domain::StorageError;

/// Why a site is not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateSiteError {
    /// Another site has the domain, or has it as a subdomain.
    #[error("another site has this domain")]
    DomainTaken,
    /// An address has no subdomains.
    #[error("an address has no subdomains")]
    NoSubdomains,
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a site is not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateSiteError {
    /// There is no such site.
    #[error("there is no such site")]
    NotFound,
    /// An address has no subdomains.
    #[error("an address has no subdomains")]
    NoSubdomains,
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
