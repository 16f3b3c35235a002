//! Attempts over days: the courier and the queue together, under a clock that is set by hand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::webhooks::{
    AttemptOutcome, Courier, Delivery, DeliveryStatus, Endpoint, EndpointHeaders, RegisterWebhook, RetrySchedule,
    SecretKind, SecretSealer, SignedRequest, UpdateWebhook, UrlPolicy, WebhookSender, WebhookService,
};
use async_trait::async_trait;
use core_domain::{Clock, Entropy, Timestamp};
use testkit::{ManualClock, SeededEntropy};

use crate::Backend;
use crate::build::stored_pair;
use crate::prelude::*;
use crate::webhook_build::{claim, deliveries_of, entropy, happening, lease, patterns, realm, room};

/// A receiver that answers as it is told, and then with 500.
#[derive(Default)]
struct Scripted(Mutex<VecDeque<AttemptOutcome>>);

#[async_trait]
impl WebhookSender for Scripted {
    async fn send(&self, request: &SignedRequest) -> AttemptOutcome {
        assert!(request.headers.iter().any(|(name, _)| name == "webhook-signature"));
        self.0.lock().unwrap().pop_front().unwrap_or_else(|| answer(500))
    }
}

fn answer(code: u16) -> AttemptOutcome {
    let error = (!(200..300).contains(&code)).then(|| format!("the answer was {code}"));
    AttemptOutcome { response_code: Some(code), error, ..AttemptOutcome::default() }
}

/// A webhook, its receiver, and whoever works the queue.
struct Bench<B> {
    backend: Arc<B>,
    clock: Arc<ManualClock>,
    receiver: Arc<Scripted>,
    service: WebhookService,
    courier: Courier,
    hook: Endpoint,
}

impl<B: Backend> Bench<B> {
    async fn new(backend: Arc<B>) -> Self {
        let (_, home) = stored_pair(&*backend).await;
        let clock = Arc::new(ManualClock::at(Timestamp::parse("2026-01-15").unwrap()));
        let random: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(7));
        let sealer = Arc::new(SecretSealer::new(&[1; 32], &[], Arc::clone(&random)));
        let service =
            WebhookService::new(UrlPolicy::default(), Arc::clone(&sealer), clock.clone(), Arc::clone(&random));
        let receiver = Arc::<Scripted>::default();
        let courier = Courier::new(receiver.clone(), sealer, RetrySchedule::default(), clock.clone(), random);
        let command = RegisterWebhook {
            url: "https://example.com/hook".to_owned().try_into().unwrap(),
            description: None,
            subscriptions: patterns(&["post.*"]),
            secret: Err(SecretKind::Hmac),
            headers: EndpointHeaders::default(),
            rate_limit: None,
            is_active: true,
        };
        let mut tx = backend.begin().await.unwrap();
        let (hook, _) = service.register(&mut *tx, realm(home.id), command).await.unwrap();
        tx.commit().await.unwrap();
        Self { backend, clock, receiver, service, courier, hook }
    }

    fn will_answer(&self, code: u16) {
        self.receiver.0.lock().unwrap().push_back(answer(code));
    }

    async fn publish(&self, seed: u64) {
        let event = happening(realm(self.hook.workspace_id), "post.created", seed, self.clock.now());
        self.backend.store().publish(&[event], None).await.unwrap();
    }

    /// Makes every attempt that is due. Returns how many that were.
    async fn work(&self) -> usize {
        let now = self.clock.now();
        let until = now.saturating_add(Duration::from_mins(1));
        let jobs = claim(&*self.backend, lease(now.as_unix_micros(), until), &room(99, 99), now).await;
        for job in &jobs {
            let result = self.courier.deliver(job).await;
            assert_eq!(self.backend.store().settle(&[result], self.clock.now(), &entropy()).await.unwrap(), 1);
        }
        jobs.len()
    }

    async fn only_delivery(&self) -> Delivery {
        let all = deliveries_of(&*self.backend, self.hook.id).await;
        assert_eq!(all.len(), 1);
        all.into_iter().next().unwrap()
    }

    async fn hook(&self) -> Endpoint {
        let realm = realm(self.hook.workspace_id);
        self.backend.store().find_webhook(realm, self.hook.id).await.unwrap().unwrap()
    }

    /// Turns the clock to the moment of the next attempt; just before it, nothing is due.
    async fn wait_for_the_next(&self) {
        let due = self.only_delivery().await.next_retry_at.unwrap();
        self.clock.set(due.saturating_sub(Duration::from_micros(1)));
        assert_eq!(self.work().await, 0, "nothing is due before its time");
        self.clock.set(due);
    }
}

