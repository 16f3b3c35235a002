//! The queue of deliveries: what is stored with what, who holds what, and what is left of it.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use ::webhooks::{
    Attempt, AttemptOutcome, DailyStatistics, DeliveryKind, DeliveryStatus, Disabled, DisabledReason, EndpointHealth,
    Job, QueueDepth, Settlement, Turns,
};
use core_domain::{DeliveryId, DomainEvent, EventKind, Timestamp, WebhookId};

use crate::Backend;
use crate::build::{delete, event, moment, stored_account, stored_pair, stored_workspace, workspace};
use crate::prelude::*;
use crate::random::Random;
use crate::webhook_build::{
    after, change_webhook, claim, claim_in_turn, deliveries_of, entropy, failure, happening, happenings, lease,
    patterns, realm, retry, room, settlement, stored_webhook, success, total,
};

fn ids(jobs: &[Job]) -> Vec<DeliveryId> {
    jobs.iter().map(|job| job.delivery_id).collect()
}

async fn settle<B: Backend>(backend: &B, results: &[Settlement], now: Timestamp) -> u64 {
    backend.store().settle(results, now, &entropy()).await.unwrap()
}

/// A change, its event and the event's deliveries are there together, or not at all.
pub async fn an_event_its_deliveries_and_its_cause_commit_together<B: Backend>(backend: Arc<B>) {
    let owner = stored_account(&*backend, "ada@example.com").await;
    let home = stored_workspace(&*backend, &owner, "engine", |_| ()).await;
    let hook = stored_webhook(&*backend, realm(home.id), |_| ()).await;
    for (seed, slug, is_kept) in [(1, "dropped", false), (2, "kept", true)] {
        let mut tx = backend.begin().await.unwrap();
        let made = workspace(tx.next_workspace_id().await.unwrap(), slug);
        tx.insert_workspace(&made, owner.id).await.unwrap();
        tx.append(&event(home.id, seed)).await.unwrap();
        assert_eq!(tx.publish(&[event(home.id, seed + 10)]).await.unwrap(), [1]);
        assert!(deliveries_of(&*backend, hook.id).await.is_empty(), "nothing shows before the commit");
        if is_kept {
            tx.commit().await.unwrap();
        } else {
            drop(tx);
        }
        let number = if is_kept { 2 } else { 0 };
        assert_eq!(deliveries_of(&*backend, hook.id).await.len(), number);
        assert_eq!(backend.events_of(home.id).await.unwrap().len(), number);
        assert_eq!(backend.store().find_workspace(made.id).await.unwrap().is_some(), is_kept);
    }
}

/// Each active webhook of the realm that subscribes gets a delivery; what there is room for comes back leased.
pub async fn publishing_matches_and_holds_what_there_is_room_for<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let realm = realm(home.id);
    let all = stored_webhook(&*backend, realm, |_| ()).await;
    let posts = stored_webhook(&*backend, realm, |made| made.subscriptions = patterns(&["post.*"])).await;
    stored_webhook(&*backend, realm, |made| {
        made.disabled = Some(Disabled { at: moment(0), reason: DisabledReason::ByOwner });
    })
    .await;
    let paced = stored_webhook(&*backend, realm, |made| made.rate_limit = NonZeroU32::new(5)).await;
    let events: Vec<_> = (1..).zip(["post.created", "user.created", "post"]).collect();
    let events: Vec<DomainEvent> = events.iter().map(|(seed, word)| happening(realm, word, *seed, moment(0))).collect();
    let held = lease(7, moment(60));
    let mut some = room(3, 2);
    some.under_way.insert(posts.id, 1);
    let published = backend.store().publish(&events, Some((held, some))).await.unwrap();
    assert_eq!(published.iter().map(|event| event.deliveries).collect::<Vec<_>>(), [3, 2, 2]);
    let jobs: Vec<Job> = published.into_iter().flat_map(|event| event.jobs).collect();
    let gone: Vec<_> = jobs.iter().map(|job| (job.message.event_id.clone(), job.endpoint.id)).collect();
    let ids_of = |event: usize, webhook| (events[event].id.clone(), webhook);
    assert_eq!(gone, [ids_of(0, all.id), ids_of(0, posts.id), ids_of(1, all.id)]);
    for job in &jobs {
        assert_eq!((job.attempt, job.lease, job.kind), (1, held, DeliveryKind::Event));
        let event = events.iter().find(|event| event.id == job.message.event_id).unwrap();
        assert_eq!(backend.store().find_event(realm, &event.id).await.unwrap().as_ref(), Some(event));
        let body = serde_json::from_str::<serde_json::Value>(&job.message.body).unwrap();
        assert_eq!(body["data"], event.data);
        assert_eq!(Some(&*job.endpoint), backend.store().find_webhook(realm, job.endpoint.id).await.unwrap().as_ref());
    }
    let claimed = claim(&*backend, lease(8, moment(60)), &room(99, 99), moment(1)).await;
    assert_eq!(claimed.len(), 4, "what was not held is claimed");
    assert_eq!(claimed.iter().filter(|job| job.endpoint.id == paced.id).count(), 3);
    assert!(ids(&claimed).iter().all(|id| !ids(&jobs).contains(id)));
    let message = |jobs: &[Job], id| jobs.iter().find(|job| job.endpoint.id == id).unwrap().message.clone();
    let other = claimed.iter().find(|job| job.message.event_id == events[0].id).unwrap();
    assert_eq!(message(&jobs, all.id), other.message, "the same bytes to everyone and on every attempt");
}

