//! Check, record, summary, list and history (reference: Entitlements).

use acceptance::{Api, Backend, Stage, is_moment, on_both_stores, validation};
use serde_json::{Value, json};

on_both_stores!(
    the_reference_s_checks,
    the_reference_s_usage,
    the_reference_s_summary,
    a_refused_check_names_the_upgrade_where_there_is_one,
    a_level_falls_again_but_not_below_nothing,
    a_metered_feature_tells_when_it_begins_anew,
    a_feature_that_the_tier_lacks_is_refused,
    what_is_unlimited_has_no_limit,
    bad_input_is_named,
    other_workspaces_and_environments_are_apart,
    records_are_listed,
    days_add_up,
    a_repeated_request_counts_once,
    a_changed_tier_acts_at_once,
    events_tell_of_the_thresholds_once,
);

const CHECK: &str = "/api/v1/entitlements/check";
const USAGE: &str = "/api/v1/entitlements/usage";
const SUMMARY: &str = "/api/v1/entitlements/summary";
const UPGRADE: &str = "https://example.com/upgrade";

/// A bound key of a new workspace of this tier.
async fn on_tier(stage: &Stage, tier: &str) -> Api {
    let made = stage.workspace(json!({ "name": format!("On {tier}"), "tier": tier })).await;
    stage.key_in(made["id"].as_i64().unwrap(), json!({})).await.api
}

async fn used(api: &Api, feature: &str, quantity: i64) {
    api.post(USAGE, json!({ "feature": feature, "quantity": quantity })).await.expect(200);
}

async fn with_upgrade(backend: Backend) -> Stage {
    Stage::with(backend, &[("CORE_API_UPGRADE_URL", UPGRADE)]).await
}

async fn the_reference_s_checks(backend: Backend) {
    let stage = with_upgrade(backend).await;
    let api = on_tier(&stage, "free").await;
    used(&api, "posts", 45).await;
    api.get(&format!("{CHECK}?feature=posts"))
        .await
        .is(200, json!({ "allowed": true, "feature": "posts", "current_usage": 45, "limit": 100, "available": 55 }));
    assert_eq!(api.get(&format!("{CHECK}?feature=posts&quantity=55")).await.json()["allowed"], true);
    assert_eq!(api.get(&format!("{CHECK}?feature=posts&quantity=56")).await.json()["allowed"], false);
    used(&api, "posts", 55).await;
    api.get(&format!("{CHECK}?feature=posts")).await.is(
        200,
        json!({
            "allowed": false,
            "feature": "posts",
            "reason": "LIMIT_EXCEEDED",
            "message": "Post limit exceeded. Used: 100, Limit: 100",
            "current_usage": 100,
            "limit": 100,
            "available": 0,
            "upgrade_url": UPGRADE,
        }),
    );
}

async fn the_reference_s_usage(backend: Backend) {
    let stage = with_upgrade(backend).await;
    let api = on_tier(&stage, "pro").await;
    used(&api, "api_calls", 5_000).await;
    let body = json!({ "feature": "api_calls", "quantity": 1, "metadata": { "endpoint": "/api/v1/posts" } });
    api.post(USAGE, body)
        .await
        .is(200, json!({ "recorded": true, "feature": "api_calls", "current_usage": 5_001, "limit": 10_000 }));
    api.post(USAGE, json!({ "feature": "api_calls", "quantity": 5_000 })).await.is(
        403,
        json!({
            "error": "feature_limit_reached",
            "message": "You have reached your limit for this feature.",
            "feature": "api_calls",
            "upgrade_url": UPGRADE,
        }),
    );
    used(&api, "api_calls", 4_999).await;
    api.post(USAGE, json!({ "feature": "api_calls" })).await.expect(403);
}

