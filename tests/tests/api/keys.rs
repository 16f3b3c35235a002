use acceptance::{Backend, Stage, is_moment, on_both_stores, seconds_from_now, validation};
use serde_json::json;

on_both_stores!(
    a_created_key_is_read_back_without_its_secret,
    the_smallest_creation_takes_defaults,
    times_in_any_offset_are_shown_in_utc,
    a_revoked_key_stops_at_once_and_is_kept,
    a_key_may_revoke_itself,
    a_rate_limit_tier_above_the_workspace_is_refused,
    the_rate_limit_tier_follows_the_workspace_down,
    fields_break_rules_by_name,
    the_caller_s_own_account_level_key_is_reached_but_not_listed,
);

async fn a_created_key_is_read_back_without_its_secret(backend: Backend) {
    let stage = Stage::set(backend).await;
    let body = json!({
        "name": "Mobile App Key",
        "scopes": ["posts:read", "users:read"],
        "rate_limit_tier": "pro",
        "expires_at": "2097-01-01T00:00:00Z",
        "environment": "test",
        "allowed_ips": ["127.0.0.1", "192.0.2.7/24", "2001:db8::/32"],
        "mcp_servers": ["filesystem"],
    });
    let answer = stage.owner.post("/api/v1/api-keys", body).await.expect(201);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let mut created = answer.json();
    let secret = created["data"]["key"].take();
    let secret = secret.as_str().unwrap();
    assert!(secret.starts_with("sk_test_") && secret.len() == 44, "{secret}");
    let (id, at) = (created["data"]["id"].clone(), created["data"]["created_at"].clone());
    assert!(is_moment(at.as_str().unwrap()));
    let mut data = json!({
        "id": id,
        "name": "Mobile App Key",
        "prefix": &secret[..11],
        "scopes": ["posts:read", "users:read"],
        "rate_limit_tier": "pro",
        "status": "active",
        "environment": "test",
        "workspace_id": stage.workspace_id,
        "allowed_ips": ["127.0.0.1", "192.0.2.0/24", "2001:db8::/32"],
        "mcp_servers": ["filesystem"],
        "last_used_at": null,
        "expires_at": "2097-01-01T00:00:00Z",
        "grace_period_ends_at": null,
        "revoked_at": null,
        "rotated_from_id": null,
        "created_at": at,
        "key": null,
    });
    assert_eq!(created, json!({ "message": "API key created successfully.", "data": data }));
    let path = format!("/api/v1/api-keys/{id}");
    assert_eq!(answer.header("location"), Some(path.as_str()));

    data.as_object_mut().unwrap().remove("key");
    stage.owner.get(&path).await.is(200, json!({ "data": data }));
    let listed = stage.owner.get("/api/v1/api-keys").await.expect(200).json();
    assert_eq!(listed["data"], json!([data]));
    assert!(!listed.to_string().contains(secret));
    stage.owner.with_key(secret).get("/api/v1/me").await.expect(200);
}

async fn the_smallest_creation_takes_defaults(backend: Backend) {
    let stage = Stage::set(backend).await;
    let made = stage.owner.post("/api/v1/api-keys", json!({ "name": "Small" })).await.data(201);
    assert_eq!(made["scopes"], json!(["read", "write"]));
    assert_eq!(made["rate_limit_tier"], "enterprise");
    assert_eq!(made["environment"], "live");
    assert!(made["key"].as_str().unwrap().starts_with("sk_live_"));
    for field in ["expires_at", "allowed_ips", "mcp_servers", "last_used_at", "revoked_at", "rotated_from_id"] {
        assert!(made[field].is_null(), "{field}");
    }
    let nulls = json!({
        "name": "Nulls", "scopes": null, "rate_limit_tier": null, "expires_at": null, "environment": null,
        "allowed_ips": null, "mcp_servers": null,
    });
    let made = stage.owner.post("/api/v1/api-keys", nulls).await.data(201);
    assert_eq!(made["scopes"], json!(["read", "write"]));
}

async fn times_in_any_offset_are_shown_in_utc(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (given, shown) in [
        ("2097-01-01T02:30:00+02:30", "2097-01-01T00:00:00Z"),
        ("2097-01-01", "2097-01-01T00:00:00Z"),
        ("2096-12-31T23:59:59.999999Z", "2096-12-31T23:59:59Z"),
    ] {
        let made = stage.owner.post("/api/v1/api-keys", json!({ "name": "A", "expires_at": given })).await.data(201);
        assert_eq!(made["expires_at"], shown);
    }
}

async fn a_revoked_key_stops_at_once_and_is_kept(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "scopes": ["*"] })).await;
    let path = format!("/api/v1/api-keys/{}", key.id);
    key.api.get("/api/v1/me").await.expect(200);
    assert_eq!(stage.owner.delete(&path).await.expect(204).body, b"");
    key.api.get("/api/v1/me").await.is_unauthorized();
    stage.owner.delete(&path).await.is_not_found();
    let kept = stage.owner.get(&path).await.data(200);
    assert_eq!(kept["status"], "revoked");
    assert!(is_moment(kept["revoked_at"].as_str().unwrap()));
    let listed = stage.owner.get("/api/v1/api-keys").await.expect(200).json();
    assert_eq!(listed["data"], json!([]));
    let revoked = stage.owner.get("/api/v1/api-keys?status=revoked").await.expect(200).json();
    assert_eq!(revoked["data"], json!([kept]));
}