/// Of many that claim at once, no two get the same delivery, and together they get all.
pub async fn no_delivery_goes_to_two_claimers<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    for _ in 0..3 {
        stored_webhook(&*backend, realm(home.id), |_| ()).await;
    }
    backend.store().publish(&happenings(realm(home.id), 1, 40, moment(0)), None).await.unwrap();
    let mut claimers = tokio::task::JoinSet::new();
    for token in 0..4 {
        let backend = Arc::clone(&backend);
        claimers.spawn(async move {
            let mut got = Vec::new();
            let mut empty = 0;
            // What another is claiming at this moment is passed over: one empty answer is not the end.
            while empty < 20 {
                let jobs = claim(&*backend, lease(token, moment(99)), &room(7, 5), moment(1)).await;
                empty = if jobs.is_empty() { empty + 1 } else { 0 };
                got.extend(ids(&jobs));
            }
            got
        });
    }
    let got: Vec<DeliveryId> = claimers.join_all().await.concat();
    assert_eq!(got.len(), 120);
    assert_eq!(got.iter().collect::<HashSet<_>>().len(), 120);
}

/// A delivery is held until the very end of its lease, then due again; its former holder can write no more.
pub async fn a_lease_ends_and_so_does_its_right<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let hook = stored_webhook(&*backend, realm(home.id), |_| ()).await;
    backend.store().publish(&happenings(realm(home.id), 1, 1, moment(0)), None).await.unwrap();
    let claim =
        async |token, now| claim(&*backend, lease(token, after(moment(now), 60)), &room(9, 9), moment(now)).await;
    assert!(claim(1, -1).await.is_empty(), "not due yet");
    let first = claim(1, 0).await;
    assert_eq!(first.len(), 1);
    assert!(claim(2, 59).await.is_empty());
    let second = claim(2, 60).await;
    assert_eq!((ids(&second), second[0].attempt), (ids(&first), 1));
    let before = deliveries_of(&*backend, hook.id).await;
    assert_eq!(settle(&*backend, &[success(&first[0], moment(61))], moment(61)).await, 0);
    assert_eq!(deliveries_of(&*backend, hook.id).await, before);
    assert!(backend.store().list_attempts(&ids(&first)).await.unwrap().is_empty());
    let found = backend.store().find_webhook(realm(home.id), hook.id).await.unwrap().unwrap();
    assert_eq!(found.health, EndpointHealth::default());
    backend.store().release(&[(first[0].delivery_id, first[0].lease)], moment(61)).await.unwrap();
    assert!(claim(3, 61).await.is_empty(), "nor give it back");
    assert_eq!(settle(&*backend, &[success(&second[0], moment(61))], moment(61)).await, 1);
    assert_eq!(settle(&*backend, &[success(&second[0], moment(61))], moment(61)).await, 0, "once");
    assert!(claim(3, 100_000).await.is_empty());
}

/// Given back, a delivery is due at once, with the attempt it had.
pub async fn a_released_delivery_is_due_at_once<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    stored_webhook(&*backend, realm(home.id), |_| ()).await;
    backend.store().publish(&happenings(realm(home.id), 1, 3, moment(0)), None).await.unwrap();
    let jobs = claim(&*backend, lease(1, moment(60)), &room(2, 9), moment(1)).await;
    let leases: Vec<_> = jobs.iter().map(|job| (job.delivery_id, job.lease)).collect();
    backend.store().release(&leases, moment(2)).await.unwrap();
    let again = claim(&*backend, lease(2, moment(60)), &room(9, 9), moment(2)).await;
    assert_eq!(again.len(), 3);
    assert!(again.iter().all(|job| job.attempt == 1));
}

