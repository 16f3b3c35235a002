use acceptance::{Backend, PATIENCE, Stage, eventually, made_up_key, moment, on_both_stores, seconds_from_now};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

on_both_stores!(
    whatever_opens_nothing_is_answered_alike,
    expired_and_revoked_keys_are_answered_like_unknown_ones,
    a_key_ends_at_its_expiry,
    two_credentials_are_refused,
    the_scheme_is_read_in_any_case,
    a_key_is_taken_as_a_basic_user_name,
    a_key_in_the_query_opens_nothing,
    a_key_works_from_allowed_addresses_alone,
    a_forwarded_address_is_believed_from_a_trusted_proxy_alone,
);

async fn whatever_opens_nothing_is_answered_alike(backend: Backend) {
    let stage = Stage::set(backend).await;
    let nobody = stage.anonymous();
    nobody.get("/api/v1/me").await.is_unauthorized();
    let unknown = made_up_key("0123456789ABCDEFGHIJabcdefghij");
    let mistyped = format!("{}0", &unknown[..unknown.len() - 1]);
    assert_ne!(mistyped, unknown);
    let short = &unknown[..unknown.len() - 1];
    let none = made_up_key(&"0".repeat(30)).replace("live", "prod");
    for authorization in [
        format!("Bearer {unknown}"),
        format!("Bearer {mistyped}"),
        format!("Bearer {short}"),
        format!("Bearer {none}"),
        format!("Bearer {unknown} {unknown}"),
        format!("Token {unknown}"),
        unknown.clone(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer null".to_owned(),
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.".to_owned(),
        "Basic".to_owned(),
        "Basic !!!".to_owned(),
        format!("Basic {}", BASE64_STANDARD.encode(&unknown)),
        format!("Basic {}", BASE64_STANDARD.encode(format!("{unknown}:"))),
        "Digest username=\"a\"".to_owned(),
        String::new(),
    ] {
        let api = nobody.authorized(&authorization);
        api.get("/api/v1/me").await.is_unauthorized();
        api.delete("/api/v1/workspaces/1").await.is_unauthorized();
    }
}

async fn expired_and_revoked_keys_are_answered_like_unknown_ones(backend: Backend) {
    let stage = Stage::set(backend).await;
    let revoked = stage.key(json!({})).await;
    stage.owner.delete(&format!("/api/v1/api-keys/{}", revoked.id)).await.expect(204);
    revoked.api.get("/api/v1/me").await.is_unauthorized();
    let expired = stage.key(json!({ "expires_at": seconds_from_now(2) })).await;
    let is_over = eventually(PATIENCE, async || expired.api.get("/api/v1/me").await.status == 401).await;
    assert!(is_over);
    expired.api.get("/api/v1/me").await.is_unauthorized();
}

async fn a_key_ends_at_its_expiry(backend: Backend) {
    let stage = Stage::set(backend).await;
    let end = seconds_from_now(3);
    let key = stage.key(json!({ "expires_at": end })).await;
    key.api.get("/api/v1/me").await.expect(200);
    let is_over = eventually(PATIENCE, async || {
        let before = moment(&seconds_from_now(0));
        let answer = key.api.get("/api/v1/me").await;
        let after = moment(&seconds_from_now(0));
        assert!(answer.status != 200 || before < moment(&end), "it worked after its end");
        assert!(answer.status != 401 || after >= moment(&end), "it ended too early");
        answer.status == 401
    });
    assert!(is_over.await);
}

async fn two_credentials_are_refused(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "scopes": ["*"] })).await;
    let bearer = format!("Bearer {}", key.secret);
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{}:", key.secret)));
    for (first, second) in [(&bearer, &bearer), (&bearer, &basic), (&basic, &bearer)] {
        let nobody = stage.anonymous();
        let request = nobody.request("GET", "/api/v1/me");
        request.header("Authorization", first).header("Authorization", second).send().await.is_unauthorized();
    }
    stage.anonymous().authorized(&format!("{bearer}, {bearer}")).get("/api/v1/me").await.is_unauthorized();
}

async fn the_scheme_is_read_in_any_case(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({})).await;
    for scheme in ["bearer", "BEARER", "Bearer"] {
        let api = stage.anonymous().authorized(&format!("{scheme} {}", key.secret));
        assert_eq!(api.get("/api/v1/me").await.data(200)["key"]["id"], key.id);
    }
}

async fn a_key_is_taken_as_a_basic_user_name(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({})).await;
    for pair in [format!("{}:", key.secret), format!("{}:pass:word", key.secret)] {
        let api = stage.anonymous().authorized(&format!("Basic {}", BASE64_STANDARD.encode(pair)));
        assert_eq!(api.get("/api/v1/me").await.data(200)["key"]["id"], key.id);
    }
}

async fn a_key_in_the_query_opens_nothing(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "scopes": ["*"] })).await;
    for name in ["api_key", "key", "access_token", "token"] {
        let path = format!("/api/v1/workspaces?{name}={}", key.secret);
        stage.anonymous().get(&path).await.is_unauthorized();
    }
}

fn refused_address() -> Value {
    json!({ "error": "access_denied", "message": "This API key is not allowed from your address." })
}

async fn a_key_works_from_allowed_addresses_alone(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (allowed, works) in [
        (json!(["127.0.0.1"]), true),
        (json!(["203.0.113.7", "127.0.0.0/8"]), true),
        (json!(["::ffff:127.0.0.1"]), true),
        (json!(["203.0.113.0/24"]), false),
        (json!(["::1", "2001:db8::/32"]), false),
    ] {
        let key = stage.key(json!({ "allowed_ips": allowed })).await;
        let answer = key.api.get("/api/v1/me").await;
        if works {
            answer.expect(200);
        } else {
            answer.is(403, refused_address());
            let spoofed = key.api.request("GET", "/api/v1/me");
            let spoofed = spoofed.header("X-Forwarded-For", "203.0.113.7").header("Forwarded", "for=203.0.113.7");
            spoofed.send().await.is(403, refused_address());
        }
    }
}

async fn a_forwarded_address_is_believed_from_a_trusted_proxy_alone(backend: Backend) {
    let stage = Stage::with(backend, &[("CORE_API_TRUSTED_PROXIES", "127.0.0.1")]).await;
    let key = stage.key(json!({ "allowed_ips": ["203.0.113.0/24", "2001:db8::/32"] })).await;
    for (name, value, works) in [
        ("X-Forwarded-For", "203.0.113.9", true),
        ("X-Forwarded-For", "198.51.100.1, 203.0.113.9", true),
        ("X-Forwarded-For", "2001:db8::7", true),
        ("Forwarded", "for=203.0.113.9;proto=https", true),
        ("Forwarded", "for=\"[2001:db8::7]:4711\"", true),
        // The nearest address that nobody untrusted could have written is the last one.
        ("X-Forwarded-For", "203.0.113.9, 198.51.100.1", false),
        ("X-Forwarded-For", "203.0.113.9, nonsense", false),
        ("X-Forwarded-For", "198.51.100.1", false),
        ("X-Real-IP", "203.0.113.9", false),
    ] {
        let answer = key.api.request("GET", "/api/v1/me").header(name, value).send().await;
        if works {
            answer.expect(200);
        } else {
            answer.is(403, refused_address());
        }
    }
    key.api.get("/api/v1/me").await.is(403, refused_address());
}
