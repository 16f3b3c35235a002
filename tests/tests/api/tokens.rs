//! Signed tokens (JWT) as credentials.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use acceptance::{Api, Backend, Settings, Stage, denied, is_moment, moment, on_both_stores, run, seconds_from_now};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::TempDir;

on_both_stores!(
    a_token_is_an_account_level_credential,
    a_token_holds_its_scopes_alone,
    a_token_names_one_of_several_workspaces,
    a_token_opens_its_own_account_s_workspaces_alone,
    tokens_that_open_nothing_are_answered_alike,
    claims_are_checked,
    a_key_set_verifies_tokens_of_its_private_keys_alone,
    tokens_of_one_account_share_one_limit,
    a_retry_with_another_token_of_the_account_gets_the_first_answer,
    without_a_secret_no_token_opens_anything,
);

const ME: &str = "/api/v1/me";
const KEYS: &str = "/api/v1/api-keys";
const WORKSPACES: &str = "/api/v1/workspaces";
const SECRET: &str = "a secret of at least thirty-two bytes";
const SETTINGS: &[(&str, &str)] = &[
    ("CORE_API_JWT_SECRET", SECRET),
    ("CORE_API_JWT_ISSUER", "https://id.example.com"),
    ("CORE_API_JWT_AUDIENCE", "core-api"),
];

fn create(settings: &Settings, arguments: &[&str]) -> Output {
    run(settings, &[&["token", "create", "--account"], arguments].concat())
}