/// A result is there with all it brings: delivery, attempt, health and the day's figures.
pub async fn a_result_is_written_whole<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let realm = realm(home.id);
    let hook = stored_webhook(&*backend, realm, |_| ()).await;
    backend.store().publish(&happenings(realm, 1, 3, moment(0)), None).await.unwrap();
    let jobs = claim(&*backend, lease(1, moment(60)), &room(9, 9), moment(1)).await;
    let results = [success(&jobs[0], moment(1)), failure(&jobs[1], moment(2)), retry(&jobs[2], moment(3), moment(63))];
    assert_eq!(settle(&*backend, &results, moment(4)).await, 3);
    let found = deliveries_of(&*backend, hook.id).await;
    let shown: Vec<_> = found.iter().map(|it| (it.status, it.attempt, it.response_code, it.next_retry_at)).collect();
    assert_eq!(
        shown,
        [
            (DeliveryStatus::Success, 1, Some(200), None),
            (DeliveryStatus::Failed, 1, Some(500), None),
            (DeliveryStatus::Retrying, 1, Some(503), Some(moment(63))),
        ]
    );
    assert_eq!(found[0].delivered_at, Some(moment(1).saturating_add(std::time::Duration::from_millis(250))));
    assert_eq!((found[1].delivered_at, found[2].delivered_at), (None, None));
    for (delivery, result) in found.iter().zip(&results) {
        assert_eq!(backend.store().find_delivery(hook.id, delivery.id).await.unwrap().as_ref(), Some(delivery));
        let attempts = backend.store().list_attempts(&[delivery.id]).await.unwrap();
        assert_eq!(attempts, [(delivery.id, result.attempt.clone())]);
    }
    let health = backend.store().find_webhook(realm, hook.id).await.unwrap().unwrap().health;
    let expected = EndpointHealth {
        success_count: 1,
        failure_count: 2,
        consecutive_failures: 2,
        failing_since: Some(moment(2)),
        last_delivery_at: Some(moment(3)),
    };
    assert_eq!(health, expected);
    let again = claim(&*backend, lease(2, moment(999)), &room(9, 9), moment(63)).await;
    assert_eq!((again.len(), again[0].attempt), (1, 2));
    settle(&*backend, &[success(&again[0], after(moment(0), 86_400))], moment(70)).await;
    assert_eq!(backend.store().list_attempts(&ids(&again)).await.unwrap().len(), 2);
    let day = |text, successes, failures, response_time_ms| DailyStatistics {
        day: Timestamp::parse(text).unwrap(),
        successes,
        failures,
        response_time_ms,
    };
    let days = backend.store().list_statistics(hook.id, Timestamp::MIN, Timestamp::MAX).await.unwrap();
    assert_eq!(days, [day("2026-01-15", 1, 2, 750), day("2026-01-16", 1, 0, 250)]);
    let second = days[1].day;
    assert_eq!(backend.store().list_statistics(hook.id, second, second).await.unwrap(), days[1..]);
}

/// The largest and the emptiest attempt come back as they were, but for what no store keeps.
pub async fn extreme_attempts_come_back_as_they_were<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    stored_webhook(&*backend, realm(home.id), |_| ()).await;
    backend.store().publish(&happenings(realm(home.id), 1, 3, Timestamp::MIN), None).await.unwrap();
    let jobs = claim(&*backend, lease(i64::MIN, Timestamp::MAX), &room(9, 9), Timestamp::MIN).await;
    let largest = AttemptOutcome {
        response_time_ms: u32::MAX,
        response_code: Some(u16::MAX),
        response_headers: Some("\u{1f980}".repeat(4_096)),
        response_body: Some("\"\\\u{7f}\u{fffd}".repeat(2_048)),
        error: Some("\u{1d538}".to_owned()),
        retry_after_seconds: Some(u32::MAX),
    };
    let nul = AttemptOutcome { response_body: Some("a\0b".to_owned()), ..AttemptOutcome::default() };
    let outcomes = [largest, AttemptOutcome::default(), nul];
    let starts = [Timestamp::MAX, Timestamp::MIN, moment(0)];
    let results: Vec<Settlement> = (0..3)
        .map(|n| {
            let attempt = Attempt { number: 1, started_at: starts[n], outcome: outcomes[n].clone() };
            Settlement { attempt, ..failure(&jobs[n], moment(0)) }
        })
        .collect();
    assert_eq!(settle(&*backend, &results, Timestamp::MAX).await, 3);
    let found = backend.store().list_attempts(&ids(&jobs)).await.unwrap();
    assert_eq!(found[0].1, results[0].attempt);
    assert_eq!(found[1].1, results[1].attempt);
    assert_eq!(found[2].1.outcome.response_body.as_deref(), Some("a\u{fffd}b"));
}

