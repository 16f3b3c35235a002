//! However much is due, no more is under way at once than is allowed, and all of it is sent in the end.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is to panic")]

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use core_domain::{
    DeliveryId, DomainEvent, Entropy, Environment, EventId, StorageError, Timestamp, WebhookId, WorkspaceId,
};
use dispatcher::{Dispatcher, Options};
use proptest::prelude::*;
use serde_json::json;
use testkit::{ManualClock, SeededEntropy};
use tokio::sync::{Notify, Semaphore};
use webhooks::{
    AttemptOutcome, Courier, DeliveryKind, DeliveryQueue, Due, Endpoint, EndpointHeaders, EndpointHealth,
    EventPublisher as _, Job, Lease, Message, Pattern, Published, QueueDepth, RetrySchedule, Room, SealedSecrets,
    Secret, SecretKind, SecretSealer, Settlement, Share, SignedRequest, WebhookSender,
};

const TOTAL: u32 = 12;
const PER_ENDPOINT: u32 = 4;
const ENDPOINTS: i64 = 6;

fn moment() -> Timestamp {
    Timestamp::parse("2026-01-15").unwrap()
}

fn endpoint(id: i64, sealer: &SecretSealer) -> Arc<Endpoint> {
    let id = WebhookId::try_from(id).unwrap();
    let secret = Secret::generate(SecretKind::Hmac, &SeededEntropy::new(1));
    Arc::new(Endpoint {
        id,
        workspace_id: WorkspaceId::try_from(id.get() % 2 + 1).unwrap(),
        environment: Environment::Live,
        url: format!("https://example.com/{id}").try_into().unwrap(),
        description: None,
        subscriptions: vec![Pattern::try_from("*".to_owned()).unwrap()].try_into().unwrap(),
        secrets: SealedSecrets { current: sealer.seal(id, &secret).unwrap(), previous: None },
        headers: EndpointHeaders::default(),
        rate_limit: None,
        disabled: None,
        health: EndpointHealth::default(),
        created_at: moment(),
        updated_at: moment(),
    })
}

/// A queue in memory: each event has one delivery, to the endpoint that it names.
struct Table {
    endpoints: BTreeMap<i64, Arc<Endpoint>>,
    waiting: Mutex<Vec<Job>>,
    settled: Mutex<Vec<DeliveryId>>,
    queued: Notify,
}

#[async_trait]
impl DeliveryQueue for Table {
    async fn publish(
        &self,
        events: &[DomainEvent],
        hold: Option<(Lease, Room)>,
    ) -> Result<Vec<Published>, StorageError> {
        let (lease, mut room) = hold.unwrap();
        let mut waiting = self.waiting.lock().unwrap();
        let publish = |event: &DomainEvent| {
            let endpoint = Arc::clone(&self.endpoints[&event.data["endpoint"].as_i64().unwrap()]);
            let message = Message {
                event_id: event.id.clone(),
                event_type: event.event_type.clone(),
                workspace_id: event.workspace_id,
                environment: event.environment,
                created_at: event.created_at,
                body: "{}".to_owned(),
            };
            let job = Job {
                delivery_id: DeliveryId::try_from(event.data["number"].as_i64().unwrap()).unwrap(),
                kind: DeliveryKind::Event,
                attempt: 1,
                lease,
                message: Arc::new(message),
                endpoint,
            };
            if room.take(job.endpoint.workspace_id, job.endpoint.id) {
                return Published { deliveries: 1, jobs: vec![job] };
            }
            waiting.push(job);
            self.queued.notify_one();
            Published { deliveries: 1, jobs: Vec::new() }
        };
        Ok(events.iter().map(publish).collect())
    }

    async fn due(&self, most: u32, _: Timestamp) -> Result<Vec<Due>, StorageError> {
        let mut due = BTreeMap::<i64, Due>::new();
        for job in &*self.waiting.lock().unwrap() {
            let (webhook_id, workspace_id) = (job.endpoint.id, job.endpoint.workspace_id);
            let entry = Due { webhook_id, workspace_id, deliveries: 0, is_paced: false };
            due.entry(webhook_id.get()).or_insert(entry).deliveries += 1;
        }
        Ok(due.into_values().map(|due| Due { deliveries: due.deliveries.min(most), ..due }).collect())
    }

    async fn take(&self, shares: &[Share], lease: Lease, _: Timestamp) -> Result<Vec<Job>, StorageError> {
        let mut waiting = self.waiting.lock().unwrap();
        let mut taken = Vec::new();
        for share in shares {
            for _ in 0..share.deliveries {
                if let Some(position) = waiting.iter().position(|job| job.endpoint.id == share.webhook_id) {
                    taken.push(Job { lease, ..waiting.remove(position) });
                }
            }
        }
        Ok(taken)
    }

