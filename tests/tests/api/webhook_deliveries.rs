use acceptance::{Backend, PATIENCE, Receiver, Reply, Stage, eventually, is_moment, on_both_stores, validation};
use serde_json::{Value, json};

use crate::webhooks::{LOOPBACK, publish, webhook};

on_both_stores!(
    a_delivery_shows_its_attempts,
    a_failed_delivery_is_retried_by_hand,
    what_succeeded_or_waits_is_not_retried,
    a_disabled_webhook_s_deliveries_are_not_retried,
    gone_disables_the_webhook_and_is_told,
    a_replay_sends_everything_again,
    deliveries_are_filtered_and_sorted,
    statistics_count_by_day,
);

/// Loopback is allowed, and a delivery has two attempts of its own, a second apart.
const BRIEF: [(&str, &str); 3] = [LOOPBACK[0], LOOPBACK[1], ("CORE_API_WEBHOOK_RETRY_DELAYS", "1s")];

/// Waits until the webhook's latest delivery stands so.
async fn latest(stage: &Stage, webhook: &Value, status: &str) -> Value {
    let path = format!("/api/v1/webhooks/{}/deliveries?per_page=1", webhook["id"]);
    let mut found = Value::Null;
    let stands = eventually(PATIENCE, async || {
        found = stage.owner.get(&path).await.expect(200).json()["data"][0].take();
        found["status"] == status
    });
    assert!(stands.await, "it never was {status}: {found}");
    found
}

fn path(webhook: &Value, delivery: &Value) -> String {
    format!("/api/v1/webhooks/{}/deliveries/{}", webhook["id"], delivery["id"])
}

fn cannot_retry(message: &str) -> Value {
    json!({ "error": "cannot_retry", "message": message })
}