/// Where more is due than there is room for, every endpoint gets one before any gets two, claim after claim.
pub async fn every_endpoint_gets_its_turn<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let mut hooks = Vec::new();
    for number in 0..6 {
        let pattern = format!("kind_{number}.*");
        hooks.push(stored_webhook(&*backend, realm(home.id), |made| made.subscriptions = patterns(&[&pattern])).await);
    }
    let mut events = Vec::new();
    for seed in 0..300 {
        // The first has a long queue.
        let kind = if seed < 250 { 0 } else { 1 + seed % 5 };
        events.push(happening(realm(home.id), &format!("kind_{kind}.made"), seed, moment(0)));
    }
    backend.store().publish(&events, None).await.unwrap();
    let mut turns = Turns::default();
    let mut got: HashMap<WebhookId, u32> = HashMap::new();
    for token in 0..6 {
        let jobs = claim_in_turn(&*backend, &mut turns, lease(token, moment(99)), &room(4, 50), moment(1)).await;
        assert_eq!(jobs.len(), 4);
        let of_claim: HashSet<_> = jobs.iter().map(|job| job.endpoint.id).collect();
        assert_eq!(of_claim.len(), 4, "four of six, each once");
        for job in jobs {
            *got.entry(job.endpoint.id).or_default() += 1;
        }
    }
    assert!(hooks.iter().all(|hook| got[&hook.id] == 4), "{got:?}");
    let jobs = claim_in_turn(&*backend, &mut turns, lease(9, moment(99)), &room(30, 50), moment(1)).await;
    assert_eq!(jobs.iter().filter(|job| job.endpoint.id == hooks[0].id).count(), 5);
}

/// Neither an endpoint nor a workspace gets more than its part of the room, and an endpoint's oldest come first.
pub async fn a_claim_takes_no_more_than_there_is_room_for<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let other = stored_workspace(&*backend, &owner, "other", |_| ()).await;
    let one = stored_webhook(&*backend, realm(home.id), |_| ()).await;
    let two = stored_webhook(&*backend, realm(other.id), |_| ()).await;
    let mut events = Vec::new();
    for seed in 0..10 {
        let late = i64::try_from(seed).unwrap();
        events.push(happening(realm(home.id), "a.b", seed, moment(-late)));
        events.push(happening(realm(other.id), "a.b", seed + 100, moment(-late)));
    }
    backend.store().publish(&events, None).await.unwrap();
    let mut some = room(9, 4);
    some.under_way.insert(one.id, 2);
    some.full.insert(other.id);
    let jobs = claim(&*backend, lease(1, moment(99)), &some, moment(0)).await;
    assert!(jobs.iter().all(|job| job.endpoint.id == one.id));
    let oldest: HashSet<_> = [&events[18].id, &events[16].id].into();
    assert_eq!(jobs.iter().map(|job| &job.message.event_id).collect::<HashSet<_>>(), oldest);
    some.full.clear();
    let jobs = claim(&*backend, lease(2, moment(99)), &some, moment(0)).await;
    let of = |id| jobs.iter().filter(|job| job.endpoint.id == id).count();
    assert_eq!((of(one.id), of(two.id)), (2, 4));
    assert!(claim(&*backend, lease(3, moment(99)), &room(0, 4), moment(0)).await.is_empty());
}

/// A rate limit holds over several that claim at once, in any second, and lets through what it allows.
pub async fn a_rate_limit_holds_over_all_claimers<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    stored_webhook(&*backend, realm(home.id), |made| made.rate_limit = NonZeroU32::new(5)).await;
    backend.store().publish(&happenings(realm(home.id), 1, 60, moment(0)), None).await.unwrap();
    let mut granted: Vec<(Timestamp, u32)> = Vec::new();
    for step in 0..30 {
        let now = moment(10).saturating_add(std::time::Duration::from_millis(step * 130));
        let claim = async |token| {
            let jobs = claim(&*backend, lease(token, Timestamp::MAX), &room(9, 9), now).await;
            u32::try_from(jobs.len()).unwrap()
        };
        let (one, two) = tokio::join!(claim(1), claim(2));
        granted.push((now, one + two));
        let second = granted.iter().filter(|(at, _)| now.since(*at) < std::time::Duration::from_secs(1));
        assert!(second.map(|(_, number)| number).sum::<u32>() <= 5, "{granted:?}");
    }
    assert_eq!(granted.iter().map(|(_, number)| number).sum::<u32>(), 20, "all that 3.77 seconds allow");
}

/// While an endpoint is disabled its deliveries wait and none is made; active again, it gets what waited.
pub async fn a_disabled_endpoints_deliveries_wait<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let hook = stored_webhook(&*backend, realm(home.id), |_| ()).await;
    backend.store().publish(&happenings(realm(home.id), 1, 3, moment(0)), None).await.unwrap();
    let disabled = Some(Disabled { at: moment(1), reason: DisabledReason::ByOwner });
    change_webhook(&*backend, &hook, |found| found.disabled = disabled).await;
    let published = backend.store().publish(&happenings(realm(home.id), 2, 1, moment(1)), None).await.unwrap();
    assert_eq!(published[0].deliveries, 0);
    assert!(claim(&*backend, lease(1, moment(99)), &room(9, 9), moment(2)).await.is_empty());
    assert_eq!(backend.store().depth(moment(2)).await.unwrap(), QueueDepth { open: 3, oldest_due_at: None });
    change_webhook(&*backend, &hook, |found| found.disabled = None).await;
    assert_eq!(claim(&*backend, lease(1, moment(99)), &room(9, 9), moment(3)).await.len(), 3);
}