    async fn settle(&self, settled: &[Settlement], _: Timestamp, _: &Arc<dyn Entropy>) -> Result<u64, StorageError> {
        self.settled.lock().unwrap().extend(settled.iter().map(|settlement| settlement.delivery_id));
        Ok(settled.len() as u64)
    }

    async fn release(&self, _: &[(DeliveryId, Lease)], _: Timestamp) -> Result<(), StorageError> {
        Ok(())
    }

    async fn queued(&self) {
        self.queued.notified().await;
    }

    async fn depth(&self, _: Timestamp) -> Result<QueueDepth, StorageError> {
        Ok(QueueDepth::default())
    }

    async fn purge(&self, _: Timestamp, _: NonZeroU32) -> Result<u64, StorageError> {
        Ok(0)
    }
}

/// Receivers that answer when they are let, and not all of them.
struct Receivers {
    answers: Semaphore,
    silent: i64,
    under_way: Mutex<BTreeMap<String, u32>>,
    /// The most that was under way at once, in all and to one endpoint.
    most: Mutex<(u32, u32)>,
}

#[async_trait]
impl WebhookSender for Receivers {
    async fn send(&self, request: &SignedRequest) -> AttemptOutcome {
        let url = request.url.as_str().to_owned();
        {
            let mut under_way = self.under_way.lock().unwrap();
            *under_way.entry(url.clone()).or_default() += 1;
            let mut most = self.most.lock().unwrap();
            *most = (most.0.max(under_way.values().sum()), most.1.max(under_way[&url]));
        }
        self.answers.acquire().await.unwrap().forget();
        *self.under_way.lock().unwrap().get_mut(&url).unwrap() -= 1;
        let is_silent = url.ends_with(&format!("/{}", self.silent));
        AttemptOutcome { response_code: (!is_silent).then_some(200), ..AttemptOutcome::default() }
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Events for these endpoints, in one request.
    Publish(Vec<i64>),
    /// So many answers.
    Answer(usize),
    /// Time passes, in milliseconds.
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        prop::collection::vec(1..=ENDPOINTS, 1..30).prop_map(Step::Publish),
        (1_usize..20).prop_map(Step::Answer),
        (0_u64..1_500).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..40)
}

async fn run(steps: Vec<Step>) {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(7));
    let clock = Arc::new(ManualClock::at(moment()));
    let sealer = Arc::new(SecretSealer::new(&[7; 32], &[], Arc::clone(&entropy)));
    let queue = Arc::new(Table {
        endpoints: (1..=ENDPOINTS).map(|id| (id, endpoint(id, &sealer))).collect(),
        waiting: Mutex::default(),
        settled: Mutex::default(),
        queued: Notify::new(),
    });
    let receivers = Arc::new(Receivers {
        answers: Semaphore::new(0),
        silent: 1,
        under_way: Mutex::default(),
        most: Mutex::default(),
    });
    let sender = Arc::clone(&receivers);
    let courier = Courier::new(sender, sealer, RetrySchedule::default(), clock.clone(), Arc::clone(&entropy));
    let options = Options {
        max_sends: TOTAL,
        max_sends_per_endpoint: PER_ENDPOINT,
        max_sends_per_workspace: 8,
        ..Options::default()
    };
    let dispatcher = Dispatcher::start(queue.clone(), Arc::new(courier), clock, Arc::clone(&entropy), options);
    let mut published = 0;
    for step in steps {
        match step {
            Step::Publish(endpoints) => {
                let events = endpoints.into_iter().map(|endpoint| {
                    published += 1;
                    DomainEvent {
                        id: EventId::generate(&*entropy),
                        workspace_id: queue.endpoints[&endpoint].workspace_id,
                        environment: Environment::Live,
                        event_type: "post.created".to_owned(),
                        data: json!({ "endpoint": endpoint, "number": published }),
                        created_at: moment(),
                    }
                });
                dispatcher.publisher().publish(events.collect()).await.unwrap();
            }
            Step::Answer(count) => receivers.answers.add_permits(count),
            Step::Pass(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
        }
    }
    receivers.answers.add_permits(published);
    // The clock jumps wherever everything waits for it.
    while !queue.waiting.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    dispatcher.stop().await;
    let mut settled: Vec<i64> = queue.settled.lock().unwrap().iter().map(|id| id.get()).collect();
    settled.sort_unstable();
    assert_eq!(settled, (1..=i64::try_from(published).unwrap()).collect::<Vec<_>>(), "each is sent once");
    let (most, most_to_one) = *receivers.most.lock().unwrap();
    assert!(most <= TOTAL && most_to_one <= PER_ENDPOINT, "{most} at once, {most_to_one} to one endpoint");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_more_is_under_way_than_allowed_and_all_is_sent(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(steps));
    }
}