async fn a_key_may_revoke_itself(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "scopes": ["api-keys:delete"] })).await;
    key.api.delete(&format!("/api/v1/api-keys/{}", key.id)).await.expect(204);
    key.api.get("/api/v1/me").await.is_unauthorized();
}

async fn a_rate_limit_tier_above_the_workspace_is_refused(backend: Backend) {
    let stage = Stage::set(backend).await;
    let small = stage.workspace(json!({ "name": "Small", "tier": "pro" })).await["id"].as_i64().unwrap();
    let inside = stage.owner.in_workspace(small);
    let refused =
        validation(json!({ "rate_limit_tier": ["The rate_limit_tier can't be above the workspace's tier."] }));
    for tier in ["business", "agency", "enterprise"] {
        let answer = inside.post("/api/v1/api-keys", json!({ "name": "Big", "rate_limit_tier": tier })).await;
        answer.is(422, refused.clone());
    }
    for tier in ["free", "starter", "pro"] {
        let made = inside.post("/api/v1/api-keys", json!({ "name": "Fit", "rate_limit_tier": tier })).await.data(201);
        assert_eq!(made["rate_limit_tier"], tier);
    }
}

async fn the_rate_limit_tier_follows_the_workspace_down(backend: Backend) {
    let stage = Stage::set(backend).await;
    let shrinking = stage.workspace(json!({ "name": "Shrinking", "tier": "agency" })).await["id"].as_i64().unwrap();
    let own = stage.key_in(shrinking, json!({ "rate_limit_tier": "business" })).await;
    let following = stage.key_in(shrinking, json!({})).await;
    own.api.get("/api/v1/me").await.expect(200);
    let path = format!("/api/v1/workspaces/{shrinking}");
    stage.owner.patch(&path, json!({ "tier": "starter" })).await.expect(200);
    for key in [&own, &following] {
        assert_eq!(key.api.get("/api/v1/me").await.data(200)["tier"], "starter");
    }
    stage.owner.patch(&path, json!({ "tier": "enterprise" })).await.expect(200);
    assert_eq!(own.api.get("/api/v1/me").await.data(200)["tier"], "business");
    assert_eq!(following.api.get("/api/v1/me").await.data(200)["tier"], "enterprise");
}

async fn fields_break_rules_by_name(backend: Backend) {
    let stage = Stage::set(backend).await;
    let many: Vec<String> = (0..51).map(|number| format!("posts:act-{number}")).collect();
    let far = seconds_from_now(60);
    for (fields, field) in [
        (json!({ "scopes": many }), "scopes"),
        (json!({ "scopes": "read" }), "scopes"),
        (json!({ "scopes": ["a".repeat(101)] }), "scopes"),
        (json!({ "environment": "staging" }), "environment"),
        (json!({ "allowed_ips": ["10.0.0.0/33"] }), "allowed_ips"),
        (json!({ "allowed_ips": [] }), "allowed_ips"),
        (json!({ "allowed_ips": vec!["10.0.0.1"; 101] }), "allowed_ips"),
        (json!({ "mcp_servers": ["no spaces"] }), "mcp_servers"),
        (json!({ "expires_at": "tomorrow" }), "expires_at"),
        (json!({ "expires_at": 4_000_000_000_i64 }), "expires_at"),
        (json!({ "rate_limit_tier": "gold" }), "rate_limit_tier"),
        (json!({ "colour": "red", "expires_at": far }), "colour"),
    ] {
        let mut body = fields.clone();
        body["name"] = json!("A");
        let answer = stage.owner.post("/api/v1/api-keys", body).await.expect(422).json();
        let named: Vec<_> = answer["errors"].as_object().unwrap().keys().cloned().collect();
        assert!(named.len() == 1 && named[0].starts_with(field), "{fields}: {answer}");
    }
    let fifty: Vec<_> = many[..50].to_vec();
    stage.key(json!({ "scopes": fifty })).await;
}

async fn the_caller_s_own_account_level_key_is_reached_but_not_listed(backend: Backend) {
    let stage = Stage::set(backend).await;
    let own = stage.owner.get("/api/v1/me").await.data(200)["key"]["id"].clone();
    let path = format!("/api/v1/api-keys/{own}");
    let shown = stage.owner.get(&path).await.data(200);
    assert!(shown["workspace_id"].is_null());
    assert_eq!(stage.owner.get("/api/v1/api-keys").await.expect(200).json()["data"], json!([]));
    let bound = stage.key(json!({ "scopes": ["*"] })).await;
    bound.api.get(&path).await.is_not_found();
    stage.owner.delete(&path).await.expect(204);
    stage.owner.get("/api/v1/me").await.is_unauthorized();
}