async fn the_reference_s_summary(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = on_tier(&stage, "pro").await;
    used(&api, "posts", 45).await;
    used(&api, "api_calls", 5_001).await;
    used(&api, "storage", 1_073_741_824).await;
    let answer = api.get(SUMMARY).await.expect(200);
    let shown = answer.text();
    for fragment in [
        r#""posts":{"used":45,"limit":1000,"available":955,"percentage":4.5}"#,
        r#""api_calls":{"used":5001,"limit":10000,"available":4999,"percentage":50.01,"reset_at":""#,
        r#""storage":{"used":1073741824,"limit":5368709120,"available":4294967296,"percentage":20,"unit":"bytes"}"#,
        r#""api_keys":{"used":1,"limit":100,"available":99,"percentage":1}"#,
        r#""custom_domain":{"used":0,"limit":null,"available":null,"percentage":0,"enabled":true}"#,
    ] {
        assert!(shown.contains(fragment), "{fragment}\n{answer}");
    }
    let data = answer.json()["data"].take();
    assert_eq!(data["tier"], "pro");
    let reset_at = data["entitlements"]["api_calls"]["reset_at"].as_str().unwrap();
    assert!(is_moment(reset_at) && reset_at.ends_with("-01T00:00:00Z"), "{reset_at}");
    let free = on_tier(&stage, "free").await.get(SUMMARY).await.data(200);
    assert!(free["entitlements"]["custom_domain"].is_null(), "a tier shows what it has");
}

async fn a_refused_check_names_the_upgrade_where_there_is_one(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = on_tier(&stage, "free").await;
    let body = api.get(&format!("{CHECK}?feature=posts&quantity=101")).await.expect(200).json();
    assert!(body.get("upgrade_url").is_none() && body["reason"] == "LIMIT_EXCEEDED", "{body}");
    let body = api.post(USAGE, json!({ "feature": "posts", "quantity": 101 })).await.expect(403).json();
    assert!(body.get("upgrade_url").is_none(), "{body}");
}

async fn a_level_falls_again_but_not_below_nothing(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = on_tier(&stage, "free").await;
    used(&api, "posts", 100).await;
    let answer = api.post(USAGE, json!({ "feature": "posts", "quantity": -30 })).await.expect(200);
    assert_eq!(answer.json()["current_usage"], 70);
    used(&api, "posts", 30).await;
    let answer = api.post(USAGE, json!({ "feature": "posts", "quantity": -1_000 })).await.expect(200);
    assert_eq!(answer.json()["current_usage"], 0);
    let rows = api.get(USAGE).await.data(200);
    assert_eq!(rows[0]["quantity"], -100, "what was freed, not what was asked for");
}

async fn a_metered_feature_tells_when_it_begins_anew(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = on_tier(&stage, "free").await;
    let body = api.get(&format!("{CHECK}?feature=api_calls")).await.expect(200).json();
    assert!(body["reset_at"].as_str().unwrap().ends_with("-01T00:00:00Z"), "{body}");
    let refused = api.post(USAGE, json!({ "feature": "api_calls", "quantity": -1 })).await;
    let message = "The quantity must be at least 1: only a level feature can be freed.";
    refused.is(422, validation(json!({ "quantity": [message] })));
}

async fn a_feature_that_the_tier_lacks_is_refused(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = on_tier(&stage, "free").await;
    api.get(&format!("{CHECK}?feature=custom_domain")).await.is(
        200,
        json!({
            "allowed": false,
            "feature": "custom_domain",
            "reason": "FEATURE_NOT_INCLUDED",
            "message": "Custom domain is not included in the free plan",
            "current_usage": 0,
            "limit": 0,
            "available": 0,
        }),
    );
    let pro = on_tier(&stage, "pro").await;
    pro.get(&format!("{CHECK}?feature=custom_domain")).await.is(
        200,
        json!({ "allowed": true, "feature": "custom_domain", "current_usage": 0, "limit": null, "available": null }),
    );
}

