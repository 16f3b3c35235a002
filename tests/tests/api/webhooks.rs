use acceptance::{Api, Backend, Receiver, Stage, Verdict, is_moment, on_both_stores, validation, verify_officially};
use serde_json::{Value, json};

on_both_stores!(
    a_created_webhook_is_read_back_without_its_secret,
    a_webhook_is_changed_and_deleted,
    bad_values_are_refused_by_name,
    addresses_that_are_not_public_are_refused_in_any_form,
    plain_http_is_refused_where_the_operator_says_nothing,
    a_delivery_is_verified_by_the_official_library,
    after_a_rotation_both_secrets_verify,
    an_ed25519_webhook_shows_its_public_key,
    live_and_test_are_kept_apart,
    another_workspaces_webhook_is_not_found,
    webhooks_are_filtered_sorted_and_searched,
    what_is_related_can_be_included,
);

const WEBHOOKS: &str = "/api/v1/webhooks";
pub(crate) const LOOPBACK: &[(&str, &str)] =
    &[("CORE_API_WEBHOOK_ALLOW_NETS", "127.0.0.0/8"), ("CORE_API_WEBHOOK_ALLOW_HTTP", "true")];
const OWN_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A webhook at this URL, of these events; with its secret.
pub(crate) async fn webhook(api: &Api, url: &str, events: &[&str]) -> Value {
    api.post(WEBHOOKS, json!({ "url": url, "events": events })).await.data(201)
}

pub(crate) async fn publish(api: &Api, event_type: &str) -> String {
    let body = json!({ "type": event_type, "data": { "id": 7, "title": "Zoë 🚀" } });
    api.post("/api/v1/events", body).await.data(202)["id"].as_str().unwrap().to_owned()
}

async fn a_created_webhook_is_read_back_without_its_secret(backend: Backend) {
    let stage = Stage::set(backend).await;
    let body = json!({
        "url": "https://your-app.com/webhooks",
        "events": ["post.created", "post.updated", "post.deleted"],
        "secret": OWN_SECRET,
    });
    let answer = stage.owner.post(WEBHOOKS, body).await.expect(201);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let mut made = answer.json();
    assert_eq!(made["message"], "Webhook endpoint created successfully.");
    let data = made["data"].as_object_mut().unwrap();
    assert_eq!(data.remove("secret"), Some(json!(OWN_SECRET)));
    assert!(is_moment(data["created_at"].as_str().unwrap()));
    let expected = json!({
        "id": data["id"],
        "url": "https://your-app.com/webhooks",
        "description": null,
        "events": ["post.created", "post.updated", "post.deleted"],
        "is_active": true,
        "disabled_at": null,
        "disabled_reason": null,
        "environment": "live",
        "headers": {},
        "rate_limit": null,
        "success_count": 0,
        "failure_count": 0,
        "consecutive_failures": 0,
        "last_delivery_at": null,
        "created_at": data["created_at"],
        "updated_at": data["created_at"],
    });
    assert_eq!(Value::Object(data.clone()), expected);
    let path = format!("{WEBHOOKS}/{}", expected["id"]);
    assert_eq!(answer.header("location"), Some(path.as_str()));
    stage.owner.get(&path).await.is(200, json!({ "data": expected }));
    let listed = stage.owner.get(WEBHOOKS).await.expect(200).json();
    assert_eq!(listed["data"], json!([expected]));
    assert!(stage.database.query("SELECT * FROM webhooks").iter().all(|row| !format!("{row:?}").contains(OWN_SECRET)));
}

