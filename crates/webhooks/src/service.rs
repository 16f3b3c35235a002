use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use core_domain::{Clock, DeliveryId, DomainEvent, Entropy, EventId, StorageError, Timestamp, WebhookId};
use serde_json::json;

use crate::policy;
use crate::{
    ChangeWebhookError, DeliveryKind, DeliveryStatus, Disabled, DisabledReason, Endpoint, EndpointHeaders,
    EndpointHealth, EndpointUrl, EventType, Job, Lease, Message, Realm, RetryDeliveryError, RetrySchedule,
    SealedSecrets, Secret, SecretKind, SecretSealer, Subscriptions, UrlPolicy, WebhookTx,
};

/// A webhook to be made.
#[derive(Debug, Clone)]
pub struct RegisterWebhook {
    /// Where events go.
    pub url: EndpointUrl,
    /// What it is for.
    pub description: Option<String>,
    /// Which events.
    pub subscriptions: Subscriptions,
    /// What signs; a new secret of this kind when none is given.
    pub secret: Result<Secret, SecretKind>,
    /// Headers sent with every event.
    pub headers: EndpointHeaders,
    /// The most sends that begin in a second.
    pub rate_limit: Option<NonZeroU32>,
    /// Whether events are sent from the beginning.
    pub is_active: bool,
}

/// What to change of a webhook; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct UpdateWebhook {
    /// Where events go.
    pub url: Option<EndpointUrl>,
    /// What it is for; the inner `None` removes it.
    pub description: Option<Option<String>>,
    /// Which events.
    pub subscriptions: Option<Subscriptions>,
    /// Headers sent with every event.
    pub headers: Option<EndpointHeaders>,
    /// The most sends that begin in a second; the inner `None` lifts the limit.
    pub rate_limit: Option<Option<NonZeroU32>>,
    /// Whether events are sent. `true` forgives earlier failures.
    pub is_active: Option<bool>,
}

/// How to rotate a signing secret.
#[derive(Debug, Clone)]
pub struct RotateSecret {
    /// The new secret; one of the same kind is made when none is given.
    pub secret: Option<Secret>,
    /// How long the old one signs beside it.
    pub overlap: Duration,
}

impl RotateSecret {
    /// How long both secrets sign when nothing is said (contract: Events and webhooks).
    pub const OVERLAP: Duration = Duration::from_hours(24);
}

/// An event of an application's own.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Its type.
    pub event_type: EventType,
    /// What happened: a JSON object.
    pub data: serde_json::Value,
}

/// The use cases of webhooks. Each works within the transaction it is given and commits nothing.
#[derive(Clone)]
pub struct WebhookService {
    urls: UrlPolicy,
    sealer: Arc<SecretSealer>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for WebhookService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookService").field("urls", &self.urls).finish_non_exhaustive()
    }
}

impl WebhookService {
    /// How long a test is held: longer than any deadline of a sender.
    const TEST_LEASE: Duration = Duration::from_mins(11);

    /// A service that allows these URLs and encrypts secrets with `sealer`.
    pub fn new(urls: UrlPolicy, sealer: Arc<SecretSealer>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { urls, sealer, clock, entropy }
    }

    /// Makes a webhook. Its secret is in the answer and readable nowhere else.
    pub async fn register(
        &self,
        tx: &mut dyn WebhookTx,
        realm: Realm,
        command: RegisterWebhook,
    ) -> Result<(Endpoint, Secret), ChangeWebhookError> {
        self.urls.check(&command.url)?;
        let now = self.clock.now();
        let id = tx.next_webhook_id().await?;
        let secret = command.secret.unwrap_or_else(|kind| Secret::generate(kind, &*self.entropy));
        let endpoint = Endpoint {
            id,
            workspace_id: realm.workspace_id,
            environment: realm.environment,
            url: command.url,
            description: command.description,
            subscriptions: command.subscriptions,
            secrets: SealedSecrets { current: self.sealer.seal(id, &secret)?, previous: None },
            headers: command.headers,
            rate_limit: command.rate_limit,
            disabled: (!command.is_active).then_some(Disabled { at: now, reason: DisabledReason::ByOwner }),
            health: EndpointHealth::default(),
            created_at: now,
            updated_at: now,
        };
        tx.insert_webhook(&endpoint).await?;
        Ok((endpoint, secret))
    }

    /// Changes a webhook.
    pub async fn update(
        &self,
        tx: &mut dyn WebhookTx,
        realm: Realm,
        id: WebhookId,
        change: UpdateWebhook,
    ) -> Result<Endpoint, ChangeWebhookError> {
        let mut endpoint = find(tx, realm, id).await?;
        let now = self.clock.now();
        if let Some(url) = change.url {
            self.urls.check(&url)?;
            endpoint.url = url;
        }
        endpoint.description = change.description.unwrap_or(endpoint.description);
        endpoint.subscriptions = change.subscriptions.unwrap_or(endpoint.subscriptions);
        endpoint.headers = change.headers.unwrap_or(endpoint.headers);
        endpoint.rate_limit = change.rate_limit.unwrap_or(endpoint.rate_limit);
        match change.is_active {
            Some(true) => {
                endpoint.disabled = None;
                endpoint.health.forgive();
            }
            Some(false) if endpoint.is_active() => {
                endpoint.disabled = Some(Disabled { at: now, reason: DisabledReason::ByOwner });
            }
            _ => {}
        }
        endpoint.updated_at = now;
        tx.update_webhook(&endpoint).await?;
        Ok(endpoint)
    }

