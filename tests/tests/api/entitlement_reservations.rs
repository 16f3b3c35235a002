//! Quantities that are held.

use std::time::Duration;

use acceptance::{Api, Backend, Stage, eventually, moment, on_both_stores, validation};
use serde_json::{Value, json};

on_both_stores!(
    what_is_held_is_not_available,
    a_confirmation_counts_what_was_used,
    a_released_quantity_is_free_again,
    a_hold_ends_by_itself,
    a_settled_reservation_stays_as_it_is,
    bad_reservations_are_named,
    another_s_reservation_is_not_found,
);

const PATH: &str = "/api/v1/entitlements/reservations";

/// The owner's key in a free workspace: a key of its own would have a small rate limit.
async fn free(stage: &Stage) -> Api {
    let made = stage.workspace(json!({ "name": "Free", "tier": "free" })).await;
    stage.owner.in_workspace(made["id"].as_i64().unwrap())
}

async fn reserve(api: &Api, quantity: i64) -> Value {
    let body = json!({ "feature": "posts", "quantity": quantity, "metadata": { "job": 7 } });
    api.post(PATH, body).await.data(201)
}

async fn check(api: &Api) -> Value {
    api.get("/api/v1/entitlements/check?feature=posts").await.expect(200).json()
}

async fn what_is_held_is_not_available(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = free(&stage).await;
    let answer = api.post(PATH, json!({ "feature": "posts", "quantity": 60, "expires_in": 3_600 })).await.expect(201);
    let made = answer.json()["data"].take();
    assert_eq!(answer.header("location"), Some(format!("{PATH}/{}", made["id"]).as_str()));
    assert_eq!((&made["status"], &made["quantity"], &made["feature"]), (&json!("held"), &json!(60), &json!("posts")));
    let (from, to) = (made["created_at"].as_str().unwrap(), made["expires_at"].as_str().unwrap());
    assert_eq!(moment(to).since(moment(from)).as_secs(), 3_600);
    assert_eq!(
        check(&api).await,
        json!({ "allowed": true, "feature": "posts", "current_usage": 0, "limit": 100, "available": 40, "reserved": 60 })
    );
    let refused = api.post(PATH, json!({ "feature": "posts", "quantity": 41 })).await.expect(403);
    assert_eq!(refused.json()["error"], "feature_limit_reached");
    api.post("/api/v1/entitlements/usage", json!({ "feature": "posts", "quantity": 41 })).await.expect(403);
    api.post("/api/v1/entitlements/usage", json!({ "feature": "posts", "quantity": 40 })).await.expect(200);
    let line = api.get("/api/v1/entitlements/summary").await.data(200)["entitlements"]["posts"].take();
    assert_eq!(line, json!({ "used": 40, "limit": 100, "available": 0, "percentage": 40, "reserved": 60 }));
    assert_eq!(api.get(&format!("{PATH}/{}", made["id"])).await.data(200), made);
}

async fn a_confirmation_counts_what_was_used(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = free(&stage).await;
    let [less, all, more, beyond, nothing] = [
        reserve(&api, 20).await,
        reserve(&api, 20).await,
        reserve(&api, 20).await,
        reserve(&api, 5).await,
        reserve(&api, 5).await,
    ];
    let confirm = async |made: &Value, body: Value| api.post(&format!("{PATH}/{}/confirm", made["id"]), body).await;
    let answer = confirm(&less, json!({ "quantity": 12 })).await.data(200);
    assert_eq!(
        [&answer["status"], &answer["confirmed_quantity"], &answer["current_usage"], &answer["limit"]],
        [&json!("confirmed"), &json!(12), &json!(12), &json!(100)]
    );
    assert_eq!(confirm(&all, json!({})).await.data(200)["current_usage"], 32);
    assert_eq!(confirm(&more, json!({ "quantity": 25 })).await.data(200)["current_usage"], 57);
    confirm(&beyond, json!({ "quantity": 44 })).await.expect(403);
    assert_eq!(confirm(&nothing, json!({ "quantity": 0 })).await.data(200)["current_usage"], 57);
    assert_eq!(confirm(&beyond, json!({ "quantity": 43 })).await.data(200)["current_usage"], 100);
    let rows = api.get("/api/v1/entitlements/usage?feature=posts&sort=created_at").await.data(200);
    assert_eq!((&rows[0]["reservation_id"], &rows[0]["metadata"]), (&less["id"], &json!({ "job": 7 })));
    assert_eq!(rows.as_array().unwrap().len(), 4);
}