async fn a_webhook_is_changed_and_deleted(backend: Backend) {
    let stage = Stage::set(backend).await;
    let made = webhook(&stage.owner, "https://your-app.com/webhooks", &["post.created"]).await;
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let path = format!("{WEBHOOKS}/{}", made["id"]);
    let change = json!({
        "url": "https://new-url.com/webhooks", "events": ["post.*"], "description": "Mine", "rate_limit": 5,
        "headers": { "X-Team": "blue", "Authorization": "Bearer t0ken" }, "is_active": false,
    });
    let changed = stage.owner.patch(&path, change).await.data(200);
    assert_eq!(changed["url"], "https://new-url.com/webhooks");
    assert_eq!((&changed["events"], &changed["description"]), (&json!(["post.*"]), &json!("Mine")));
    assert_eq!((&changed["is_active"], &changed["disabled_reason"]), (&json!(false), &json!("by_owner")));
    assert_eq!(changed["headers"], json!({ "authorization": "***", "x-team": "blue" }));
    let change = json!({ "is_active": true, "description": null, "rate_limit": null });
    let changed = stage.owner.patch(&path, change).await.data(200);
    assert_eq!((&changed["is_active"], &changed["disabled_at"]), (&json!(true), &Value::Null));
    assert_eq!((&changed["description"], &changed["rate_limit"]), (&Value::Null, &Value::Null));
    assert_eq!(stage.owner.delete(&path).await.expect(204).body, b"");
    stage.owner.get(&path).await.is_not_found();
    stage.owner.delete(&path).await.is_not_found();
    stage.owner.patch(&path, json!({})).await.is_not_found();
    stage.owner.get(&format!("{path}/deliveries")).await.is_not_found();
}

async fn bad_values_are_refused_by_name(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (field, value, message) in [
        ("url", json!(null), "The url field is required."),
        ("url", json!("your-app.com"), "The url must be an absolute URL."),
        ("url", json!("ftp://your-app.com"), "The url must begin with https://."),
        ("url", json!("https://user:pass@your-app.com"), "The url must not hold credentials."),
        ("url", json!("https://your-app.com/#here"), "The url must not have a fragment."),
        (
            "url",
            json!(format!("https://your-app.com/{}", "x".repeat(2_048))),
            "The url must not be longer than 2048 characters.",
        ),
        ("events", json!(null), "The events field is required."),
        ("events", json!([]), "A webhook has 1 to 100 patterns."),
        ("events", json!(vec!["a.b"; 0]), "A webhook has 1 to 100 patterns."),
        ("secret", json!("secret"), "A secret begins with whsec_, or with whsk_ for ed25519."),
        (
            "secret",
            json!(format!("v1,{OWN_SECRET}")),
            "Leave out what stands before whsec_: a secret begins with whsec_ or whsk_.",
        ),
        ("secret", json!("whsec_AAAA"), "A whsec_ secret holds 24 to 64 bytes."),
        ("signing", json!("v2"), "The signing must be v1 or v1a."),
        ("rate_limit", json!(0), "The rate_limit must be between 1 and 10000."),
        ("headers", json!({ "webhook-id": "1" }), "The header webhook-id is reserved."),
        ("headers", json!({ "a b": "1" }), "\"a b\" is not a header's name, or is there twice."),
        ("description", json!("x".repeat(1_001)), "The description must not be longer than 1000 characters."),
    ] {
        let mut body = json!({ "url": "https://your-app.com/webhooks", "events": ["post.*"] });
        body[field] = value;
        stage.owner.post(WEBHOOKS, body).await.is(422, validation(json!({ field: [message] })));
    }
    for pattern in ["post", "Post.created", "*.created", "post.**", ""] {
        let body = json!({ "url": "https://your-app.com/webhooks", "events": ["a.b", pattern] });
        let answer = stage.owner.post(WEBHOOKS, body).await.expect(422);
        let told = json!(["A pattern is an event type, a type's beginning and .*, or *."]);
        assert_eq!(answer.json()["errors"]["events"], told, "{pattern}");
    }
}

async fn addresses_that_are_not_public_are_refused_in_any_form(backend: Backend) {
    let stage = Stage::set(backend).await;
    let refused = validation(json!({ "url": ["The url must not lead to an address that is not public."] }));
    let made = webhook(&stage.owner, "https://your-app.com/webhooks", &["*"]).await;
    let path = format!("{WEBHOOKS}/{}", made["id"]);
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "[fd00::1]",
        "localhost",
        "app.localhost",
    ] {
        let url = format!("https://{host}/hook");
        stage.owner.post(WEBHOOKS, json!({ "url": url, "events": ["*"] })).await.is(422, refused.clone());
        stage.owner.patch(&path, json!({ "url": url })).await.is(422, refused.clone());
    }
}

async fn plain_http_is_refused_where_the_operator_says_nothing(backend: Backend) {
    let stage = Stage::set(backend).await;
    let body = json!({ "url": "http://your-app.com/webhooks", "events": ["*"] });
    let refused = validation(json!({ "url": ["The url must begin with https://."] }));
    stage.owner.post(WEBHOOKS, body).await.is(422, refused);
}

