use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use core_domain::{Clock, SiteId};
use moka::future::Cache;
use pixel::{
    Accepted, Domain, DropReason, Event, Origin, PixelReader, PixelService, Signals, Site, UserAgent, accept, day_of,
};

use super::bots::Bots;
use super::ingest::Ingest;
use super::salts::Salts;
use crate::ApiError;
use crate::write::UnitOfWork;

/// The pixel, as the API serves it: sites from memory where they are fresh enough, events in shared transactions.
///
/// One for the whole process, whatever the number of its workers.
pub struct Pixel {
    pub(super) service: PixelService,
    pub(super) reader: Arc<dyn PixelReader>,
    pub(super) clock: Arc<dyn Clock>,
    sites: Cache<Domain, Option<Arc<Site>>>,
    bots: Bots,
    salts: Salts,
    ingest: Arc<Ingest>,
}

impl fmt::Debug for Pixel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pixel").finish_non_exhaustive()
    }
}

/// An event that is read, with the user agent that it names.
pub(super) struct Told {
    pub(super) event: Event,
    pub(super) user_agent: UserAgent,
}

/// The `Origin` that a request has.
pub(super) enum SentOrigin {
    None,
    /// One that names no host, such as `null`.
    OfNoHost,
    Of(Domain),
}

/// What a request says of its visitor.
pub(super) struct Visit {
    pub(super) address: IpAddr,
    pub(super) origin: SentOrigin,
    pub(super) gpc: bool,
    pub(super) dnt: bool,
}

impl Pixel {
    /// How old what is known of a site may be. A change that this process made is known at once.
    const STALENESS: Duration = Duration::from_secs(5);
    /// How many hosts are remembered, those that are no site as well.
    const HOSTS: u64 = 10_000;

    /// On this store.
    pub fn new(
        service: PixelService,
        reader: Arc<dyn PixelReader>,
        store: Arc<dyn UnitOfWork>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            sites: Cache::builder().max_capacity(Self::HOSTS).time_to_live(Self::STALENESS).build(),
            bots: Bots::default(),
            salts: Salts::new(Arc::clone(&store), service.clone()),
            ingest: Arc::new(Ingest::new(store, service.clone())),
            service,
            reader,
            clock,
        }
    }

    /// The site of a page's host.
    pub(super) async fn site_of(&self, host: &Domain) -> Result<Option<Arc<Site>>, ApiError> {
        if let Some(known) = self.sites.get(host).await {
            return Ok(known);
        }
        let look = async { Ok(self.reader.find_site_of_host(host).await?.map(Arc::new)) };
        let found = self.sites.try_get_with(host.clone(), look).await;
        found.map_err(|error: Arc<core_domain::StorageError>| ApiError::Unavailable(Box::new(error)))
    }

    /// Has changes of sites be seen. To be called once they are committed.
    pub(super) fn forget_sites(&self) {
        self.sites.invalidate_all();
    }

    /// Forgets the salt of a day that is over. To be called at intervals: where no page tells anything, nothing else does.
    pub fn forget_past_salt(&self) {
        self.salts.forget_before(self.clock.now());
    }

    /// The site of each event.
    pub(super) async fn sites_of(&self, told: &[Told]) -> Result<Vec<Option<Arc<Site>>>, ApiError> {
        let mut sites = Vec::with_capacity(told.len());
        for Told { event, .. } in told {
            sites.push(self.site_of(&event.page.host).await?);
        }
        Ok(sites)
    }

    /// Takes what is to be taken; returns, for each event, why it was not. It returns once they are stored.
    pub(super) async fn take(
        &self,
        told: Vec<Told>,
        sites: &[Option<Arc<Site>>],
        visit: &Visit,
    ) -> Result<Vec<Option<DropReason>>, ApiError> {
        let origin = match &visit.origin {
            SentOrigin::None => Origin::Untold,
            SentOrigin::OfNoHost => Origin::Of(None),
            SentOrigin::Of(host) => Origin::Of(self.site_of(host).await?.map(|site| site.id)),
        };
        let signals = Signals { origin, gpc: visit.gpc, dnt: visit.dnt };
        let now = self.clock.now();
        let (mut reasons, mut accepted) = (Vec::with_capacity(told.len()), Vec::new());
        for (Told { event, user_agent }, site) in told.into_iter().zip(sites) {
            let reason = accept::decide(event.name.class(), site.as_deref(), || self.bots.knows(&user_agent), signals);
            match (reason, site) {
                (None, Some(site)) => {
                    let visitor = self.salts.of(now).await?.visitor(site.id, visit.address, &user_agent);
                    accepted.push(accepted_of(event, site, visitor, now));
                }
                (Some(reason), Some(site)) => Arc::clone(&self.ingest).note(site.id, day_of(now), reason),
                (_, None) => {}
            }
            if let Some(reason) = reason {
                metrics::counter!("pixel_events_dropped_total", "reason" => core_domain::WireWord::as_str(reason))
                    .increment(1);
            }
            reasons.push(reason);
        }
        if !accepted.is_empty() {
            let live = Arc::clone(&self.ingest).record(accepted).await?;
            for (reason, site) in reasons.iter_mut().zip(sites) {
                if reason.is_none() && !site.as_ref().is_some_and(|site| live.contains(&site.id)) {
                    *reason = Some(DropReason::UnknownSite);
                }
            }
        }
        Ok(reasons)
    }
}

fn accepted_of(mut event: Event, site: &Site, visitor: pixel::VisitorId, at: core_domain::Timestamp) -> Accepted {
    // A visitor who moves within a site was not referred to it.
    event.referrer = event.referrer.filter(|host| !is_own(site, host));
    Accepted {
        site_id: site.id,
        visitor,
        at,
        counts_sessions: site.settings.features.sessions,
        page: event.page.shown_on(&site.domain),
        event,
    }
}

fn is_own(site: &Site, host: &str) -> bool {
    let domain = site.domain.as_str();
    let domain = domain.strip_prefix("www.").unwrap_or(domain);
    host == domain || (site.settings.subdomains && host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))
}

/// The distinct sites of events, each once.
pub(super) fn distinct(sites: &[Option<Arc<Site>>]) -> Vec<Option<SiteId>> {
    let mut ids: Vec<Option<SiteId>> = sites.iter().map(|site| site.as_ref().map(|site| site.id)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