/// Six attempts, each at its time; after the sixth the delivery has failed, and nothing is due any more.
pub async fn all_six_attempts_are_made_at_their_times<B: Backend>(backend: Arc<B>) {
    let bench = Bench::new(backend).await;
    bench.publish(1).await;
    for (attempt, delay) in [(1, 60), (2, 300), (3, 1_800), (4, 7_200), (5, 86_400)] {
        let at = bench.clock.now();
        assert_eq!(bench.work().await, 1, "attempt {attempt}");
        let delivery = bench.only_delivery().await;
        assert_eq!((delivery.status, delivery.attempt), (DeliveryStatus::Retrying, attempt));
        let waits = delivery.next_retry_at.unwrap().since(at);
        let delay = Duration::from_secs(delay);
        assert!(delay <= waits && waits <= delay * 11 / 10, "attempt {attempt}: {waits:?}");
        bench.wait_for_the_next().await;
    }
    assert_eq!(bench.work().await, 1, "the sixth");
    let delivery = bench.only_delivery().await;
    assert_eq!((delivery.status, delivery.attempt, delivery.next_retry_at), (DeliveryStatus::Failed, 6, None));
    bench.clock.advance(Duration::from_hours(24 * 365));
    assert_eq!(bench.work().await, 0, "nothing is stuck");
    let attempts = bench.backend.store().list_attempts(&[delivery.id]).await.unwrap();
    assert_eq!(attempts.iter().map(|(_, attempt)| attempt.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
}

/// A retry by hand makes the next attempt at once, also beyond the automatic ones, up to twenty.
pub async fn retries_by_hand_go_up_to_twenty_attempts<B: Backend>(backend: Arc<B>) {
    let bench = Bench::new(backend).await;
    bench.publish(1).await;
    bench.work().await;
    for attempt in 2..=20 {
        let delivery = bench.only_delivery().await;
        assert_eq!(bench.retry(&delivery).await.unwrap(), attempt);
        assert!(bench.retry(&delivery).await.is_err(), "it is queued already");
        assert_eq!(bench.work().await, 1);
    }
    let delivery = bench.only_delivery().await;
    assert_eq!((delivery.status, delivery.attempt), (DeliveryStatus::Failed, 20));
    assert!(bench.retry(&delivery).await.is_err(), "twenty are the most");
}

impl<B: Backend> Bench<B> {
    async fn retry(&self, delivery: &Delivery) -> Result<u32, ::webhooks::RetryDeliveryError> {
        let mut tx = self.backend.begin().await.unwrap();
        let retried = self.service.retry(&mut *tx, realm(self.hook.workspace_id), self.hook.id, delivery.id).await;
        // Dropped, it would let go of the delivery some time later, and claims pass over what is held.
        if retried.is_ok() {
            tx.commit().await.unwrap();
        } else {
            tx.rollback().await.unwrap();
        }
        retried
    }
}

/// What succeeded is over; a receiver that is gone is left alone until its owner says otherwise.
pub async fn a_receiver_that_is_gone_is_left_alone<B: Backend>(backend: Arc<B>) {
    let bench = Bench::new(backend).await;
    bench.will_answer(410);
    bench.publish(1).await;
    assert_eq!(bench.work().await, 1);
    assert!(!bench.hook().await.is_active());
    let delivery = bench.only_delivery().await;
    assert!(bench.retry(&delivery).await.is_err(), "nothing is sent to a disabled webhook");
    bench.publish(2).await;
    bench.clock.advance(Duration::from_hours(1));
    assert_eq!(bench.work().await, 0, "what is open waits, and nothing new is made");
    let mut tx = bench.backend.begin().await.unwrap();
    let change = UpdateWebhook { is_active: Some(true), ..UpdateWebhook::default() };
    bench.service.update(&mut *tx, realm(bench.hook.workspace_id), bench.hook.id, change).await.unwrap();
    tx.commit().await.unwrap();
    bench.will_answer(204);
    assert_eq!(bench.work().await, 1);
    let delivery = bench.only_delivery().await;
    assert_eq!((delivery.status, delivery.delivered_at), (DeliveryStatus::Success, Some(bench.clock.now())));
    assert!(bench.retry(&delivery).await.is_err(), "it has succeeded");
}

/// Five days and ten attempts without a success disable a webhook; a success in between begins anew.
pub async fn days_without_success_disable<B: Backend>(backend: Arc<B>) {
    let bench = Bench::new(backend).await;
    for day in 0..5 {
        assert!(bench.hook().await.is_active(), "day {day}");
        bench.publish(day * 2).await;
        bench.publish(day * 2 + 1).await;
        bench.work().await;
        bench.clock.advance(Duration::from_hours(24));
    }
    // A success at the last moment.
    bench.will_answer(200);
    bench.publish(100).await;
    while bench.receiver_waits() {
        bench.work().await;
    }
    assert!(bench.hook().await.is_active());
    let health = bench.hook().await.health;
    assert!(health.success_count == 1 && health.failure_count >= 10);
    for day in 0..6 {
        bench.publish(200 + day * 2).await;
        bench.publish(201 + day * 2).await;
        bench.work().await;
        bench.clock.advance(Duration::from_hours(24));
    }
    assert!(!bench.hook().await.is_active(), "five days since the first failure after it");
}

impl<B> Bench<B> {
    fn receiver_waits(&self) -> bool {
        !self.receiver.0.lock().unwrap().is_empty()
    }
}