/// An endpoint that says it is gone, or fails for days, is disabled with an event that tells of it.
pub async fn a_hopeless_endpoint_is_disabled_and_told_of<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let gone = stored_webhook(&*backend, realm(home.id), |made| made.subscriptions = patterns(&["a.*"])).await;
    let failing = stored_webhook(&*backend, realm(home.id), |made| {
        made.subscriptions = patterns(&["b.*"]);
        made.health.consecutive_failures = EndpointHealth::FAILURES - 1;
        made.health.failing_since = Some(moment(0));
    })
    .await;
    let watcher = stored_webhook(&*backend, realm(home.id), |made| made.subscriptions = patterns(&["webhook.*"])).await;
    let events = [happening(realm(home.id), "a.b", 1, moment(0)), happening(realm(home.id), "b.b", 2, moment(0))];
    backend.store().publish(&events, None).await.unwrap();
    let now = moment(0).saturating_add(EndpointHealth::FAILING_FOR);
    let jobs = claim(&*backend, lease(1, Timestamp::MAX), &room(9, 9), now).await;
    let result = |job: &Job| {
        let code = if job.endpoint.id == gone.id { 410 } else { 500 };
        settlement(job, code, DeliveryStatus::Failed, now, None)
    };
    settle(&*backend, &jobs.iter().map(result).collect::<Vec<_>>(), now).await;
    for (hook, reason) in [(&gone, DisabledReason::Gone), (&failing, DisabledReason::Failing)] {
        let found = backend.store().find_webhook(realm(home.id), hook.id).await.unwrap().unwrap();
        assert_eq!(found.disabled, Some(Disabled { at: now, reason }));
    }
    let told = deliveries_of(&*backend, watcher.id).await;
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|delivery| delivery.event_type == EventKind::WebhookDisabled.as_str()));
}

/// A test is leased to its asker and counts in no figure; when its lease ends it can be claimed as what it is.
pub async fn a_test_is_held_and_not_counted<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let realm = realm(home.id);
    let hook = stored_webhook(&*backend, realm, |made| made.subscriptions = patterns(&["a.*"])).await;
    let mut made = Vec::new();
    for seed in 0..2 {
        let mut tx = backend.begin().await.unwrap();
        let event = happening(realm, "webhook.test", seed, moment(0));
        made.push(tx.insert_test(&event, hook.id, lease(5, moment(60))).await.unwrap());
        tx.commit().await.unwrap();
    }
    assert!(claim(&*backend, lease(1, moment(99)), &room(9, 9), moment(59)).await.is_empty());
    let found = backend.store().find_delivery(hook.id, made[0]).await.unwrap().unwrap();
    assert_eq!((found.kind, found.status, found.attempt), (DeliveryKind::Test, DeliveryStatus::Pending, 1));
    let ended = claim(&*backend, lease(2, moment(999)), &room(9, 9), moment(60)).await;
    assert_eq!((ended.len(), ended[0].kind), (2, DeliveryKind::Test));
    let results: Vec<_> = ended.iter().map(|job| failure(job, moment(60))).collect();
    assert_eq!(settle(&*backend, &results, moment(60)).await, 2);
    let found = backend.store().find_webhook(realm, hook.id).await.unwrap().unwrap();
    assert_eq!(found.health, EndpointHealth::default());
    assert!(backend.store().list_statistics(hook.id, Timestamp::MIN, Timestamp::MAX).await.unwrap().is_empty());
    assert_eq!(total(&*backend, hook.id, Some(DeliveryStatus::Failed)).await, 2);
    let mut tx = backend.begin().await.unwrap();
    let replayed =
        tx.replay_deliveries(hook.id, Timestamp::MIN, DeliveryStatus::ALL, 20, Timestamp::MAX).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(replayed, 0, "a test is not replayed");
}