/// A token made with these settings.
fn token(settings: &Settings, arguments: &[&str]) -> String {
    let output = create(settings, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A token of the first account with these scopes.
fn owner_token(stage: &Stage, scopes: &str) -> String {
    token(stage.server.settings(), &[Stage::OWNER, "--scopes", scopes])
}

fn with_scopes(stage: &Stage, scopes: &str) -> Api {
    stage.anonymous().with_key(&owner_token(stage, scopes))
}

async fn a_token_is_an_account_level_credential(backend: Backend) {
    let stage = Stage::with(backend, SETTINGS).await;
    let api = stage.anonymous().with_key(&token(stage.server.settings(), &[Stage::OWNER, "--seconds", "600"]));
    let mut shown = api.get(ME).await.data(200);
    let end = shown["expires_at"].take();
    let end = end.as_str().unwrap();
    assert!(is_moment(end) && end <= &*seconds_from_now(600) && end >= &*seconds_from_now(540), "{end}");
    assert_eq!(
        shown,
        json!({
            "kind": "token",
            "key": null,
            "account_id": stage.account_id,
            "workspace_id": null,
            "scopes": ["read", "write"],
            "environment": "live",
            "tier": "enterprise",
            "rate_limit": { "requests_per_minute": 100_000, "burst_percent": 100 },
            "expires_at": null,
        })
    );
    let listed = api.get(WORKSPACES).await.expect(200).json();
    assert_eq!(listed["data"][0]["id"], stage.workspace_id);
    let made = api.post(KEYS, json!({ "name": "by a token" })).await.data(201);
    assert_eq!(made["workspace_id"], stage.workspace_id);
    api.post(WORKSPACES, json!({ "name": "by a token" })).await.expect(201);
}

async fn a_token_holds_its_scopes_alone(backend: Backend) {
    let stage = Stage::with(backend, SETTINGS).await;
    let reader = with_scopes(&stage, "workspaces:read,posts:read");
    assert_eq!(reader.get(ME).await.data(200)["scopes"], json!(["workspaces:read", "posts:read"]));
    reader.get(WORKSPACES).await.expect(200);
    reader.get(KEYS).await.is(403, denied("api-keys:read"));
    reader.post(WORKSPACES, json!({ "name": "A" })).await.is(403, denied("workspaces:write"));
    let writer = with_scopes(&stage, "api-keys:write");
    writer.post(KEYS, json!({ "name": "A", "scopes": ["posts:read"] })).await.expect(403);
    writer.post(KEYS, json!({ "name": "A", "scopes": ["api-keys:write"] })).await.expect(201);
}

async fn a_token_names_one_of_several_workspaces(backend: Backend) {
    let stage = Stage::with(backend, SETTINGS).await;
    let second = stage.workspace(json!({ "name": "Second" })).await["id"].as_i64().unwrap();
    let api = with_scopes(&stage, "*");
    let refused = api.get(KEYS).await.expect(400).json();
    assert_eq!(refused["error"], "workspace_required");
    for workspace in [stage.workspace_id, second] {
        let there = api.in_workspace(workspace);
        assert_eq!(there.get(ME).await.data(200)["workspace_id"], workspace);
        assert_eq!(there.post(KEYS, json!({ "name": "A" })).await.data(201)["workspace_id"], workspace);
    }
    api.in_workspace(999_999).get(KEYS).await.is_not_found();
}

async fn a_token_opens_its_own_account_s_workspaces_alone(backend: Backend) {
    let stage = Stage::with(backend, SETTINGS).await;
    let tenant = stage.tenant("else@example.com");
    let theirs = stage.anonymous().with_key(&token(stage.server.settings(), &["else@example.com", "--scopes", "*"]));
    assert_eq!(theirs.get(ME).await.data(200)["account_id"], tenant.account_id);
    theirs.in_workspace(tenant.workspace_id).get(KEYS).await.expect(200);
    theirs.in_workspace(stage.workspace_id).get(KEYS).await.is_not_found();
    theirs.get(&format!("{WORKSPACES}/{}", stage.workspace_id)).await.is_not_found();
    with_scopes(&stage, "*").in_workspace(tenant.workspace_id).get(KEYS).await.is_not_found();
}

fn encoded(part: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).unwrap())
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

async fn tokens_that_open_nothing_are_answered_alike(backend: Backend) {
    let stage = Stage::with(backend, SETTINGS).await;
    let settings = stage.server.settings();
    let elsewhere = |name, value| token(&settings.clone().with(name, value), &[Stage::OWNER, "--scopes", "*"]);
    let good = owner_token(&stage, "*");
    stage.anonymous().with_key(&good).get(ME).await.expect(200);
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let unsigned = |algorithm: &str| encoded(&json!({ "alg": algorithm, "typ": "JWT" }));
    let mut of_another = decoded(claims);
    of_another["sub"] = json!("999999");
    let of_another = encoded(&of_another);
    for bad in [
        elsewhere("CORE_API_JWT_SECRET", "another secret of at least thirty-two bytes"),
        elsewhere("CORE_API_JWT_ISSUER", "https://id.example.org"),
        elsewhere("CORE_API_JWT_AUDIENCE", "another-api"),
        token(&settings.clone().without("CORE_API_JWT_ISSUER"), &[Stage::OWNER]),
        token(&settings.clone().without("CORE_API_JWT_AUDIENCE"), &[Stage::OWNER]),
        format!("{}.{claims}.", unsigned("none")),
        format!("{}.{claims}.{signature}", unsigned("none")),
        format!("{}.{claims}.{signature}", unsigned("None")),
        format!("{}.{claims}.{signature}", unsigned("HS384")),
        format!("{}.{claims}.{signature}", unsigned("RS256")),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{header}.{of_another}.{signature}"),
        format!("{header}.{claims}.{}", signature.chars().rev().collect::<String>()),
        format!("{good}.{signature}"),
        format!("{header}.{}.{signature}", "x".repeat(64 * 1024)),
        "..".to_owned(),
    ] {
        stage.anonymous().with_key(&bad).get(ME).await.is_unauthorized();
    }
    // More than the head of a request may hold: there may be no answer at all.
    let huge = format!("{header}.{}.{signature}", "x".repeat(1 << 20));
    if let Ok(answer) = stage.anonymous().with_key(&huge).request("GET", ME).raw().send_unchecked() {
        assert_eq!(answer.status, 431, "{answer}");
    }
    stage.anonymous().with_key(&good).get(ME).await.expect(200);
}

/// What `openssl` makes of the input with these arguments.
fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("openssl can't be run: {error}"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A token with this header and these claims; `sign` makes the signature of what comes before it.
fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let text = format!("{}.{}", encoded(header), encoded(claims));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(sign(text.as_bytes()));
    format!("{text}.{signature}")
}

fn hs256(secret: &str, claims: &Value) -> String {
    let sign = |text: &[u8]| openssl(&["dgst", "-sha256", "-hmac", secret, "-binary"], text);
    signed(&json!({ "alg": "HS256" }), claims, sign)
}

fn in_seconds(seconds: i64) -> i64 {
    moment(&seconds_from_now(seconds)).as_unix_seconds()
}

async fn claims_are_checked(backend: Backend) {
    let stage = Stage::with(backend, SETTINGS).await;
    let claims = json!({
        "iss": "https://id.example.com",
        "aud": "core-api",
        "sub": Stage::OWNER,
        "exp": in_seconds(600),
        "nbf": in_seconds(-60),
        "scope": "posts:read",
    });
    let ask = async |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        stage.anonymous().with_key(&hs256(SECRET, &claims)).get(ME).await
    };
    for (name, value) in [
        ("scope", json!("posts:read")),
        ("sub", json!(stage.account_id.to_string())),
        ("aud", json!(["another-api", "core-api"])),
        ("custom", json!({ "nested": [1] })),
    ] {
        let shown = ask(name, value).await.data(200);
        assert_eq!((&shown["account_id"], &shown["scopes"]), (&json!(stage.account_id), &json!(["posts:read"])));
    }
    for (name, value) in [
        // Clocks may differ by half a minute.
        ("exp", json!(in_seconds(-31))),
        ("exp", json!(0)),
        ("exp", Value::Null),
        ("exp", json!("tomorrow")),
        ("nbf", json!(in_seconds(60))),
        ("iss", json!("https://id.example.org")),
        ("iss", Value::Null),
        ("aud", json!("another-api")),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("sub", json!("999999")),
        ("sub", json!("nobody@example.com")),
        ("sub", Value::Null),
    ] {
        ask(name, value).await.is_unauthorized();
    }
}

