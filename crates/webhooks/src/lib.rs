#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod model;
mod pacing;
mod policy;
mod ports;
mod query;
mod queue;
mod sharing;
mod signing;
mod statistics;

pub use model::delivery::{Attempt, AttemptOutcome, Delivery, DeliveryKind, DeliveryStatus};
pub use model::endpoint::{Disabled, DisabledReason, Endpoint};
pub use model::event_type::{
    EventType, InvalidEventType, InvalidPattern, InvalidSubscriptions, Pattern, Subscriptions,
};
pub use model::headers::{EndpointHeaders, InvalidHeaders};
pub use model::health::EndpointHealth;
pub use model::secret::{SealedSecret, SealedSecrets};
pub use model::url::{EndpointUrl, InvalidUrl};
pub use pacing::{InvalidPacing, Pacing};
pub use policy::disabled_event;
pub use ports::{DeliveryQueue, EventPublisher, Realm, WebhookReader, WebhookRepository, WebhookSender, WebhookTx};
pub use query::{
    DeliveryFilter, DeliveryQuery, DeliverySort, EventFilter, EventQuery, EventSort, WebhookFilter, WebhookQuery,
    WebhookSort,
};
pub use queue::{Job, Lease, Message, Published, QueueDepth, Room, Settlement};
pub use sharing::Due;
pub use signing::SignedRequest;
pub use statistics::DailyStatistics;

#[cfg(feature = "mocks")]
pub use ports::{MockDeliveryQueue, MockEventPublisher, MockWebhookReader, MockWebhookRepository, MockWebhookSender};