/// Queued again, a delivery is pending and due, whoever held it; the totals follow.
pub async fn a_delivery_can_be_queued_again<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let hook = stored_webhook(&*backend, realm(home.id), |_| ()).await;
    backend.store().publish(&happenings(realm(home.id), 1, 2, moment(0)), None).await.unwrap();
    let jobs = claim(&*backend, lease(1, moment(999)), &room(9, 9), moment(1)).await;
    settle(&*backend, &[failure(&jobs[0], moment(1)), retry(&jobs[1], moment(1), moment(500))], moment(1)).await;
    assert_eq!(total(&*backend, hook.id, Some(DeliveryStatus::Failed)).await, 1);
    for job in &jobs {
        let mut tx = backend.begin().await.unwrap();
        let stranger = WebhookId::try_from(hook.id.get() + 1).unwrap();
        assert_eq!(tx.find_delivery_for_change(stranger, job.delivery_id).await.unwrap(), None);
        let found = tx.find_delivery_for_change(hook.id, job.delivery_id).await.unwrap().unwrap();
        tx.queue_delivery(found.id, found.attempt + 1, moment(2)).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(total(&*backend, hook.id, Some(DeliveryStatus::Failed)).await, 0);
    let found = deliveries_of(&*backend, hook.id).await;
    assert!(found.iter().all(|it| (it.status, it.attempt, it.next_retry_at) == (DeliveryStatus::Pending, 2, None)));
    let held = claim(&*backend, lease(2, moment(999)), &room(9, 9), moment(2)).await;
    assert!(held.len() == 2 && held.iter().all(|job| job.attempt == 2));
    let mut tx = backend.begin().await.unwrap();
    tx.queue_delivery(held[0].delivery_id, 2, moment(3)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(settle(&*backend, &[success(&held[0], moment(3)), success(&held[1], moment(3))], moment(3)).await, 1);
}

/// A replay takes what was made in its time, stands at one of its statuses and has attempts left.
pub async fn a_replay_takes_what_it_is_asked_for<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let hook = stored_webhook(&*backend, realm(home.id), |_| ()).await;
    let other = stored_webhook(&*backend, realm(home.id), |made| made.subscriptions = patterns(&["x.y"])).await;
    let events: Vec<_> =
        (0..6).map(|n| happening(realm(home.id), "a.b", n, moment(i64::try_from(n).unwrap()))).collect();
    backend.store().publish(&events, None).await.unwrap();
    let jobs = claim(&*backend, lease(1, moment(999)), &room(9, 9), moment(9)).await;
    let mut results = Vec::new();
    for (n, job) in jobs.iter().enumerate() {
        let mut result = if n % 2 == 0 { failure(job, moment(9)) } else { success(job, moment(9)) };
        if n == 4 {
            result.attempt.number = 20;
        }
        results.push(result);
    }
    settle(&*backend, &results, moment(9)).await;
    let replay = async |webhook, since, statuses: &[DeliveryStatus]| {
        let mut tx = backend.begin().await.unwrap();
        let number = tx.replay_deliveries(webhook, moment(since), statuses, 20, moment(10)).await.unwrap();
        tx.commit().await.unwrap();
        number
    };
    assert_eq!(replay(other.id, 0, &[DeliveryStatus::Failed]).await, 0);
    assert_eq!(replay(hook.id, 6, &[DeliveryStatus::Failed]).await, 0);
    assert_eq!(
        replay(hook.id, 1, &[DeliveryStatus::Failed]).await,
        1,
        "the third alone: the fifth has no attempt left"
    );
    assert_eq!(replay(hook.id, 5, &[DeliveryStatus::Failed, DeliveryStatus::Success]).await, 1);
    let found = deliveries_of(&*backend, hook.id).await;
    let standing: Vec<_> = found.iter().map(|delivery| (delivery.status, delivery.attempt)).collect();
    let (failed, success, pending) = (DeliveryStatus::Failed, DeliveryStatus::Success, DeliveryStatus::Pending);
    assert_eq!(standing, [(failed, 1), (success, 1), (pending, 2), (success, 1), (failed, 20), (pending, 2)]);
    assert_eq!(total(&*backend, hook.id, Some(success)).await, 2);
    assert_eq!(claim(&*backend, lease(2, moment(999)), &room(9, 9), moment(10)).await.len(), 2);
}

/// `queued` returns for what nobody holds, from a transaction or not, and for what is given back.
pub async fn what_nobody_holds_is_told_of<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    stored_webhook(&*backend, realm(home.id), |_| ()).await;
    let told = async || {
        let patience = std::time::Duration::from_secs(10);
        tokio::time::timeout(patience, backend.store().queued()).await.unwrap();
    };
    let mut tx = backend.begin().await.unwrap();
    tx.append(&happening(realm(home.id), "a.b", 1, moment(0))).await.unwrap();
    tx.commit().await.unwrap();
    told().await;
    backend.store().publish(&happenings(realm(home.id), 1, 1, moment(0)), None).await.unwrap();
    told().await;
    let jobs = claim(&*backend, lease(1, moment(99)), &room(9, 9), moment(1)).await;
    backend.store().release(&[(jobs[0].delivery_id, jobs[0].lease)], moment(1)).await.unwrap();
    told().await;
}

