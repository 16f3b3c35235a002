use std::borrow::Cow;
use std::sync::Arc;

use core_domain::{Clock, Constraint, Entropy, Realm, SiteId, StorageError, Timestamp};

use crate::{
    Accepted, CreateSiteError, Domain, Drops, PixelTx, Salt, Site, SiteSettings, UpdateSiteError, day_of, fold, wanted,
};

/// The use cases of the pixel. Each works within the transaction it is given and commits nothing.
#[derive(Clone)]
pub struct PixelService {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for PixelService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PixelService").finish_non_exhaustive()
    }
}

impl PixelService {
    /// A service on this time and randomness.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy }
    }

    /// Makes a site.
    pub async fn create_site(
        &self,
        tx: &mut dyn PixelTx,
        place: Realm,
        domain: Domain,
        settings: SiteSettings,
    ) -> Result<Site, CreateSiteError> {
        if settings.subdomains && domain.is_address() {
            return Err(CreateSiteError::NoSubdomains);
        }
        let now = self.clock.now();
        let site = Site { id: tx.next_site_id().await?, place, domain, settings, created_at: now, updated_at: now };
        match tx.insert_site(&site).await {
            Ok(()) => Ok(site),
            Err(error) if error.is_conflict_on(Constraint::SiteDomain) => Err(CreateSiteError::DomainTaken),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes what is taken from a site.
    pub async fn update_site(
        &self,
        tx: &mut dyn PixelTx,
        place: Realm,
        id: SiteId,
        change: impl FnOnce(&mut SiteSettings) + Send,
    ) -> Result<Site, UpdateSiteError> {
        let mut site = tx.find_site_for_change(place, id).await?.ok_or(UpdateSiteError::NotFound)?;
        change(&mut site.settings);
        if site.settings.subdomains && site.domain.is_address() {
            return Err(UpdateSiteError::NoSubdomains);
        }
        site.updated_at = self.clock.now();
        tx.update_site(&site).await?;
        Ok(site)
    }

    /// Removes a site; returns whether there was one.
    pub async fn delete_site(&self, tx: &mut dyn PixelTx, place: Realm, id: SiteId) -> Result<bool, StorageError> {
        tx.delete_site(place, id, self.clock.now()).await
    }

    /// The salt of a day.
    pub async fn salt_of(&self, tx: &mut dyn PixelTx, moment: Timestamp) -> Result<Salt, StorageError> {
        tx.salt_of(day_of(moment), &Salt::generate(&*self.entropy)).await
    }

    /// Stores events, in their order, and counts them with what was not taken.
    ///
    /// Returns the sites that there are. Nothing is stored of those that went meanwhile.
    pub async fn record(
        &self,
        tx: &mut dyn PixelTx,
        events: &[Accepted],
        drops: &Drops,
    ) -> Result<Vec<SiteId>, StorageError> {
        let mut sites: Vec<SiteId> = events.iter().map(|event| event.site_id).collect();
        sites.extend(drops.keys().map(|(site, ..)| *site));
        sites.sort_unstable();
        sites.dedup();
        let live = tx.lock_sites(&sites).await?;
        let (mut events, mut drops) = (Cow::Borrowed(events), Cow::Borrowed(drops));
        if live.len() < sites.len() {
            events.to_mut().retain(|event| live.contains(&event.site_id));
            drops.to_mut().retain(|(site, ..), _| live.contains(site));
        }
        if !events.is_empty() || !drops.is_empty() {
            let state = tx.load_state(&wanted(&events, &drops)).await?;
            tx.save_batch(&events, &fold(&events, &drops, state)).await?;
        }
        Ok(live)
    }
}
