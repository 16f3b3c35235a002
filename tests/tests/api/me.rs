use acceptance::{Backend, Stage, on_both_stores, seconds_from_now};
use serde_json::json;

on_both_stores!(an_account_level_key_is_shown, a_bound_key_is_shown, a_key_of_a_smaller_tier_has_its_rate_limit);

async fn an_account_level_key_is_shown(backend: Backend) {
    let stage = Stage::set(backend).await;
    let mut shown = stage.owner.get("/api/v1/me").await.data(200);
    let key = shown["key"].take();
    assert!(
        key["id"].is_i64() && key["name"] == "First key" && key["prefix"].as_str().unwrap().starts_with("sk_live_")
    );
    assert_eq!(
        shown,
        json!({
            "kind": "api_key",
            "key": null,
            "account_id": stage.account_id,
            "workspace_id": null,
            "scopes": ["*"],
            "environment": "live",
            "tier": "enterprise",
            "rate_limit": { "requests_per_minute": 100_000, "burst_percent": 100 },
            "expires_at": null,
        })
    );
    let named = stage.owner.in_workspace(stage.workspace_id).get("/api/v1/me").await.data(200);
    assert_eq!(named["workspace_id"], stage.workspace_id);
}

async fn a_bound_key_is_shown(backend: Backend) {
    let stage = Stage::set(backend).await;
    let end = seconds_from_now(3_600);
    let fields = json!({ "name": "A", "scopes": [], "environment": "test", "expires_at": end });
    let key = stage.key(fields).await;
    assert_eq!(
        key.api.get("/api/v1/me").await.data(200),
        json!({
            "kind": "api_key",
            "key": { "id": key.id, "name": "A", "prefix": &key.secret[..11] },
            "account_id": stage.account_id,
            "workspace_id": stage.workspace_id,
            "scopes": [],
            "environment": "test",
            "tier": "enterprise",
            "rate_limit": { "requests_per_minute": 100_000, "burst_percent": 100 },
            "expires_at": end,
        })
    );
}

async fn a_key_of_a_smaller_tier_has_its_rate_limit(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (tier, limit, burst) in [
        ("free", 60, 0),
        ("starter", 1_000, 20),
        ("pro", 5_000, 30),
        ("business", 10_000, 40),
        ("agency", 20_000, 50),
        ("enterprise", 100_000, 100),
    ] {
        let key = stage.key(json!({ "rate_limit_tier": tier })).await;
        let shown = key.api.get("/api/v1/me").await.data(200);
        assert_eq!(shown["tier"], tier);
        assert_eq!(shown["rate_limit"], json!({ "requests_per_minute": limit, "burst_percent": burst }));
    }
}