async fn a_delivery_shows_its_attempts(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    let headers = vec![("X-Answered-By".to_owned(), "me".to_owned())];
    receiver.reply("/hook", Reply::With(201, headers, "x".repeat(11_000)));
    let made = webhook(&stage.owner, &receiver.url("/hook"), &["post.*"]).await;
    let event = publish(&stage.owner, "post.created").await;
    let delivery = latest(&stage, &made, "success").await;
    assert!(is_moment(delivery["delivered_at"].as_str().unwrap()));
    let expected = json!({
        "id": delivery["id"], "webhook_id": made["id"], "event_id": event, "event_type": "post.created",
        "is_test": false, "status": "success", "response_code": 201, "attempt": 1,
        "delivered_at": delivery["delivered_at"], "next_retry_at": null, "created_at": delivery["created_at"],
    });
    assert_eq!(delivery, expected);
    let shown = stage.owner.get(&format!("{}?include=event", path(&made, &delivery))).await.data(200);
    assert_eq!(shown["event"]["id"], json!(event));
    let attempts = shown["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!((&attempts[0]["number"], &attempts[0]["response_code"]), (&json!(1), &json!(201)));
    assert_eq!(attempts[0]["response_headers"]["x-answered-by"], "me");
    assert_eq!(attempts[0]["response_body"].as_str().unwrap().len(), 10 * 1024);
    assert!(attempts[0]["error"].is_null());
    let webhook = stage.owner.get(&format!("/api/v1/webhooks/{}", made["id"])).await.data(200);
    assert_eq!((&webhook["success_count"], &webhook["failure_count"]), (&json!(1), &json!(0)));
    assert!(is_moment(webhook["last_delivery_at"].as_str().unwrap()));
}

async fn a_failed_delivery_is_retried_by_hand(backend: Backend) {
    let stage = Stage::with(backend, &BRIEF).await;
    let receiver = Receiver::start().await;
    receiver.reply("/hook", 500);
    let made = webhook(&stage.owner, &receiver.url("/hook"), &["post.*"]).await;
    let event = publish(&stage.owner, "post.created").await;
    let failed = latest(&stage, &made, "failed").await;
    assert_eq!((&failed["attempt"], &failed["next_retry_at"]), (&json!(2), &Value::Null));
    receiver.reply("/hook", 200);
    let answer = stage.owner.post(&format!("{}/retry", path(&made, &failed)), json!({})).await.expect(200).json();
    assert_eq!(answer["message"], "Delivery queued for retry.");
    let data = &answer["data"];
    assert_eq!((&data["id"], &data["status"], &data["attempt"]), (&failed["id"], &json!("pending"), &json!(3)));
    let sent = latest(&stage, &made, "success").await;
    assert_eq!((&sent["id"], &sent["attempt"]), (&failed["id"], &json!(3)));
    let arrived = receiver.received("/hook");
    assert_eq!(arrived.len(), 3);
    assert!(arrived.iter().all(|message| message.header("webhook-id") == event && message.body == arrived[0].body));
}

async fn what_succeeded_or_waits_is_not_retried(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    let made = webhook(&stage.owner, &receiver.url("/hook"), &["post.*"]).await;
    publish(&stage.owner, "post.created").await;
    let sent = latest(&stage, &made, "success").await;
    let retry = |delivery: &Value| format!("{}/retry", path(&made, delivery));
    let answer = stage.owner.post(&retry(&sent), json!({})).await;
    answer.is(400, cannot_retry("The delivery already succeeded."));

    receiver.reply("/hook", Reply::Never);
    publish(&stage.owner, "post.created").await;
    let waiting = latest(&stage, &made, "pending").await;
    let answer = stage.owner.post(&retry(&waiting), json!({})).await;
    answer.is(400, cannot_retry("The delivery is queued already."));
    stage.owner.post(&retry(&json!({ "id": 999_999 })), json!({})).await.is_not_found();
}

async fn a_disabled_webhook_s_deliveries_are_not_retried(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    receiver.reply("/hook", 503);
    let made = webhook(&stage.owner, &receiver.url("/hook"), &["post.*"]).await;
    publish(&stage.owner, "post.created").await;
    let waiting = latest(&stage, &made, "retrying").await;
    assert!(is_moment(waiting["next_retry_at"].as_str().unwrap()));
    let webhook_path = format!("/api/v1/webhooks/{}", made["id"]);
    stage.owner.patch(&webhook_path, json!({ "is_active": false })).await.expect(200);
    let refused = cannot_retry("The webhook is disabled; make it active first.");
    stage.owner.post(&format!("{}/retry", path(&made, &waiting)), json!({})).await.is(400, refused.clone());
    stage.owner.post(&format!("{webhook_path}/replay"), json!({ "since": "2026-01-01" })).await.is(400, refused);
    receiver.reply("/hook", 200);
    stage.owner.patch(&webhook_path, json!({ "is_active": true })).await.expect(200);
    stage.owner.post(&format!("{}/retry", path(&made, &waiting)), json!({})).await.expect(200);
    latest(&stage, &made, "success").await;
}

async fn gone_disables_the_webhook_and_is_told(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    receiver.reply("/gone", 410);
    let gone = webhook(&stage.owner, &receiver.url("/gone"), &["post.*"]).await;
    webhook(&stage.owner, &receiver.url("/watch"), &["webhook.*"]).await;
    publish(&stage.owner, "post.created").await;
    let told = receiver.wait_for("/watch", 1).await.remove(0);
    let body: Value = serde_json::from_str(&told.body).unwrap();
    assert_eq!((&body["type"], &body["data"]["id"]), (&json!("webhook.disabled"), &gone["id"]));
    assert_eq!(body["data"]["reason"], "gone");
    let shown = stage.owner.get(&format!("/api/v1/webhooks/{}", gone["id"])).await.data(200);
    assert_eq!((&shown["is_active"], &shown["disabled_reason"]), (&json!(false), &json!("gone")));
    assert!(is_moment(shown["disabled_at"].as_str().unwrap()));
    let taken = stage.owner.post("/api/v1/events", json!({ "type": "post.created", "data": {} })).await.data(202);
    assert_eq!(taken["deliveries"], 0);
}

async fn a_replay_sends_everything_again(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    let made = webhook(&stage.owner, &receiver.url("/hook"), &["post.*"]).await;
    for _ in 0..3 {
        publish(&stage.owner, "post.created").await;
        latest(&stage, &made, "success").await;
    }
    receiver.wait_for("/hook", 3).await;
    let replay = format!("/api/v1/webhooks/{}/replay", made["id"]);
    let ask = async |body: Value| stage.owner.post(&replay, body).await;
    ask(json!({ "since": "2026-01-01", "status": "failed" }))
        .await
        .is(202, json!({ "message": "Deliveries queued again.", "data": { "queued": 0 } }));
    assert_eq!(ask(json!({ "since": "2026-01-01" })).await.data(202)["queued"], 3);
    let arrived = receiver.wait_for("/hook", 6).await;
    let mut ids: Vec<_> = arrived.iter().map(|message| message.header("webhook-id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    for (body, errors) in [
        (json!({}), json!({ "since": ["The since field is required."] })),
        (json!({ "since": "2999-01-01" }), json!({ "since": ["The since must not be in the future."] })),
        (
            json!({ "since": "2026-01-01", "status": "pending" }),
            json!({ "status": ["The status must be failed, retrying or success."] }),
        ),
    ] {
        ask(body).await.is(422, validation(errors));
    }
}

async fn deliveries_are_filtered_and_sorted(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    let made = webhook(&stage.owner, &receiver.url("/hook"), &["*"]).await;
    let mut events = Vec::new();
    for event_type in ["post.created", "post.updated", "user.created"] {
        events.push(publish(&stage.owner, event_type).await);
        receiver.wait_for("/hook", events.len()).await;
        latest(&stage, &made, "success").await;
    }
    let path = format!("/api/v1/webhooks/{}/deliveries", made["id"]);
    let by_event = format!("?event_id={}", events[1]);
    for (query, expected) in [
        ("", vec![2, 1, 0]),
        ("?sort=id", vec![0, 1, 2]),
        ("?status=success&sort=created_at", vec![0, 1, 2]),
        ("?status=failed", vec![]),
        ("?event_type=post.created", vec![0]),
        ("?search=CREATED", vec![2, 0]),
        (by_event.as_str(), vec![1]),
        ("?per_page=1&page=2", vec![1]),
        ("?created_before=2020-01-01", vec![]),
    ] {
        let listed = stage.owner.get(&format!("{path}{query}")).await.expect(200).json();
        let found: Vec<_> = listed["data"].as_array().unwrap().iter().map(|item| item["event_id"].clone()).collect();
        let expected: Vec<_> = expected.iter().map(|place: &usize| json!(events[*place])).collect();
        assert_eq!(found, expected, "{query}");
    }
    let listed = stage.owner.get(&format!("{path}?include=event,attempts&fields=status")).await.expect(200).json();
    assert_eq!(listed["data"][0]["event"]["type"], "user.created");
    assert_eq!(listed["data"][0]["attempts"][0]["number"], 1);
    for (query, field) in [
        ("status=gone", "status"),
        ("event_type=post", "event_type"),
        ("event_id=1", "event_id"),
        ("sort=status", "sort"),
        ("updated_after=2026-01-01", "updated_after"),
    ] {
        let answer = stage.owner.get(&format!("{path}?{query}")).await.expect(422).json();
        assert!(answer["errors"][field].is_array(), "{answer}");
    }
}

async fn statistics_count_by_day(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    let made = webhook(&stage.owner, &receiver.url("/hook"), &["*"]).await;
    let path = format!("/api/v1/webhooks/{}/statistics", made["id"]);
    let empty = stage.owner.get(&path).await.data(200);
    assert_eq!((&empty["successes"], &empty["success_rate"], &empty["days"]), (&json!(0), &Value::Null, &json!([])));
    publish(&stage.owner, "post.created").await;
    latest(&stage, &made, "success").await;
    receiver.reply("/hook", 500);
    publish(&stage.owner, "post.created").await;
    latest(&stage, &made, "retrying").await;
    let counted = stage.owner.get(&path).await.data(200);
    assert_eq!((&counted["successes"], &counted["failures"]), (&json!(1), &json!(1)));
    assert_eq!(counted["success_rate"], json!(50.0));
    let before = stage.owner.get(&format!("{path}?from=2020-01-01&to=2020-01-31")).await.data(200);
    assert_eq!(
        (&before["from"], &before["to"], &before["successes"]),
        (&json!("2020-01-01"), &json!("2020-01-31"), &json!(0))
    );
    for query in ["from=x", "to=x", "from=2026-02-01&to=2026-01-01", "from=2020-01-01&to=2021-01-01", "period=day"] {
        stage.owner.get(&format!("{path}?{query}")).await.expect(422);
    }
}
