#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod catalogue;
mod counter;
pub mod decide;
mod error;
mod feature;
mod notice;
mod percentage;
mod period;
mod ports;
mod query;
mod reservation;
mod service;
mod stock;
mod terms;

pub use catalogue::{Catalogue, CatalogueError, TierTerms};
pub use core_domain::Realm;
pub use counter::{Announced, Change, Counter, CounterId, InvalidQuantity, MAX_COUNT, Quantity};
pub use error::{ConfirmError, OverrideError, Refusal, ReleaseError, ReserveError, StockError, UseError};
pub use feature::{Feature, FeatureKey, InvalidFeatureKey, Kind, Overage, Reset};
pub use percentage::Percentage;
pub use period::{Period, day_of};
pub use ports::{
    CounterChange, EntitlementReader, EntitlementRepository, EntitlementTx, LineOfStanding, Locked, Standing,
    UsageRecord,
};
pub use query::{DayUsage, HistoryQuery, UsageFilter, UsageQuery, UsageRow, UsageSort};
pub use reservation::{
    HoldFor, InvalidHold, InvalidMetadata, Metadata, Reservation, ReservationId, ReservationStatus, Settlement,
};
pub use service::{EntitlementService, Recorded, ReserveFeature, SetOverride, UseFeature};
pub use stock::LimitedStock;
pub use terms::{Allowance, Extra, Override, Terms};

#[cfg(feature = "mocks")]
pub use ports::{MockEntitlementReader, MockEntitlementRepository};
