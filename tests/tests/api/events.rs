use acceptance::{Backend, Receiver, Stage, is_moment, on_both_stores, validation};
use serde_json::{Value, json};

use crate::webhooks::{LOOPBACK, publish, webhook};

on_both_stores!(
    a_published_event_is_read_back,
    a_batch_is_taken_as_a_whole_or_not_at_all,
    a_repeated_publication_happens_once,
    bad_events_are_refused_by_name,
    large_data_is_refused,
    events_are_listed_by_type_and_time,
);

const EVENTS: &str = "/api/v1/events";

async fn total(stage: &Stage, event_type: &str) -> Value {
    stage.owner.get(&format!("{EVENTS}?type={event_type}")).await.expect(200).json()["meta"]["total"].take()
}

async fn a_published_event_is_read_back(backend: Backend) {
    let stage = Stage::set(backend).await;
    webhook(&stage.owner, "https://receiver.invalid/", &["post.*"]).await;
    webhook(&stage.owner, "https://receiver.invalid/", &["*"]).await;
    webhook(&stage.owner, "https://receiver.invalid/", &["user.*"]).await;
    let data = json!({ "z": 1, "a": [null, 1.5, "ü"], "big": 9_007_199_254_740_993_i64 });
    let body = json!({ "type": "post.created", "data": data });
    let answer = stage.owner.post(EVENTS, body).await.expect(202).json();
    assert_eq!(answer["message"], "Event accepted.");
    let taken = &answer["data"];
    assert_eq!((&taken["type"], &taken["deliveries"]), (&json!("post.created"), &json!(2)));
    let id = taken["id"].as_str().unwrap();
    assert!(id.starts_with("evt_") && id.len() == 28, "{id}");
    let shown = stage.owner.get(&format!("{EVENTS}/{id}")).await.data(200);
    assert!(is_moment(shown["created_at"].as_str().unwrap()));
    let expected = json!({
        "id": id, "type": "post.created", "created_at": shown["created_at"], "workspace_id": stage.workspace_id,
        "data": data,
    });
    assert_eq!(shown, expected);
    let only = stage.owner.get(&format!("{EVENTS}/{id}?fields=type")).await.data(200);
    assert_eq!(only, json!({ "id": id, "type": "post.created" }));
    for other in ["evt_000000000000000000000000", "evt_1", "1", &id.to_lowercase().replace("evt_", "evt-")] {
        stage.owner.get(&format!("{EVENTS}/{other}")).await.is_not_found();
    }
}

async fn a_batch_is_taken_as_a_whole_or_not_at_all(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    webhook(&stage.owner, &receiver.url("/hook"), &["post.*"]).await;
    let events: Vec<Value> =
        (0..100).map(|number| json!({ "type": "post.created", "data": { "n": number } })).collect();
    let taken = stage.owner.post(EVENTS, json!({ "events": events })).await.data(202);
    let taken = taken.as_array().unwrap().clone();
    assert_eq!(taken.len(), 100);
    assert!(taken.iter().all(|event| event["deliveries"] == 1));
    let mut sent: Vec<String> = taken.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
    let arrived = receiver.wait_for("/hook", 100).await;
    let mut arrived: Vec<_> = arrived.iter().map(|message| message.header("webhook-id").to_owned()).collect();
    sent.sort();
    arrived.sort();
    assert_eq!(arrived, sent);

    let mut spoilt = events.clone();
    spoilt[99]["type"] = json!("Post");
    let refused = stage.owner.post(EVENTS, json!({ "events": spoilt })).await.expect(422).json();
    assert!(refused["errors"]["events[99].type"].is_array(), "{refused}");
    assert_eq!(total(&stage, "post.created").await, 100);
    let too_many: Vec<Value> = vec![events[0].clone(); 101];
    for events in [json!(too_many), json!([])] {
        let refused = validation(json!({ "events": ["The events must be 1 to 100."] }));
        stage.owner.post(EVENTS, json!({ "events": events })).await.is(422, refused);
    }
}

async fn a_repeated_publication_happens_once(backend: Backend) {
    let stage = Stage::set(backend).await;
    let body = json!({ "type": "post.created", "data": {} });
    let send = async || stage.owner.request("POST", EVENTS).header("Idempotency-Key", "once").json(&body).send().await;
    let first = send().await.expect(202);
    let again = send().await.expect(202);
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &first.body));
    assert_eq!(total(&stage, "post.created").await, 1);
}

async fn bad_events_are_refused_by_name(backend: Backend) {
    let stage = Stage::set(backend).await;
    let form = "An event type is dotted lower case, like post.created, of at most 128 characters.";
    for (body, errors) in [
        (json!({}), json!({ "data": ["The data field is required."], "type": ["The type field is required."] })),
        (json!({ "type": "post.created" }), json!({ "data": ["The data field is required."] })),
        (json!({ "data": {} }), json!({ "type": ["The type field is required."] })),
        (json!({ "type": "post", "data": {} }), json!({ "type": [form] })),
        (json!({ "type": "Post.created", "data": {} }), json!({ "type": [form] })),
        (json!({ "type": "post.*", "data": {} }), json!({ "type": [form] })),
        (json!({ "type": format!("a.{}", "b".repeat(127)), "data": {} }), json!({ "type": [form] })),
        (json!({ "type": "post.created", "data": [] }), json!({ "data": ["The data must be an object."] })),
        (
            json!({ "type": "a.b", "events": [{ "type": "a.b", "data": {} }] }),
            json!({ "events": ["The events field stands alone: each of its events has a type and data."] }),
        ),
    ] {
        stage.owner.post(EVENTS, body.clone()).await.is(422, validation(errors));
    }
    let refused = stage.owner.post(EVENTS, json!({ "type": "a.b", "data": {}, "id": "evt_1" })).await.expect(422);
    assert!(refused.json()["errors"]["id"].is_array());
}

async fn large_data_is_refused(backend: Backend) {
    let stage = Stage::set(backend).await;
    let body = |bytes: usize| json!({ "type": "a.b", "data": { "a": "x".repeat(bytes - r#"{"a":""}"#.len()) } });
    stage.owner.post(EVENTS, body(256 * 1024)).await.expect(202);
    let refused = validation(json!({ "data": ["The data must not be larger than 256 KiB of JSON."] }));
    stage.owner.post(EVENTS, body(256 * 1024 + 1)).await.is(422, refused);
}

async fn events_are_listed_by_type_and_time(backend: Backend) {
    let stage = Stage::set(backend).await;
    let mut made = Vec::new();
    for event_type in ["post.created", "post.updated", "post.created"] {
        made.push(publish(&stage.owner, event_type).await);
    }
    let ids = async |query: &str| {
        let listed = stage.owner.get(&format!("{EVENTS}{query}")).await.expect(200).json();
        let items = listed["data"].as_array().unwrap().clone();
        items.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("?type=post.created").await, [made[2].clone(), made[0].clone()]);
    assert_eq!(ids("?type=post.created&sort=created_at").await, [made[0].clone(), made[2].clone()]);
    assert_eq!(ids("?type=post.created&per_page=1&page=2").await, [made[0].clone()]);
    assert!(ids("?created_before=2020-01-01").await.is_empty());
    assert!(ids("").await.len() >= 3, "the service's own events are among them");
    assert_eq!(ids("?search=UPDATED").await, [made[1].clone()]);
    for (query, field) in [("type=post", "type"), ("sort=id", "sort"), ("fields=x", "fields")] {
        let answer = stage.owner.get(&format!("{EVENTS}?{query}")).await.expect(422).json();
        assert!(answer["errors"][field].is_array(), "{answer}");
    }
}
