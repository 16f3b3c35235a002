//! `POST /webhooks/{id}/test`: a call to the outside within a request.

use acceptance::{
    Answer, Api, Backend, PATIENCE, Receiver, Reply, Stage, Verdict, eventually, on_both_stores, verify_officially,
};
use serde_json::{Value, json};

use crate::webhooks::{LOOPBACK, webhook};

on_both_stores!(
    a_test_tells_what_the_receiver_answered,
    a_test_that_fails_is_answered_200,
    a_test_counts_for_nothing,
    a_repeated_test_is_sent_once,
    a_test_under_way_is_in_progress,
    after_a_kill_the_outcome_is_unknown_and_nothing_is_sent_again,
);

fn path(webhook: &Value) -> String {
    format!("/api/v1/webhooks/{}/test", webhook["id"])
}

async fn test_under(api: &Api, path: &str, key: &str) -> Answer {
    api.request("POST", path).header("Idempotency-Key", key).send().await
}

async fn a_test_tells_what_the_receiver_answered(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    let made = webhook(&stage.owner, &receiver.url("/hook"), &["post.*"]).await;
    let answer = stage.owner.request("POST", &path(&made)).send().await.expect(200).json();
    assert_eq!((&answer["success"], &answer["status_code"]), (&json!(true), &json!(200)));
    assert_eq!(answer["response_body"], r#"{"received": true}"#);
    assert!(answer["response_time_ms"].is_u64() && answer.get("error").is_none());
    let message = receiver.received("/hook").remove(0);
    assert_eq!(message.header("x-webhook-event"), "webhook.test");
    assert_eq!(message.header("webhook-id"), answer["event_id"].as_str().unwrap());
    assert_eq!(verify_officially(made["secret"].as_str().unwrap(), &message), Verdict::Genuine);
    let delivery = format!("/api/v1/webhooks/{}/deliveries/{}", made["id"], answer["delivery_id"]);
    let kept = stage.owner.get(&delivery).await.data(200);
    assert_eq!((&kept["is_test"], &kept["status"], &kept["attempt"]), (&json!(true), &json!("success"), &json!(1)));
    let refused = json!({ "error": "cannot_retry", "message": "A test is not repeated; make another." });
    stage.owner.post(&format!("{delivery}/retry"), json!({})).await.is(400, refused);
}

async fn a_test_that_fails_is_answered_200(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    receiver.reply("/hook", Reply::With(500, vec![], "broken".to_owned()));
    let made = webhook(&stage.owner, &receiver.url("/hook"), &["post.*"]).await;
    let answer = stage.owner.request("POST", &path(&made)).send().await.expect(200).json();
    assert_eq!((&answer["success"], &answer["status_code"]), (&json!(false), &json!(500)));
    assert_eq!(answer["response_body"], "broken");
    assert!(answer["error"].is_string());
    let nobody = webhook(&stage.owner, "http://127.0.0.1:1/", &["post.*"]).await;
    let answer = stage.owner.request("POST", &path(&nobody)).send().await.expect(200).json();
    assert_eq!((&answer["success"], &answer["status_code"]), (&json!(false), &Value::Null));
    assert!(answer["error"].is_string());
}

async fn a_test_counts_for_nothing(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    receiver.reply("/hook", 500);
    let made = webhook(&stage.owner, &receiver.url("/hook"), &["*"]).await;
    for _ in 0..3 {
        stage.owner.request("POST", &path(&made)).send().await.expect(200);
    }
    let shown = stage.owner.get(&format!("/api/v1/webhooks/{}", made["id"])).await.data(200);
    assert_eq!((&shown["failure_count"], &shown["consecutive_failures"]), (&json!(0), &json!(0)));
    assert_eq!(receiver.received("/hook").len(), 3);
}

async fn a_repeated_test_is_sent_once(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    let made = webhook(&stage.owner, &receiver.url("/hook"), &["post.*"]).await;
    let first = test_under(&stage.owner, &path(&made), "once").await.expect(200);
    let again = test_under(&stage.owner, &path(&made), "once").await.expect(200);
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &first.body));
    assert_eq!(receiver.received("/hook").len(), 1);
}

/// Begins a test that is never answered, and waits until it is out.
async fn begin(stage: &Stage, receiver: &Receiver, made: &Value) -> tokio::task::JoinHandle<()> {
    receiver.reply("/hook", Reply::Never);
    let (api, path) = (stage.owner.clone(), path(made));
    let begun = tokio::spawn(async move {
        // It ends with the server.
        let _ = api.request("POST", &path).header("Idempotency-Key", "once").try_send().await;
    });
    receiver.wait_for("/hook", 1).await;
    begun
}

async fn a_test_under_way_is_in_progress(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    let made = webhook(&stage.owner, &receiver.url("/hook"), &["post.*"]).await;
    let begun = begin(&stage, &receiver, &made).await;
    for _ in 0..2 {
        let answer = test_under(&stage.owner, &path(&made), "once").await.expect(409);
        assert_eq!(answer.json()["error"], "idempotency_in_progress");
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(receiver.received("/hook").len(), 1);
    begun.abort();
}

async fn after_a_kill_the_outcome_is_unknown_and_nothing_is_sent_again(backend: Backend) {
    let mut stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    let made = webhook(&stage.owner, &receiver.url("/hook"), &["post.*"]).await;
    let begun = begin(&stage, &receiver, &made).await;
    stage.server.kill();
    begun.await.unwrap();
    receiver.reply("/hook", 200);
    stage.start_again();
    for _ in 0..2 {
        let answer = test_under(&stage.owner, &path(&made), "once").await.expect(409);
        assert_eq!(answer.json()["error"], "idempotency_outcome_unknown");
    }
    assert_eq!(receiver.received("/hook").len(), 1);
    // The test made anew, under another key, goes out.
    let again = eventually(PATIENCE, async || test_under(&stage.owner, &path(&made), "anew").await.status == 200);
    assert!(again.await);
    assert_eq!(receiver.received("/hook").len(), 2);
}
