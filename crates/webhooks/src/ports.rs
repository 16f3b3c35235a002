use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use core_domain::{
    DeliveryId, DomainEvent, Entropy, EventId, Outbox, Page, Realm, StorageError, Timestamp, Transaction, WebhookId,
};

use crate::{
    Attempt, AttemptOutcome, DailyStatistics, Delivery, DeliveryQuery, DeliveryStatus, Due, Endpoint, EventQuery, Job,
    Lease, Published, QueueDepth, Room, Settlement, Share, SignedRequest, WebhookQuery,
};

/// Webhooks, their deliveries and events, within a transaction.
///
/// Nothing here finds a deleted webhook, nor one of a deleted workspace.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait WebhookRepository: Send {
    /// Takes the next webhook id. Ids grow; gaps are allowed.
    async fn next_webhook_id(&mut self) -> Result<WebhookId, StorageError>;

    /// Stores a new webhook.
    async fn insert_webhook(&mut self, endpoint: &Endpoint) -> Result<(), StorageError>;

    /// The webhook, which nobody else changes until the transaction ends.
    async fn find_webhook_for_change(&mut self, realm: Realm, id: WebhookId) -> Result<Option<Endpoint>, StorageError>;

    /// Stores what [`find_webhook_for_change`](Self::find_webhook_for_change) found, changed.
    async fn update_webhook(&mut self, endpoint: &Endpoint) -> Result<(), StorageError>;

    /// Deletes the webhook; its deliveries stop. Returns whether there was one.
    async fn delete_webhook(&mut self, realm: Realm, id: WebhookId, now: Timestamp) -> Result<bool, StorageError>;

    /// Stores events, each with a delivery for every active webhook of its realm that subscribes to its type, due at
    /// once. Returns the number of deliveries, event by event.
    ///
    /// [`Outbox::append`] MUST do the same for one event.
    async fn publish(&mut self, events: &[DomainEvent]) -> Result<Vec<u32>, StorageError>;

    /// Stores a test event with its one delivery, leased to the caller from the beginning.
    async fn insert_test(
        &mut self,
        event: &DomainEvent,
        webhook: WebhookId,
        lease: Lease,
    ) -> Result<DeliveryId, StorageError>;

    /// The delivery, which nobody else changes until the transaction ends. One that is leased is found too.
    async fn find_delivery_for_change(
        &mut self,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StorageError>;

    /// Queues the delivery: pending, with attempt number `attempt` due at `now`. A lease on it ends: whoever has it can
    /// settle it no more.
    async fn queue_delivery(&mut self, id: DeliveryId, attempt: u32, now: Timestamp) -> Result<(), StorageError>;

    /// Queues again every delivery of the webhook made in `[since, now]` that stands at one of `statuses`, tests aside,
    /// and has made fewer than `max_attempts`. Returns how many.
    async fn replay_deliveries(
        &mut self,
        webhook: WebhookId,
        since: Timestamp,
        statuses: &[DeliveryStatus],
        max_attempts: u32,
        now: Timestamp,
    ) -> Result<u64, StorageError>;
}

/// What the use cases of this crate need of a transaction.
pub trait WebhookTx: WebhookRepository + Outbox + Transaction {}

impl<T: WebhookRepository + Outbox + Transaction> WebhookTx for T {}