/// Depth counts what is open and tells since when the oldest is due.
pub async fn depth_tells_what_is_open<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    stored_webhook(&*backend, realm(home.id), |_| ()).await;
    assert_eq!(backend.store().depth(moment(0)).await.unwrap(), QueueDepth::default());
    backend.store().publish(&happenings(realm(home.id), 1, 3, moment(5)), None).await.unwrap();
    let depth = async |now| backend.store().depth(moment(now)).await.unwrap();
    assert_eq!(depth(4).await, QueueDepth { open: 3, oldest_due_at: None });
    assert_eq!(depth(5).await, QueueDepth { open: 3, oldest_due_at: Some(moment(5)) });
    let jobs = claim(&*backend, lease(1, moment(60)), &room(9, 9), moment(6)).await;
    assert_eq!(depth(6).await, QueueDepth { open: 3, oldest_due_at: None });
    settle(&*backend, &[success(&jobs[0], moment(6)), failure(&jobs[1], moment(6))], moment(6)).await;
    assert_eq!(depth(60).await, QueueDepth { open: 1, oldest_due_at: Some(moment(60)) });
}

/// A purge takes what is settled and old, up to its limit, then the events that nothing refers to any more; what
/// deleted webhooks leave goes whole.
pub async fn a_purge_takes_what_is_settled_and_old<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let realm = realm(home.id);
    let hook = stored_webhook(&*backend, realm, |_| ()).await;
    let mut events = happenings(realm, 1, 4, moment(0));
    events.extend(happenings(realm, 2, 2, moment(86_400 * 3)));
    backend.store().publish(&events, None).await.unwrap();
    let now = moment(86_400 * 3);
    let jobs = claim(&*backend, lease(1, Timestamp::MAX), &room(9, 9), now).await;
    // The first stays open, and so does its event.
    let results: Vec<_> = jobs[1..].iter().map(|job| success(job, job_time(job, &events))).collect();
    settle(&*backend, &results, now).await;
    let purge =
        async |before, limit: u32| backend.store().purge(before, NonZeroU32::new(limit).unwrap()).await.unwrap();
    let before = moment(86_400 * 2);
    assert!(purge(before, 2).await > 0);
    assert_eq!(deliveries_of(&*backend, hook.id).await.len(), 4);
    while purge(before, 2).await > 0 {}
    let left = deliveries_of(&*backend, hook.id).await;
    assert_eq!(left.len(), 3);
    assert_eq!(left[0].id, jobs[0].delivery_id);
    let found = backend.events_of(home.id).await.unwrap();
    assert_eq!(found.iter().map(|event| &event.id).collect::<Vec<_>>(), [&events[0].id, &events[4].id, &events[5].id]);
    assert!(backend.store().list_attempts(&ids(&jobs[1..4])).await.unwrap().is_empty());
    assert_eq!(backend.store().list_attempts(&ids(&jobs[4..])).await.unwrap().len(), 2);
    let days = backend.store().list_statistics(hook.id, Timestamp::MIN, Timestamp::MAX).await.unwrap();
    assert_eq!(days.iter().map(|day| day.successes).collect::<Vec<_>>(), [2]);
    let query = ::webhooks::EventQuery {
        filter: ::webhooks::EventFilter::default(),
        sort: vec![::webhooks::EventSort::DEFAULT],
        page: core_domain::PageRequest::new(5, 25).unwrap(),
    };
    assert_eq!(backend.store().list_events(realm, &query).await.unwrap().total, 3);

    let other = stored_workspace(&*backend, &owner, "other", |_| ()).await;
    let foreign = stored_webhook(&*backend, crate::webhook_build::realm(other.id), |_| ()).await;
    let theirs = happenings(crate::webhook_build::realm(other.id), 3, 3, now);
    backend.store().publish(&theirs, None).await.unwrap();
    delete(&*backend, &other, moment(1)).await;
    let mut tx = backend.begin().await.unwrap();
    tx.delete_webhook(realm, hook.id, now).await.unwrap();
    assert_eq!(tx.purge_workspaces(moment(2), 10).await.unwrap(), 1);
    tx.commit().await.unwrap();
    while purge(after(now, 1), 2).await > 0 {}
    assert_eq!(backend.events_of(home.id).await.unwrap(), [], "nothing refers to them");
    assert!(backend.store().list_attempts(&ids(&jobs)).await.unwrap().is_empty());
    assert!(deliveries_of(&*backend, foreign.id).await.is_empty());
}

fn job_time(job: &Job, events: &[DomainEvent]) -> Timestamp {
    events.iter().find(|event| event.id == job.message.event_id).unwrap().created_at
}

