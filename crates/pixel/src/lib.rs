#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod accept;
mod calendar;
mod domain;
mod error;
mod event;
mod ports;
mod rollup;
mod service;
mod site;
mod stats;
mod user_agent;
mod utm;
mod visitor;

pub use accept::{DropReason, Origin, Signals};
pub use calendar::{DAY, HOUR, day_of, hour_of};
pub use domain::{Domain, InvalidDomain};
pub use error::{CreateSiteError, UpdateSiteError};
pub use event::{Event, EventClass, EventName, InvalidEvent, PageUrl, Properties, referrer_host};
pub use ports::{PixelReader, PixelRepository, PixelTx, PixelUpkeep, Retention};
pub use rollup::{
    Accepted, Batch, Dimension, Drops, MAX_NAMES, NameKey, NamesKey, OTHER, SESSION_IDLE, State, Totals, VisitorKey,
    Wanted, fold, wanted,
};
pub use service::PixelService;
pub use site::{Features, InvalidSampleRate, SampleRate, Site, SiteFilter, SiteQuery, SiteSettings, SiteSort};
pub use stats::{Interval, NamedCount, Stats, StatsQuery};
pub use user_agent::UserAgent;
pub use utm::Utm;
pub use visitor::{Salt, VisitorId};

#[cfg(feature = "mocks")]
pub use ports::{MockPixelReader, MockPixelRepository, MockPixelUpkeep};