async fn what_is_unlimited_has_no_limit(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = stage.key(json!({})).await.api;
    used(&api, "posts", 1_000_000).await;
    api.get(&format!("{CHECK}?feature=posts")).await.is(
        200,
        json!({ "allowed": true, "feature": "posts", "current_usage": 1_000_000, "limit": null, "available": null }),
    );
    let line = api.get(SUMMARY).await.data(200)["entitlements"]["posts"].take();
    assert_eq!(line, json!({ "used": 1_000_000, "limit": null, "available": null, "percentage": 0 }));
    let most = 9_007_199_254_740_991_i64;
    let beyond = api.post(USAGE, json!({ "feature": "posts", "quantity": most })).await;
    beyond.is(422, validation(json!({ "quantity": ["The count must not pass 9007199254740991."] })));
}

async fn bad_input_is_named(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = stage.key(json!({})).await.api;
    let unknown = "The feature \"blogs\" is not known. Allowed: posts, api_calls, storage, api_keys, webhooks, \
                   team_members, custom_domain.";
    let bounds = "The quantity must be between 1 and 9007199254740991.";
    for (query, errors) in [
        ("", json!({ "feature": ["The feature parameter is required."] })),
        ("?feature=", json!({ "feature": ["The feature parameter is required."] })),
        ("?feature=blogs", json!({ "feature": [unknown] })),
        ("?feature=posts&quantity=0", json!({ "quantity": [bounds] })),
        ("?feature=posts&quantity=-1", json!({ "quantity": [bounds] })),
        ("?feature=posts&quantity=1.5", json!({ "quantity": [bounds] })),
        ("?feature=posts&quantity=9007199254740992", json!({ "quantity": [bounds] })),
        ("?feature=posts&quantity=99999999999999999999", json!({ "quantity": [bounds] })),
        (
            "?feature=posts&amount=1",
            json!({ "amount": ["The parameter amount is not known. Allowed: feature or quantity."] }),
        ),
    ] {
        api.get(&format!("{CHECK}{query}")).await.is(422, validation(errors));
    }
    let big: Value = json!({ "text": "x".repeat(4_096) });
    for (body, field) in [
        (json!({}), "feature"),
        (json!({ "feature": "blogs" }), "feature"),
        (json!({ "feature": "custom_domain" }), "feature"),
        (json!({ "feature": "api_keys" }), "feature"),
        (json!({ "feature": "webhooks" }), "feature"),
        (json!({ "feature": "posts", "quantity": 0 }), "quantity"),
        (json!({ "feature": "posts", "quantity": null }), "quantity"),
        (json!({ "feature": "posts", "quantity": "1" }), "quantity"),
        (json!({ "feature": "posts", "quantity": 1.5 }), "quantity"),
        (json!({ "feature": "posts", "quantity": 9_007_199_254_740_992_i64 }), "quantity"),
        (json!({ "feature": "posts", "quantity": -9_007_199_254_740_992_i64 }), "quantity"),
        (json!({ "feature": "posts", "metadata": [] }), "metadata"),
        (json!({ "feature": "posts", "metadata": big }), "metadata"),
        (json!({ "feature": "posts", "count": 1 }), "count"),
    ] {
        let answer = api.post(USAGE, body.clone()).await.expect(422);
        assert!(answer.json()["errors"][field].is_array(), "{body}\n{answer}");
    }
    for (query, field) in [
        ("?feature=blogs", "feature"),
        ("?sort=quantity", "sort"),
        ("?fields=price", "fields"),
        ("?created_after=yesterday", "created_after"),
        ("?search=x", "search"),
        ("?per_page=101", "per_page"),
    ] {
        let answer = api.get(&format!("{USAGE}{query}")).await.expect(422);
        assert!(answer.json()["errors"][field].is_array(), "{query}\n{answer}");
    }
    for (query, field) in [
        ("?from=2026-02-30", "from"),
        ("?from=2026-02-02&to=2026-02-01", "from"),
        ("?from=2024-01-01&to=2026-02-01", "from"),
        ("?to=tomorrow", "to"),
        ("?day=1", "day"),
    ] {
        let answer = api.get(&format!("/api/v1/entitlements/history{query}")).await.expect(422);
        assert!(answer.json()["errors"][field].is_array(), "{query}\n{answer}");
    }
    assert_eq!(
        api.get(USAGE).await.expect(200).json()["meta"]["total"],
        1,
        "the key of this test, and nothing refused"
    );
}

