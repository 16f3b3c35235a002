use async_trait::async_trait;
use core_domain::{Page, Realm, SiteId, StorageError, Timestamp, Transaction};

use crate::{Accepted, Batch, Domain, Salt, Site, SiteQuery, State, Stats, StatsQuery, Wanted};

/// Sites and what is counted of them, within a transaction.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PixelRepository: Send {
    /// Takes the next site id. Ids grow; gaps are allowed.
    async fn next_site_id(&mut self) -> Result<SiteId, StorageError>;

    /// Stores a new site.
    ///
    /// MUST return a conflict on [`Constraint::SiteDomain`](core_domain::Constraint), and leave the transaction usable,
    /// when a site has the domain, or a site of another workspace has it as one of its subdomains. Sites of workspaces
    /// that are gone don't count.
    async fn insert_site(&mut self, site: &Site) -> Result<(), StorageError>;

    /// The site, if it is of this place. No other transaction can change it until this one ends.
    async fn find_site_for_change(&mut self, place: Realm, id: SiteId) -> Result<Option<Site>, StorageError>;

    /// Stores a changed site. Its domain never changes.
    async fn update_site(&mut self, site: &Site) -> Result<(), StorageError>;

    /// Removes a site, if it is of this place; returns whether it was there. What was counted of it is no longer shown,
    /// and goes with [`PixelUpkeep`].
    async fn delete_site(&mut self, place: Realm, id: SiteId, now: Timestamp) -> Result<bool, StorageError>;

    /// The salt of a day that begins at `day`: the stored one, or `fresh`, which is then stored. Salts of earlier days
    /// MUST be destroyed.
    async fn salt_of(&mut self, day: Timestamp, fresh: &Salt) -> Result<Salt, StorageError>;

    /// Keeps these sites, and what is counted of them, from other transactions until this one ends. Returns those that
    /// there are.
    async fn lock_sites(&mut self, ids: &[SiteId]) -> Result<Vec<SiteId>, StorageError>;

    /// What is known of sites that were locked before.
    async fn load_state(&mut self, wanted: &Wanted) -> Result<State, StorageError>;

    /// Stores events and adds to the roll-ups of sites that were locked before.
    ///
    /// The number of statements MUST NOT grow with the number of events.
    async fn save_batch(&mut self, events: &[Accepted], batch: &Batch) -> Result<(), StorageError>;
}

/// What the use cases of this crate need of a transaction.
pub trait PixelTx: PixelRepository + Transaction {}

impl<T: PixelRepository + Transaction> PixelTx for T {}

/// Reads outside a transaction.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PixelReader: Send + Sync {
    /// The site of a page's host: the one that has it as its domain, else the nearest parent that takes subdomains.
    async fn find_site_of_host(&self, host: &Domain) -> Result<Option<Site>, StorageError>;

    /// The site, if it is of this place.
    async fn find_site(&self, place: Realm, id: SiteId) -> Result<Option<Site>, StorageError>;

    /// The site of this domain, if it is of this place.
    async fn find_site_by_domain(&self, place: Realm, domain: &Domain) -> Result<Option<Site>, StorageError>;

    /// One page of a place's sites.
    async fn list_sites(&self, place: Realm, query: &SiteQuery) -> Result<Page<Site>, StorageError>;

    /// What roll-ups say. It MUST read no events: its cost MUST NOT grow with their number.
    async fn find_stats(&self, query: &StatsQuery) -> Result<Stats, StorageError>;
}

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Events.
    pub events: std::time::Duration,
    /// Roll-ups.
    pub rollups: std::time::Duration,
}

/// Keeps the store fit to take events, and rid of what is no longer kept.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PixelUpkeep: Send + Sync {
    /// To be called at the start, and then at least every hour: prepares the days to come, destroys salts and visitors
    /// of days that are over, and what is kept no longer. Any number of replicas may do it at once.
    async fn keep_up(&self, now: Timestamp, retention: Retention) -> Result<(), StorageError>;
}