async fn a_delivery_is_verified_by_the_official_library(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    let made = webhook(&stage.owner, &receiver.url("/hook"), &["post.*"]).await;
    let secret = made["secret"].as_str().unwrap();
    let event = publish(&stage.owner, "post.created").await;
    let message = receiver.wait_for("/hook", 1).await.remove(0);
    assert_eq!(message.header("webhook-id"), event);
    assert_eq!(message.header("x-webhook-event"), "post.created");
    assert_eq!(message.header("content-type"), "application/json");
    assert!(message.header("user-agent").starts_with("core-api/"));
    let body: Value = serde_json::from_str(&message.body).unwrap();
    assert_eq!((&body["id"], &body["type"]), (&json!(event), &json!("post.created")));
    assert_eq!(body["data"], json!({ "id": 7, "title": "Zoë 🚀" }));
    assert_eq!(body["workspace_id"], stage.workspace_id);
    assert_eq!(verify_officially(secret, &message), Verdict::Genuine);
    assert_eq!(verify_officially(OWN_SECRET, &message), Verdict::Refused);
    let mut forged = message.clone();
    forged.body = forged.body.replace("Zoë", "Zoe");
    assert_eq!(verify_officially(secret, &forged), Verdict::Refused);
}

async fn after_a_rotation_both_secrets_verify(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    let made = webhook(&stage.owner, &receiver.url("/hook"), &["post.*"]).await;
    let path = format!("{WEBHOOKS}/{}/rotate-secret", made["id"]);
    let answer = stage.owner.request("POST", &path).send().await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let rotated = answer.data(200);
    assert!(is_moment(rotated["previous_secret_ends_at"].as_str().unwrap()));
    let (old, new) = (made["secret"].as_str().unwrap(), rotated["secret"].as_str().unwrap());
    assert_ne!(old, new);
    publish(&stage.owner, "post.created").await;
    let message = receiver.wait_for("/hook", 1).await.remove(0);
    assert_eq!(message.header("webhook-signature").split(' ').count(), 2);
    for secret in [old, new] {
        assert_eq!(verify_officially(secret, &message), Verdict::Genuine);
    }
    let ended = stage.owner.post(&path, json!({ "grace_period_hours": 0, "secret": OWN_SECRET })).await.data(200);
    assert_eq!(ended["secret"], OWN_SECRET);
    publish(&stage.owner, "post.created").await;
    let message = receiver.wait_for("/hook", 2).await.remove(1);
    assert_eq!(verify_officially(OWN_SECRET, &message), Verdict::Genuine);
    assert_eq!(verify_officially(new, &message), Verdict::Refused);
    let refused = validation(json!({ "grace_period_hours": ["The grace_period_hours must be between 0 and 168."] }));
    stage.owner.post(&path, json!({ "grace_period_hours": 169 })).await.is(422, refused);
}

async fn an_ed25519_webhook_shows_its_public_key(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    let body = json!({ "url": receiver.url("/hook"), "events": ["post.*"], "signing": "v1a" });
    let made = stage.owner.post(WEBHOOKS, body).await.data(201);
    assert!(made["secret"].as_str().unwrap().starts_with("whsk_"));
    assert!(made["public_key"].as_str().unwrap().starts_with("whpk_"));
    publish(&stage.owner, "post.created").await;
    let message = receiver.wait_for("/hook", 1).await.remove(0);
    assert!(message.header("webhook-signature").starts_with("v1a,"));
}

async fn live_and_test_are_kept_apart(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    let live = stage.key(json!({ "scopes": ["*"] })).await.api;
    let test = stage.key(json!({ "scopes": ["*"], "environment": "test" })).await.api;
    for (own, other, path) in [(&live, &test, "/live"), (&test, &live, "/test")] {
        let made = webhook(own, &receiver.url(path), &["post.*"]).await;
        other.get(&format!("{WEBHOOKS}/{}", made["id"])).await.is_not_found();
        other.delete(&format!("{WEBHOOKS}/{}", made["id"])).await.is_not_found();
        other.post(&format!("{WEBHOOKS}/{}/test", made["id"]), json!({})).await.is_not_found();
    }
    for (own, other, path) in [(&live, &test, "/live"), (&test, &live, "/test")] {
        let event = publish(own, "post.created").await;
        let arrived = receiver.wait_for(path, 1).await;
        assert_eq!(arrived.iter().map(|message| message.header("webhook-id")).collect::<Vec<_>>(), [event.as_str()]);
        other.get(&format!("/api/v1/events/{event}")).await.is_not_found();
        own.get(&format!("/api/v1/events/{event}")).await.expect(200);
    }
}

