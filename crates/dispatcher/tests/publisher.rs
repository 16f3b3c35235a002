//! Many requests share a commit, and each is told its own outcome.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is to panic")]

use std::sync::{Arc, Mutex};

use core_domain::{DomainEvent, Environment, EventId, StorageError, Timestamp, WorkspaceId};
use dispatcher::Publisher;
use serde_json::json;
use testkit::SeededEntropy;
use tokio_util::sync::CancellationToken;
use webhooks::{EventPublisher, MockDeliveryQueue, Published};

fn event(event_type: &str, deliveries: u32) -> DomainEvent {
    DomainEvent {
        id: EventId::generate(&SeededEntropy::new(u64::from(deliveries))),
        workspace_id: WorkspaceId::try_from(1).unwrap(),
        environment: Environment::Live,
        event_type: event_type.to_owned(),
        data: json!({ "deliveries": deliveries }),
        created_at: Timestamp::parse("2026-01-15").unwrap(),
    }
}

/// A queue that gives each event as many deliveries as it says, keeps the sizes of its commits, and refuses commits with
/// an event of type `bad.event`.
fn queue(commits: &Arc<Mutex<Vec<usize>>>) -> MockDeliveryQueue {
    let mut queue = MockDeliveryQueue::new();
    let commits = Arc::clone(commits);
    queue.expect_publish().returning(move |events, hold| {
        assert!(hold.is_none(), "nobody sends here");
        commits.lock().unwrap().push(events.len());
        if events.iter().any(|event| event.event_type == "bad.event") {
            return Err(StorageError::Unavailable { operation: "publish", source: "bad".into() });
        }
        let count = |event: &DomainEvent| u32::try_from(event.data["deliveries"].as_u64().unwrap()).unwrap();
        Ok(events.iter().map(|event| Published { deliveries: count(event), jobs: Vec::new() }).collect())
    });
    queue
}

#[tokio::test]
async fn each_request_is_told_its_own_counts_and_many_share_a_commit() {
    let commits = Arc::<Mutex<Vec<usize>>>::default();
    let stop = CancellationToken::new();
    let (publisher, storing) = Publisher::start(Arc::new(queue(&commits)), stop.clone());
    let requests = (0..100_u32).map(|number| {
        let publisher = publisher.clone();
        let events = vec![event("post.created", number); (number % 3) as usize + 1];
        async move {
            let told = publisher.publish(events).await.unwrap();
            assert_eq!(told, vec![number; (number % 3) as usize + 1]);
        }
    });
    let mut tasks = tokio::task::JoinSet::new();
    requests.for_each(|request| drop(tasks.spawn(request)));
    tasks.join_all().await;
    let commits = commits.lock().unwrap().clone();
    assert_eq!(commits.iter().sum::<usize>(), (0..100).map(|number| number % 3 + 1).sum::<usize>());
    assert!(commits.len() < 100, "{commits:?}");
    stop.cancel();
    storing.await.unwrap();
}

#[tokio::test]
async fn a_request_that_fails_fails_alone() {
    let commits = Arc::<Mutex<Vec<usize>>>::default();
    let (publisher, _storing) = Publisher::start(Arc::new(queue(&commits)), CancellationToken::new());
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let publisher = publisher.clone();
        let event_type = if number == 7 { "bad.event" } else { "post.created" };
        tasks.spawn(async move { (number, publisher.publish(vec![event(event_type, number)]).await) });
    }
    for (number, told) in tasks.join_all().await {
        match told {
            Ok(counts) => assert_eq!((counts, number == 7), (vec![number], false)),
            Err(error) => assert_eq!((error.to_string().as_str(), number), ("publish failed", 7)),
        }
    }
}

#[tokio::test]
async fn what_was_given_before_the_end_is_stored_and_what_comes_after_is_refused() {
    let commits = Arc::<Mutex<Vec<usize>>>::default();
    let stop = CancellationToken::new();
    let (publisher, storing) = Publisher::start(Arc::new(queue(&commits)), stop.clone());
    let before = tokio::spawn({
        let publisher = publisher.clone();
        async move { publisher.publish(vec![event("post.created", 5)]).await }
    });
    tokio::task::yield_now().await;
    stop.cancel();
    storing.await.unwrap();
    assert_eq!(before.await.unwrap().unwrap(), [5]);
    assert!(publisher.publish(vec![event("post.created", 1)]).await.is_err());
}
