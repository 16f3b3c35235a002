use acceptance::{
    Api, Backend, NewKey, PATIENCE, Stage, eventually, moment, on_both_stores, seconds_from_now, validation,
};
use futures_util::future::join_all;
use serde_json::{Value, json};

on_both_stores!(
    a_rotated_key_has_a_successor_like_it,
    both_secrets_work_in_the_grace_period,
    the_grace_period_is_a_day_unless_said_otherwise,
    no_grace_period_ends_the_old_secret_at_once,
    the_grace_period_has_bounds,
    the_grace_period_never_passes_the_key_s_own_expiry,
    a_rotating_key_can_not_be_rotated,
    revoked_and_expired_keys_can_not_be_rotated,
    of_rotations_at_once_one_wins,
    a_rotating_key_may_be_revoked,
    a_key_may_rotate_itself,
);

fn conflict() -> Value {
    json!({ "error": "conflict", "message": "A key that is rotating, revoked or expired can't be rotated." })
}

fn rotate_path(id: i64) -> String {
    format!("/api/v1/api-keys/{id}/rotate")
}

async fn shown(stage: &Stage, id: i64) -> Value {
    stage.owner.get(&format!("/api/v1/api-keys/{id}")).await.data(200)
}

async fn rotated(api: &Api, id: i64, hours: i64) -> NewKey {
    let made = api.post(&rotate_path(id), json!({ "grace_period_hours": hours })).await.data(200);
    let secret = made["key"].as_str().unwrap().to_owned();
    NewKey { id: made["id"].as_i64().unwrap(), api: api.with_key(&secret), secret }
}

async fn a_rotated_key_has_a_successor_like_it(backend: Backend) {
    let stage = Stage::set(backend).await;
    let fields = json!({
        "name": "Mobile App Key",
        "scopes": ["posts:read", "users:read"],
        "rate_limit_tier": "pro",
        "expires_at": "2097-01-01T00:00:00Z",
        "environment": "test",
        "allowed_ips": ["127.0.0.0/8"],
        "mcp_servers": ["filesystem"],
    });
    let old = stage.key(fields.clone()).await;
    let answer = stage.owner.post(&rotate_path(old.id), json!({ "grace_period_hours": 24 })).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let mut answer = answer.json();
    assert_eq!(answer["message"].take(), "API key rotated successfully.");
    let new = answer["data"].take();
    assert_ne!(new["id"], old.id);
    for (field, value) in fields.as_object().unwrap() {
        assert_eq!(&new[field], value, "{field}");
    }
    assert_eq!(new["rotated_from_id"], old.id);
    let secret = new["key"].as_str().unwrap();
    assert!(secret.starts_with("sk_test_") && secret != old.secret);
    assert_eq!(new["prefix"], secret[..11]);

    let before = shown(&stage, old.id).await;
    assert_eq!(before["status"], "rotating");
    assert_eq!(before["grace_period_ends_at"], new["grace_period_ends_at"]);
    let after = shown(&stage, new["id"].as_i64().unwrap()).await;
    assert_eq!(after["status"], "active");
    assert!(after["grace_period_ends_at"].is_null());
}

async fn both_secrets_work_in_the_grace_period(backend: Backend) {
    let stage = Stage::set(backend).await;
    let old = stage.key(json!({})).await;
    let new = rotated(&stage.owner, old.id, 168).await;
    for key in [&old, &new] {
        assert_eq!(key.api.get("/api/v1/me").await.data(200)["key"]["id"], key.id);
    }
}

async fn the_grace_period_is_a_day_unless_said_otherwise(backend: Backend) {
    let stage = Stage::set(backend).await;
    for body in [None, Some(json!({})), Some(json!({ "grace_period_hours": null }))] {
        let key = stage.key(json!({})).await;
        let (path, earliest) = (rotate_path(key.id), seconds_from_now(24 * 3_600 - 1));
        let request = stage.owner.request("POST", &path);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        let made = request.send().await.data(200);
        let (end, latest) = (made["grace_period_ends_at"].as_str().unwrap(), seconds_from_now(24 * 3_600 + 1));
        assert!(moment(&earliest) <= moment(end) && moment(end) <= moment(&latest), "{end}");
    }
}