async fn other_workspaces_and_environments_are_apart(backend: Backend) {
    let stage = Stage::set(backend).await;
    let stranger = stage.tenant("eve@example.com");
    let live = on_tier(&stage, "free").await;
    let home = live.get("/api/v1/me").await.data(200)["workspace_id"].as_i64().unwrap();
    let test = stage.key_in(home, json!({ "environment": "test" })).await.api;
    used(&live, "posts", 100).await;
    used(&test, "posts", 7).await;
    let of =
        async |api: &Api| api.get(&format!("{CHECK}?feature=posts")).await.expect(200).json()["current_usage"].clone();
    assert_eq!([of(&live).await, of(&test).await, of(&stranger.api).await], [100, 7, 0]);
    assert_eq!(test.get(&format!("{USAGE}?feature=posts")).await.expect(200).json()["meta"]["total"], 1);
    for path in [CHECK.to_owned() + "?feature=posts", SUMMARY.to_owned(), USAGE.to_owned()] {
        stranger.api.in_workspace(home).get(&path).await.is_not_found();
    }
    let body = json!({ "feature": "posts" });
    stranger.api.in_workspace(home).post(USAGE, body.clone()).await.is_not_found();
    live.in_workspace(stranger.workspace_id).post(USAGE, body).await.is_not_found();
}

async fn records_are_listed(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = on_tier(&stage, "pro").await;
    for number in 1..=30 {
        let body = json!({ "feature": "posts", "quantity": number, "metadata": { "number": number } });
        api.post(USAGE, body).await.expect(200);
    }
    used(&api, "storage", 5).await;
    let page = api.get(&format!("{USAGE}?feature=posts&per_page=10&page=2&sort=created_at")).await.expect(200).json();
    assert_eq!(page["meta"]["total"], 30);
    let first = &page["data"][0];
    assert_eq!((&first["quantity"], &first["current_usage"]), (&json!(11), &json!(66)));
    assert_eq!((&first["feature"], &first["metadata"]), (&json!("posts"), &json!({ "number": 11 })));
    assert_eq!(first["reservation_id"], Value::Null);
    let newest = api.get(&format!("{USAGE}?per_page=1&fields=feature")).await.expect(200).json();
    assert_eq!((&newest["meta"]["total"], &newest["data"][0]["feature"]), (&json!(32), &json!("storage")));
    assert_eq!(newest["data"][0].as_object().unwrap().len(), 2, "id and feature");
    let past = api.get(&format!("{USAGE}?created_before=2020-01-01")).await.expect(200).json();
    assert_eq!(past["meta"]["total"], 0);
}

async fn days_add_up(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = on_tier(&stage, "pro").await;
    for quantity in [10, 20, -5] {
        used(&api, "posts", quantity).await;
    }
    used(&api, "api_calls", 3).await;
    let days = api.get("/api/v1/entitlements/history").await.data(200);
    let of = |feature: &str| {
        let found: Vec<_> = days.as_array().unwrap().iter().filter(|day| day["feature"] == feature).collect();
        let sum = |field: &str| found.iter().map(|day| day[field].as_i64().unwrap()).sum::<i64>();
        (sum("used"), sum("freed"), sum("records"), found.last().unwrap()["current_usage"].clone())
    };
    assert_eq!(of("posts"), (30, 5, 3, json!(25)));
    assert_eq!(of("api_calls"), (3, 0, 1, json!(3)));
    let narrowed = api.get("/api/v1/entitlements/history?feature=api_calls").await.data(200);
    assert!(narrowed.as_array().unwrap().iter().all(|day| day["feature"] == "api_calls"));
    let past = api.get("/api/v1/entitlements/history?from=2020-01-01&to=2020-12-31").await.data(200);
    assert_eq!(past, json!([]));
}