/// Whoever publishes, claims, settles, replays and purges at once, nothing waits in a circle and every total is right.
pub async fn everything_at_once_waits_in_no_circle<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let other = stored_workspace(&*backend, &owner, "other", |_| ()).await;
    let realms = [realm(home.id), realm(other.id)];
    let mut hooks = Vec::new();
    for realm in [realms[0], realms[1], realms[0], realms[1]] {
        hooks.push(stored_webhook(&*backend, realm, |_| ()).await.id);
    }
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..4_u64 {
        let (backend, hooks) = (Arc::clone(&backend), hooks.clone());
        workers.spawn(async move {
            for round in 0..12 {
                let mut events =
                    happenings(realms[usize::from(round % 2 == 0)], 1 + worker * 100 + round * 2, 3, moment(0));
                let seeds = 2 + worker * 100 + round * 2;
                events.extend(happenings(realms[usize::from(round % 2 == 1)], seeds, 3, moment(0)));
                let token = i64::try_from(worker).unwrap();
                let held = (worker % 2 == 0).then(|| (lease(token, moment(99)), room(5, 3)));
                let published = backend.store().publish(&events, held).await.unwrap();
                let mut jobs: Vec<Job> = published.into_iter().flat_map(|event| event.jobs).collect();
                jobs.extend(claim(&*backend, lease(token, moment(99)), &room(9, 9), moment(1)).await);
                jobs.reverse();
                let results: Vec<_> = jobs.iter().map(|job| success(job, moment(1))).collect();
                assert_eq!(
                    backend.store().settle(&results, moment(2), &entropy()).await.unwrap(),
                    results.len() as u64
                );
                let mut tx = backend.begin().await.unwrap();
                let hook = hooks[usize::try_from((worker + round) % 4).unwrap()];
                tx.replay_deliveries(hook, moment(0), &[DeliveryStatus::Success], 2, moment(1)).await.unwrap();
                tx.commit().await.unwrap();
                backend.store().purge(moment(1), NonZeroU32::new(3).unwrap()).await.unwrap();
            }
        });
    }
    workers.join_all().await;
    for hook in hooks {
        deliveries_of(&*backend, hook).await;
    }
}

/// What a worker of the model holds.
struct Held {
    job: Job,
    until: Timestamp,
}

/// Two workers that claim, succeed, fail, retry, give back and fall silent, against a model: while leases hold no
/// delivery is held twice, no attempt is recorded twice, and all is delivered in the end.
pub async fn two_workers_never_hold_the_same_attempt<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let hook = stored_webhook(&*backend, realm(home.id), |_| ()).await;
    for seed in 0..4 {
        let random = Random::new(100 + seed);
        let mut now = moment(i64::try_from(seed).unwrap() * 100_000);
        backend.store().publish(&happenings(realm(home.id), seed, 12, now), None).await.unwrap();
        let mut held: Vec<Held> = Vec::new();
        let mut made: HashSet<(DeliveryId, u32)> = HashSet::new();
        for step in 0..60 {
            now = after(now, random.below(20) as u64);
            match random.below(4) {
                0 | 1 => {
                    let until = after(now, 30);
                    let lease = lease(i64::try_from(seed * 1_000 + step).unwrap(), until);
                    let most = u32::try_from(random.below(6)).unwrap();
                    for job in claim(&*backend, lease, &room(most, 9), now).await {
                        let twin =
                            held.iter().find(|other| other.job.delivery_id == job.delivery_id && other.until > now);
                        assert!(twin.is_none(), "held twice: {:?}", job.delivery_id);
                        held.push(Held { job, until });
                    }
                }
                2 if !held.is_empty() => {
                    let Held { job, until } = held.swap_remove(random.below(held.len()));
                    let is_last = held.iter().all(|other| other.job.delivery_id != job.delivery_id);
                    let result = match random.below(3) {
                        0 => retry(&job, now, after(now, 15)),
                        1 => failure(&job, now),
                        _ => success(&job, now),
                    };
                    let written = settle(&*backend, &[result], now).await;
                    if until > now {
                        assert_eq!(written, 1, "a lease that holds is a right");
                    }
                    if written == 1 {
                        assert!(made.insert((job.delivery_id, job.attempt)), "no attempt is recorded twice");
                    } else {
                        assert!(!is_last || until <= now);
                    }
                }
                3 if !held.is_empty() => {
                    let Held { job, .. } = held.swap_remove(random.below(held.len()));
                    backend.store().release(&[(job.delivery_id, job.lease)], now).await.unwrap();
                }
                _ => {}
            }
        }
        loop {
            now = after(now, 60);
            let jobs = claim(&*backend, lease(-1, after(now, 1)), &room(99, 99), now).await;
            if jobs.is_empty() {
                break;
            }
            let results: Vec<_> = jobs.iter().map(|job| success(job, now)).collect();
            assert_eq!(settle(&*backend, &results, now).await, jobs.len() as u64);
            made.extend(jobs.iter().map(|job| (job.delivery_id, job.attempt)));
        }
        let all = deliveries_of(&*backend, hook.id).await;
        assert!(all.iter().all(|delivery| delivery.status.is_settled()));
        let ids: Vec<_> = made.iter().map(|(id, _)| *id).collect();
        assert_eq!(backend.store().list_attempts(&ids).await.unwrap().len(), made.len());
    }
}