async fn no_grace_period_ends_the_old_secret_at_once(backend: Backend) {
    let stage = Stage::set(backend).await;
    let old = stage.key(json!({})).await;
    old.api.get("/api/v1/me").await.expect(200);
    let new = rotated(&stage.owner, old.id, 0).await;
    old.api.get("/api/v1/me").await.is_unauthorized();
    new.api.get("/api/v1/me").await.expect(200);
    assert_eq!(shown(&stage, old.id).await["status"], "expired");
}

async fn the_grace_period_has_bounds(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({})).await;
    let path = rotate_path(key.id);
    let bounds = validation(json!({ "grace_period_hours": ["The grace_period_hours must be between 0 and 168."] }));
    for hours in [-1, 169, i64::MIN, i64::MAX] {
        stage.owner.post(&path, json!({ "grace_period_hours": hours })).await.is(422, bounds.clone());
    }
    for hours in [json!(1.5), json!("24"), json!([]), json!(1e30)] {
        let answer = stage.owner.post(&path, json!({ "grace_period_hours": hours })).await.expect(422).json();
        assert!(answer["errors"]["grace_period_hours"].is_array(), "{answer}");
    }
    assert_eq!(shown(&stage, key.id).await["status"], "active");
}

async fn the_grace_period_never_passes_the_key_s_own_expiry(backend: Backend) {
    let stage = Stage::set(backend).await;
    let end = seconds_from_now(3_600);
    let key = stage.key(json!({ "expires_at": end })).await;
    let made = stage.owner.post(&rotate_path(key.id), json!({ "grace_period_hours": 24 })).await.data(200);
    assert_eq!((&made["grace_period_ends_at"], &made["expires_at"]), (&json!(end), &json!(end)));
}

async fn a_rotating_key_can_not_be_rotated(backend: Backend) {
    let stage = Stage::set(backend).await;
    let first = stage.key(json!({})).await;
    let second = rotated(&stage.owner, first.id, 24).await;
    stage.owner.post(&rotate_path(first.id), json!({})).await.is(409, conflict());
    let third = rotated(&stage.owner, second.id, 24).await;
    third.api.get("/api/v1/me").await.expect(200);
}

async fn revoked_and_expired_keys_can_not_be_rotated(backend: Backend) {
    let stage = Stage::set(backend).await;
    let revoked = stage.key(json!({})).await;
    stage.owner.delete(&format!("/api/v1/api-keys/{}", revoked.id)).await.expect(204);
    let ended = stage.key(json!({})).await;
    rotated(&stage.owner, ended.id, 0).await;
    let expired = stage.key(json!({ "expires_at": seconds_from_now(2) })).await;
    let is_over = eventually(PATIENCE, async || shown(&stage, expired.id).await["status"] == "expired").await;
    assert!(is_over);
    for key in [revoked, ended, expired] {
        stage.owner.post(&rotate_path(key.id), json!({})).await.is(409, conflict());
    }
}

async fn of_rotations_at_once_one_wins(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({})).await;
    let path = rotate_path(key.id);
    let answers = join_all((0..8).map(|_| stage.owner.post(&path, json!({})))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1);
    for answer in lost {
        answer.is(409, conflict());
    }
    let listed = stage.owner.get("/api/v1/api-keys").await.expect(200).json();
    assert_eq!(listed["meta"]["total"], 2);
}

async fn a_rotating_key_may_be_revoked(backend: Backend) {
    let stage = Stage::set(backend).await;
    let old = stage.key(json!({})).await;
    let new = rotated(&stage.owner, old.id, 24).await;
    stage.owner.delete(&format!("/api/v1/api-keys/{}", old.id)).await.expect(204);
    old.api.get("/api/v1/me").await.is_unauthorized();
    new.api.get("/api/v1/me").await.expect(200);
}

async fn a_key_may_rotate_itself(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "scopes": ["api-keys:write", "posts:read"] })).await;
    let new = rotated(&key.api, key.id, 0).await;
    key.api.get("/api/v1/me").await.is_unauthorized();
    assert_eq!(new.api.get("/api/v1/me").await.data(200)["scopes"], json!(["api-keys:write", "posts:read"]));
}