async fn a_key_set_verifies_tokens_of_its_private_keys_alone(backend: Backend) {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (private, set) = (path("private.pem"), path("jwks.json"));
    openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", &private], b"");
    let public = String::from_utf8(openssl(&["pkey", "-in", &private, "-pubout"], b"")).unwrap();
    let modulus = String::from_utf8(openssl(&["rsa", "-in", &private, "-noout", "-modulus"], b"")).unwrap();
    let modulus = modulus.trim().trim_start_matches("Modulus=");
    let modulus: Vec<u8> =
        (0..modulus.len()).step_by(2).map(|at| u8::from_str_radix(&modulus[at..at + 2], 16).unwrap()).collect();
    let modulus = BASE64_URL_SAFE_NO_PAD.encode(modulus);
    let key = json!({ "kty": "RSA", "kid": "first", "use": "sig", "alg": "RS256", "n": modulus, "e": "AQAB" });
    std::fs::write(&set, serde_json::to_vec(&json!({ "keys": [key] })).unwrap()).unwrap();

    let stage = Stage::with(backend, &[("CORE_API_JWT_JWKS", &set)]).await;
    let claims = json!({ "sub": Stage::OWNER, "exp": in_seconds(600), "scope": "*" });
    let by_private_key = |text: &[u8]| openssl(&["dgst", "-sha256", "-sign", &private, "-binary"], text);
    let by_public_key = |text: &[u8]| openssl(&["dgst", "-sha256", "-hmac", &public, "-binary"], text);
    let of = |token: String| stage.anonymous().with_key(&token);
    let good = of(signed(&json!({ "alg": "RS256", "kid": "first" }), &claims, by_private_key));
    assert_eq!(good.get(ME).await.data(200)["kind"], "token");
    for bad in [
        signed(&json!({ "alg": "RS256", "kid": "second" }), &claims, by_private_key),
        signed(&json!({ "alg": "PS256", "kid": "first" }), &claims, by_private_key),
        signed(&json!({ "alg": "HS256", "kid": "first" }), &claims, by_public_key),
        signed(&json!({ "alg": "HS256" }), &claims, by_public_key),
        signed(&json!({ "alg": "none", "kid": "first" }), &claims, |_| Vec::new()),
    ] {
        of(bad).get(ME).await.is_unauthorized();
    }
    good.get(ME).await.expect(200);
}

async fn tokens_of_one_account_share_one_limit(backend: Backend) {
    let stage = Stage::with(backend, SETTINGS).await;
    let bootstrap = ["bootstrap", "--email", "free@example.com", "--workspace", "Free", "--tier", "free", "--json"];
    let made: Value = serde_json::from_slice(&stage.run(&bootstrap).stdout).unwrap();
    let tokens = ["600", "1200"].map(|seconds| {
        let made = token(stage.server.settings(), &["free@example.com", "--seconds", seconds]);
        stage.anonymous().with_key(&made)
    });
    for (count, api) in (1..=60).zip(tokens.iter().cycle()) {
        let answer = api.get(ME).await.expect(200);
        assert_eq!(answer.header("x-ratelimit-limit"), Some("60"));
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(&*(60 - count).to_string()));
    }
    for api in &tokens {
        assert_eq!(api.get(ME).await.expect(429).json()["limit"], 60);
    }
    // Its keys are limited by themselves, as are other accounts.
    stage.anonymous().with_key(made["key"].as_str().unwrap()).get(ME).await.expect(200);
    with_scopes(&stage, "*").get(ME).await.expect(200);
}

async fn a_retry_with_another_token_of_the_account_gets_the_first_answer(backend: Backend) {
    let stage = Stage::with(backend, SETTINGS).await;
    let create = async |api: &Api| {
        let request = api.request("POST", KEYS).header("Idempotency-Key", "once");
        request.json(&json!({ "name": "A" })).send().await.expect(201)
    };
    let first = create(&with_scopes(&stage, "*")).await;
    let second = create(&with_scopes(&stage, "read,write")).await;
    assert_eq!((second.header("idempotency-replayed"), &second.body), (Some("true"), &first.body));
    // A key of the same account is another caller.
    let by_key = create(&stage.owner).await;
    assert_eq!(by_key.header("idempotency-replayed"), None);
}

async fn without_a_secret_no_token_opens_anything(backend: Backend) {
    let stage = Stage::set(backend).await;
    let settings = stage.server.settings();
    let made = token(&settings.clone().with("CORE_API_JWT_SECRET", SECRET), &[Stage::OWNER]);
    stage.anonymous().with_key(&made).get(ME).await.is_unauthorized();
    let refused = create(settings, &[Stage::OWNER]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("CORE_API_JWT_SECRET"));
}