    /// Deletes a webhook: nothing more is sent, and its deliveries are gone.
    pub async fn delete(&self, tx: &mut dyn WebhookTx, realm: Realm, id: WebhookId) -> Result<(), ChangeWebhookError> {
        let was_there = tx.delete_webhook(realm, id, self.clock.now()).await?;
        if was_there { Ok(()) } else { Err(ChangeWebhookError::NotFound) }
    }

    /// Gives a webhook a new secret. Returns when the old one stops signing beside it.
    pub async fn rotate_secret(
        &self,
        tx: &mut dyn WebhookTx,
        realm: Realm,
        id: WebhookId,
        command: RotateSecret,
    ) -> Result<(Endpoint, Secret, Timestamp), ChangeWebhookError> {
        let mut endpoint = find(tx, realm, id).await?;
        let now = self.clock.now();
        let kind = self.sealer.open(id, &endpoint.secrets.current).map_or(SecretKind::Hmac, |secret| secret.kind());
        let secret = command.secret.unwrap_or_else(|| Secret::generate(kind, &*self.entropy));
        let old_ends_at = now.saturating_add(command.overlap);
        let current = self.sealer.seal(id, &secret)?;
        let old = std::mem::replace(&mut endpoint.secrets.current, current);
        endpoint.secrets.previous = Some((old, old_ends_at));
        endpoint.updated_at = now;
        tx.update_webhook(&endpoint).await?;
        Ok((endpoint, secret, old_ends_at))
    }

    /// Stores a test with its delivery, held by the caller, who is to send it once this is committed.
    pub async fn begin_test(
        &self,
        tx: &mut dyn WebhookTx,
        realm: Realm,
        id: WebhookId,
    ) -> Result<Job, ChangeWebhookError> {
        let endpoint = find(tx, realm, id).await?;
        let event_type = EventType::webhook_test();
        let data = json!({ "webhook_id": id.get(), "message": "This is a test." });
        let event = self.event(realm, NewEvent { event_type, data });
        let mut token = [0; 8];
        self.entropy.fill(&mut token);
        let until = event.created_at.saturating_add(Self::TEST_LEASE);
        let lease = Lease { token: i64::from_le_bytes(token), until };
        let delivery_id = tx.insert_test(&event, id, lease).await?;
        let message = Message::new(
            event.id,
            event.event_type,
            realm.workspace_id,
            realm.environment,
            event.created_at,
            &event.data.to_string(),
        );
        let (message, endpoint) = (Arc::new(message), Arc::new(endpoint));
        Ok(Job { delivery_id, kind: DeliveryKind::Test, attempt: 1, lease, message, endpoint })
    }

    /// Queues a delivery again, due at once. Returns the number of the attempt to come.
    pub async fn retry(
        &self,
        tx: &mut dyn WebhookTx,
        realm: Realm,
        webhook: WebhookId,
        delivery: DeliveryId,
    ) -> Result<u32, RetryDeliveryError> {
        let endpoint = tx.find_webhook_for_change(realm, webhook).await?.ok_or(RetryDeliveryError::NotFound)?;
        let found = tx.find_delivery_for_change(webhook, delivery).await?.ok_or(RetryDeliveryError::NotFound)?;
        let attempt = policy::retry(&endpoint, &found)?;
        tx.queue_delivery(delivery, attempt, self.clock.now()).await?;
        Ok(attempt)
    }

    /// Queues again every delivery made since a moment, those of one status or all that are not queued already.
    /// Returns how many.
    pub async fn replay(
        &self,
        tx: &mut dyn WebhookTx,
        realm: Realm,
        webhook: WebhookId,
        since: Timestamp,
        status: Option<DeliveryStatus>,
    ) -> Result<u64, RetryDeliveryError> {
        let endpoint = tx.find_webhook_for_change(realm, webhook).await?.ok_or(RetryDeliveryError::NotFound)?;
        if !endpoint.is_active() {
            return Err(policy::CannotRetry::Disabled.into());
        }
        let all = [DeliveryStatus::Success, DeliveryStatus::Failed, DeliveryStatus::Retrying];
        let statuses = status.as_ref().map_or(all.as_slice(), std::slice::from_ref);
        Ok(tx.replay_deliveries(webhook, since, statuses, RetrySchedule::MAX_ATTEMPTS, self.clock.now()).await?)
    }

    /// Events as they are stored: each with an id and the moment.
    pub fn events(&self, realm: Realm, events: Vec<NewEvent>) -> Vec<DomainEvent> {
        events.into_iter().map(|event| self.event(realm, event)).collect()
    }

    /// Stores events with their deliveries. Returns the number of deliveries, event by event.
    pub async fn publish(&self, tx: &mut dyn WebhookTx, events: &[DomainEvent]) -> Result<Vec<u32>, StorageError> {
        tx.publish(events).await
    }

    fn event(&self, realm: Realm, event: NewEvent) -> DomainEvent {
        DomainEvent {
            id: EventId::generate(&*self.entropy),
            workspace_id: realm.workspace_id,
            environment: realm.environment,
            event_type: event.event_type.into(),
            data: event.data,
            created_at: self.clock.now(),
        }
    }
}

async fn find(tx: &mut dyn WebhookTx, realm: Realm, id: WebhookId) -> Result<Endpoint, ChangeWebhookError> {
    tx.find_webhook_for_change(realm, id).await?.ok_or(ChangeWebhookError::NotFound)
}