async fn a_repeated_request_counts_once(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = on_tier(&stage, "free").await;
    let post = async |key: &str, quantity: i64| {
        let body = json!({ "feature": "posts", "quantity": quantity });
        api.request("POST", USAGE).header("Idempotency-Key", key).json(&body).send().await
    };
    let first = post("one", 60).await.expect(200);
    let again = post("one", 60).await.expect(200);
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &first.body));
    let refused = post("two", 60).await.expect(403);
    used(&api, "posts", -60).await;
    let again = post("two", 60).await;
    assert_eq!((again.status, &again.body), (403, &refused.body), "a refusal is an answer too");
    assert_eq!(post("one", 61).await.expect(422).json()["error"], "idempotency_key_reused");
    let unknown = api.request("POST", USAGE).header("Idempotency-Key", "three").json(&json!({ "feature": "blogs" }));
    unknown.send().await.expect(422);
    let unknown = api.request("POST", USAGE).header("Idempotency-Key", "three").json(&json!({ "feature": "blogs" }));
    assert_eq!(unknown.send().await.expect(422).header("idempotency-replayed"), Some("true"));
    let bad = api.request("POST", USAGE).header("Idempotency-Key", "ä").json(&json!({ "feature": "posts" }));
    bad.send().await.expect(400);
    assert_eq!(api.get(&format!("{CHECK}?feature=posts")).await.json()["current_usage"], 0);
}

async fn a_changed_tier_acts_at_once(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = on_tier(&stage, "free").await;
    let home = api.get("/api/v1/me").await.data(200)["workspace_id"].clone();
    let path = format!("{CHECK}?feature=posts");
    used(&api, "posts", 100).await;
    assert_eq!(api.get(&path).await.json()["allowed"], false);
    stage.owner.patch(&format!("/api/v1/workspaces/{home}"), json!({ "tier": "pro" })).await.expect(200);
    assert_eq!(api.get(&path).await.json()["limit"], 1_000);
    used(&api, "posts", 900).await;
    stage.owner.patch(&format!("/api/v1/workspaces/{home}"), json!({ "tier": "free" })).await.expect(200);
    api.get(&path).await.is(
        200,
        json!({
            "allowed": false,
            "feature": "posts",
            "reason": "LIMIT_EXCEEDED",
            "message": "Post limit exceeded. Used: 1000, Limit: 100",
            "current_usage": 1_000,
            "limit": 100,
            "available": 0,
        }),
    );
    assert_eq!(api.get(SUMMARY).await.data(200)["entitlements"]["posts"]["percentage"], 1_000);
    api.post(USAGE, json!({ "feature": "posts" })).await.expect(403);
}

async fn events_tell_of_the_thresholds_once(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = on_tier(&stage, "free").await;
    let told = || {
        let events = stage.database.query("SELECT type FROM events WHERE type LIKE 'entitlement.%' ORDER BY seq");
        events.iter().map(|kind| kind.trim_start_matches("entitlement.").to_owned()).collect::<Vec<_>>()
    };
    used(&api, "api_calls", 799).await;
    assert!(told().is_empty());
    used(&api, "api_calls", 1).await;
    assert_eq!(told(), ["limit_warning"]);
    used(&api, "api_calls", 199).await;
    assert_eq!(told(), ["limit_warning"]);
    api.post(USAGE, json!({ "feature": "api_calls", "quantity": 2 })).await.expect(403);
    used(&api, "api_calls", 1).await;
    assert_eq!(told(), ["limit_warning", "limit_reached"]);
    let data = stage.database.query("SELECT data FROM events WHERE type = 'entitlement.limit_reached'");
    let data: Value = serde_json::from_str(&data[0]).unwrap();
    assert_eq!((&data["feature"], &data["used"], &data["limit"]), (&json!("api_calls"), &json!(1_000), &json!(1_000)));
    used(&api, "posts", 100).await;
    used(&api, "posts", -10).await;
    used(&api, "posts", 10).await;
    assert_eq!(told()[2..], ["limit_warning", "limit_reached"]);
}
