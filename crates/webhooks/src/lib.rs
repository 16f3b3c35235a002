#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod address;
mod courier;
mod error;
mod model;
mod pacing;
mod policy;
mod ports;
mod query;
mod queue;
mod schedule;
mod secret;
mod service;
mod sharing;
mod signing;
mod special_addresses;
mod statistics;
mod url_policy;

pub use address::{AddressPolicy, host_address};
pub use core_domain::Realm;
pub use courier::Courier;
pub use error::{ChangeWebhookError, RetryDeliveryError};
pub use model::delivery::{Attempt, AttemptOutcome, Delivery, DeliveryKind, DeliveryStatus};
pub use model::endpoint::{Disabled, DisabledReason, Endpoint};
pub use model::event_type::{
    EventType, InvalidEventType, InvalidPattern, InvalidSubscriptions, Pattern, Subscriptions, patterns_covering,
};
pub use model::headers::{EndpointHeaders, InvalidHeaders};
pub use model::health::EndpointHealth;
pub use model::secret::{SealedSecret, SealedSecrets};
pub use model::url::{EndpointUrl, InvalidUrl};
pub use pacing::{InvalidPacing, Pacing};
pub use policy::{CannotRetry, disabled_event, retry, settlement};
pub use ports::{DeliveryQueue, EventPublisher, WebhookReader, WebhookRepository, WebhookSender, WebhookTx};
pub use query::{
    DeliveryFilter, DeliveryQuery, DeliverySort, EventFilter, EventQuery, EventSort, WebhookFilter, WebhookQuery,
    WebhookSort,
};
pub use queue::{Job, Lease, Message, Published, QueueDepth, Room, Settlement};
pub use schedule::{InvalidSchedule, RetrySchedule};
pub use secret::{InvalidSecret, Secret, SecretKind, SecretSealer, UnreadableSecret};
pub use service::{NewEvent, RegisterWebhook, RotateSecret, UpdateWebhook, WebhookService};
pub use sharing::{Due, Share, Turns};
pub use signing::{SignedRequest, sign};
pub use statistics::DailyStatistics;
pub use url_policy::{RefusedUrl, UrlPolicy};

#[cfg(feature = "mocks")]
pub use ports::{MockDeliveryQueue, MockEventPublisher, MockWebhookReader, MockWebhookRepository, MockWebhookSender};
