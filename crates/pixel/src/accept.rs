//! What is taken of what pages send.

use core_domain::SiteId;

use crate::{EventClass, Site};

/// Why an event is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// No site has the page's host.
    UnknownSite,
    /// The request comes from a page of another site than it tells of.
    OriginMismatch,
    /// The site takes nothing.
    SiteDisabled,
    /// The site does not take such events.
    FeatureDisabled,
    /// A bot.
    Bot,
    /// The visitor asks not to be tracked (Global Privacy Control).
    Gpc,
    /// The visitor asks not to be tracked (Do Not Track).
    Dnt,
}

core_domain::wire_words!(DropReason {
    UnknownSite = "unknown_site",
    OriginMismatch = "origin_mismatch",
    SiteDisabled = "site_disabled",
    FeatureDisabled = "feature_disabled",
    Bot = "bot",
    Gpc = "gpc",
    Dnt = "dnt",
});

/// Where a request says that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It does not say.
    Untold,
    /// From a page of this site; of none, when `None`.
    Of(Option<SiteId>),
}

/// What a request tells beside its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signals {
    /// Its `Origin`.
    pub origin: Origin,
    /// `Sec-GPC: 1`.
    pub gpc: bool,
    /// `DNT: 1`.
    pub dnt: bool,
}

/// Why an event is not taken; `None` when it is. Whether a bot sent it costs most, and is asked only if it matters.
pub fn decide(
    class: EventClass,
    site: Option<&Site>,
    is_bot: impl FnOnce() -> bool,
    signals: Signals,
) -> Option<DropReason> {
    let Some(site) = site else { return Some(DropReason::UnknownSite) };
    let settings = &site.settings;
    if matches!(signals.origin, Origin::Of(origin) if origin != Some(site.id)) {
        Some(DropReason::OriginMismatch)
    } else if !settings.enabled {
        Some(DropReason::SiteDisabled)
    } else if !settings.features.takes(class) {
        Some(DropReason::FeatureDisabled)
    } else if is_bot() {
        Some(DropReason::Bot)
    } else if signals.gpc && settings.honours_gpc {
        Some(DropReason::Gpc)
    } else if signals.dnt && settings.honours_dnt {
        Some(DropReason::Dnt)
    } else {
        None
    }
}