async fn a_released_quantity_is_free_again(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = free(&stage).await;
    let made = reserve(&api, 100).await;
    assert_eq!(check(&api).await["allowed"], false);
    let settled = api.request("POST", &format!("{PATH}/{}/release", made["id"])).send().await.data(200);
    assert_eq!((&settled["status"], &settled["confirmed_quantity"]), (&json!("released"), &Value::Null));
    assert_eq!(check(&api).await["available"], 100);
}

async fn a_hold_ends_by_itself(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = free(&stage).await;
    let made = api.post(PATH, json!({ "feature": "posts", "quantity": 100, "expires_in": 1 })).await.data(201);
    let ended = eventually(Duration::from_secs(10), async || check(&api).await["available"] == 100).await;
    assert!(ended);
    let answer = api.post(&format!("{PATH}/{}/confirm", made["id"]), json!({})).await;
    answer.is(409, json!({ "error": "conflict", "message": "The reservation is expired." }));
    assert_eq!(api.get(&format!("{PATH}/{}", made["id"])).await.data(200)["status"], "expired");
}

async fn a_settled_reservation_stays_as_it_is(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = free(&stage).await;
    let (used, freed) = (reserve(&api, 1).await, reserve(&api, 1).await);
    api.post(&format!("{PATH}/{}/confirm", used["id"]), json!({})).await.expect(200);
    api.post(&format!("{PATH}/{}/release", freed["id"]), json!({})).await.expect(200);
    for (made, word) in [(used, "confirmed"), (freed, "released")] {
        for action in ["confirm", "release"] {
            let answer = api.request("POST", &format!("{PATH}/{}/{action}", made["id"])).send().await;
            answer.is(409, json!({ "error": "conflict", "message": format!("The reservation is {word}.") }));
        }
    }
    assert_eq!(check(&api).await["current_usage"], 1);
}

async fn bad_reservations_are_named(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = free(&stage).await;
    for (body, field) in [
        (json!({}), "feature"),
        (json!({ "feature": "blogs" }), "feature"),
        (json!({ "feature": "api_keys" }), "feature"),
        (json!({ "feature": "custom_domain" }), "feature"),
        (json!({ "feature": "posts", "quantity": 0 }), "quantity"),
        (json!({ "feature": "posts", "quantity": -1 }), "quantity"),
        (json!({ "feature": "posts", "expires_in": 0 }), "expires_in"),
        (json!({ "feature": "posts", "expires_in": 86_401 }), "expires_in"),
        (json!({ "feature": "posts", "metadata": "x" }), "metadata"),
        (json!({ "feature": "posts", "until": 1 }), "until"),
    ] {
        let answer = api.post(PATH, body.clone()).await.expect(422);
        assert!(answer.json()["errors"][field].is_array(), "{body}\n{answer}");
    }
    let made = reserve(&api, 1).await;
    let answer = api.post(&format!("{PATH}/{}/confirm", made["id"]), json!({ "quantity": -1 })).await;
    let message = "The quantity must be between 0 and 9007199254740991.";
    answer.is(422, validation(json!({ "quantity": [message] })));
}

async fn another_s_reservation_is_not_found(backend: Backend) {
    let stage = Stage::set(backend).await;
    let stranger = stage.tenant("eve@example.com");
    let api = free(&stage).await;
    let made = reserve(&api, 1).await;
    for id in [made["id"].to_string(), "999999".to_owned(), "x".to_owned()] {
        stranger.api.get(&format!("{PATH}/{id}")).await.is_not_found();
        stranger.api.post(&format!("{PATH}/{id}/confirm"), json!({})).await.is_not_found();
        stranger.api.post(&format!("{PATH}/{id}/release"), json!({})).await.is_not_found();
    }
    let home = api.get("/api/v1/me").await.data(200)["workspace_id"].as_i64().unwrap();
    let test = stage.key_in(home, json!({ "environment": "test" })).await.api;
    test.get(&format!("{PATH}/{}", made["id"])).await.is_not_found();
}