async fn another_workspaces_webhook_is_not_found(backend: Backend) {
    let stage = Stage::set(backend).await;
    let stranger = stage.tenant("stranger@example.com");
    let foreign = webhook(&stranger.api, "https://your-app.com/webhooks", &["*"]).await;
    let path = format!("{WEBHOOKS}/{}", foreign["id"]);
    stage.owner.get(&path).await.is_not_found();
    stage.owner.patch(&path, json!({ "is_active": false })).await.is_not_found();
    for call in ["test", "rotate-secret"] {
        stage.owner.post(&format!("{path}/{call}"), json!({})).await.is_not_found();
    }
    stage.owner.post(&format!("{path}/replay"), json!({ "since": "2026-01-01" })).await.is_not_found();
    stage.owner.get(&format!("{path}/statistics")).await.is_not_found();
    assert_eq!(stage.owner.get(WEBHOOKS).await.expect(200).json()["meta"]["total"], 0);
    let event = publish(&stranger.api, "post.created").await;
    stage.owner.get(&format!("/api/v1/events/{event}")).await.is_not_found();
}

async fn webhooks_are_filtered_sorted_and_searched(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (url, events, is_active) in [
        ("https://b.example/", json!(["post.created"]), true),
        ("https://a.example/", json!(["post.*", "user.created"]), false),
        ("https://c.example/", json!(["*"]), true),
        ("https://d.example/", json!(["user.*"]), true),
    ] {
        let body = json!({ "url": url, "events": events, "is_active": is_active, "description": format!("At {url}") });
        stage.owner.post(WEBHOOKS, body).await.expect(201);
    }
    for (query, expected) in [
        ("", "bacd"),
        ("?status=active", "bcd"),
        ("?status=disabled", "a"),
        ("?event=post.created", "bac"),
        ("?event=post.updated", "ac"),
        ("?event=user.created", "acd"),
        ("?event=post.*", "ac"),
        ("?event=*", "c"),
        ("?sort=url", "abcd"),
        ("?sort=-url&status=active", "dcb"),
        ("?sort=-id", "dcab"),
        ("?search=AT%20HTTPS://D", "d"),
        ("?created_after=2020-01-01&created_before=2020-01-02", ""),
    ] {
        let listed = stage.owner.get(&format!("{WEBHOOKS}{query}")).await.expect(200).json();
        let hosts: String = listed["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|webhook| webhook["url"].as_str().unwrap().chars().nth(8).unwrap())
            .collect();
        assert_eq!(hosts, expected, "{query}");
        assert_eq!(listed["meta"]["total"], expected.len(), "{query}");
    }
    for (query, field) in [
        ("status=gone", "status"),
        ("event=Post", "event"),
        ("sort=secret", "sort"),
        ("fields=secret", "fields"),
        ("include=secret", "include"),
        ("tier=free", "tier"),
    ] {
        let answer = stage.owner.get(&format!("{WEBHOOKS}?{query}")).await.expect(422).json();
        assert!(answer["errors"][field].is_array(), "{answer}");
    }
}

async fn what_is_related_can_be_included(backend: Backend) {
    let stage = Stage::with(backend, LOOPBACK).await;
    let receiver = Receiver::start().await;
    let made = webhook(&stage.owner, &receiver.url("/hook"), &["post.*"]).await;
    let event = publish(&stage.owner, "post.created").await;
    let path = format!("{WEBHOOKS}/{}?include=workspace,latest_deliveries&fields=url", made["id"]);
    let shown = stage.owner.get(&path).await.data(200);
    assert_eq!(shown.as_object().unwrap().len(), 4, "{shown}");
    assert_eq!(shown["workspace"]["id"], stage.workspace_id);
    assert_eq!(shown["latest_deliveries"][0]["event_id"], json!(event));
}