/// Reads outside a transaction. Nothing here finds a deleted webhook, nor one of a deleted workspace.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait WebhookReader: Send + Sync {
    /// The webhook.
    async fn find_webhook(&self, realm: Realm, id: WebhookId) -> Result<Option<Endpoint>, StorageError>;

    /// One page of a realm's webhooks.
    async fn list_webhooks(&self, realm: Realm, query: &WebhookQuery) -> Result<Page<Endpoint>, StorageError>;

    /// The delivery.
    async fn find_delivery(&self, webhook: WebhookId, id: DeliveryId) -> Result<Option<Delivery>, StorageError>;

    /// One page of a webhook's deliveries.
    ///
    /// The cost MUST NOT grow with the number of rows in the store, but for those that the filter leaves to be
    /// counted or passed over, and those still open.
    async fn list_deliveries(&self, webhook: WebhookId, query: &DeliveryQuery) -> Result<Page<Delivery>, StorageError>;

    /// The latest deliveries of each of these webhooks, at most `each`, newest first.
    async fn list_latest_deliveries(&self, webhooks: &[WebhookId], each: u32) -> Result<Vec<Delivery>, StorageError>;

    /// The attempts at these deliveries, by delivery and number.
    async fn list_attempts(&self, deliveries: &[DeliveryId]) -> Result<Vec<(DeliveryId, Attempt)>, StorageError>;

    /// What a webhook did on each day from `from` to `to` on which it did anything.
    async fn list_statistics(
        &self,
        webhook: WebhookId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<DailyStatistics>, StorageError>;

    /// The event.
    async fn find_event(&self, realm: Realm, id: &EventId) -> Result<Option<DomainEvent>, StorageError>;

    /// These events of a realm, in no order; those it does not have are left out.
    async fn find_events(&self, realm: Realm, ids: &[EventId]) -> Result<Vec<DomainEvent>, StorageError>;

    /// One page of a realm's events.
    async fn list_events(&self, realm: Realm, query: &EventQuery) -> Result<Page<DomainEvent>, StorageError>;
}

/// The deliveries that are to be made, as those see it who make them. Each method is a transaction of its own.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait DeliveryQueue: Send + Sync {
    /// Stores events with their deliveries, all or none, as [`WebhookRepository::publish`] does, but leases to the
    /// caller what there is `room` for; nothing of an endpoint with a rate limit of its own.
    async fn publish(
        &self,
        events: &[DomainEvent],
        hold: Option<(Lease, Room)>,
    ) -> Result<Vec<Published>, StorageError>;

    /// What is due at `now`, for each active endpoint with any, by id: of each at most `most` deliveries, and no more
    /// than its rate limit allows. A delivery whose lease has ended is due again.
    async fn due(&self, most: u32, now: Timestamp) -> Result<Vec<Due>, StorageError>;

    /// Leases so many of the deliveries that are due at `now` to these endpoints, each named once; those due longest
    /// first within an endpoint, and none of one that is no longer active.
    ///
    /// Of two that take at once no delivery goes to both. An endpoint with a rate limit gets no more in any second than
    /// it allows, however many take.
    async fn take(&self, shares: &[Share], lease: Lease, now: Timestamp) -> Result<Vec<Job>, StorageError>;

    /// Writes down attempts: the attempt, where its delivery stands, the endpoint's health and daily statistics. An
    /// endpoint that is hopeless by then, or has answered 410, is disabled, and `webhook.disabled` published.
    ///
    /// What was made under a lease that its delivery no longer has is left out. Returns how many were written.
    async fn settle(
        &self,
        settlements: &[Settlement],
        now: Timestamp,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<u64, StorageError>;

    /// Gives leases back unused: the deliveries are due at once.
    async fn release(&self, leases: &[(DeliveryId, Lease)], now: Timestamp) -> Result<(), StorageError>;

    /// Returns when deliveries that nobody holds were stored since the last call, by this process or, where the store
    /// is shared, by another. It may return without cause.
    async fn queued(&self);

    /// What the queue holds.
    async fn depth(&self, now: Timestamp) -> Result<QueueDepth, StorageError>;

    /// Deletes at most `limit` settled deliveries with their attempts, at most `limit` events that have no delivery
    /// left, and the statistics, made before `before`; and what deleted webhooks leave behind. Returns how many rows.
    async fn purge(&self, before: Timestamp, limit: NonZeroU32) -> Result<u64, StorageError>;
}

/// What sends.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait WebhookSender: Send + Sync {
    /// Sends once and waits for the answer: its head and the body's first
    /// [`MAX_BODY_BYTES`](AttemptOutcome::MAX_BODY_BYTES), all before the sender's deadline.
    ///
    /// It MUST refuse every address that is not public, unless the operator allows it, on the address actually
    /// connected to; MUST NOT follow redirects; and MUST NOT send twice.
    async fn send(&self, request: &SignedRequest) -> AttemptOutcome;
}

/// What stores events for callers who wait for no transaction of their own.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait EventPublisher: Send + Sync {
    /// Stores these events with their deliveries, all or none. Returns the number of deliveries, event by event.
    ///
    /// When this returns `Ok`, a crash of the process loses nothing of it.
    async fn publish(&self, events: Vec<DomainEvent>) -> Result<Vec<u32>, StorageError>;
}
