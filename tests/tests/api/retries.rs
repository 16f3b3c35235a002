//! Requests that are repeated under an `Idempotency-Key`.

use std::io::Write;
use std::time::Duration;

use acceptance::{
    Answer, Api, Backend, NewKey, PATIENCE, Stage, denied, eventually, on_both_stores, percent_encoded, random_below,
};
use futures_util::future::join_all;
use serde_json::{Value, json};

on_both_stores!(
    a_repeated_creation_gets_the_first_answer,
    every_kind_of_change_can_be_repeated,
    a_repeated_deletion_gets_the_first_answer,
    another_request_under_the_key_is_refused,
    a_request_is_the_same_however_its_query_is_ordered,
    refusals_are_repeated,
    a_refusal_stays_when_its_reason_is_gone,
    what_may_be_tried_again_is_not_recorded,
    a_refusal_for_a_scope_is_not_recorded,
    a_refusal_for_the_rate_is_not_recorded,
    a_key_of_255_visible_characters_is_taken,
    a_misshapen_key_is_refused,
    the_key_is_ignored_where_nothing_changes,
    callers_do_not_meet,
    a_rotated_key_s_retry_gets_the_first_answer,
    a_revoked_key_s_retry_opens_nothing,
    of_twins_at_once_one_takes_effect,
    who_hangs_up_leaves_all_or_nothing,
    a_retry_survives_a_restart,
    the_database_holds_no_secret,
);

const KEYS: &str = "/api/v1/api-keys";
const WORKSPACES: &str = "/api/v1/workspaces";
const MISSHAPEN: &str = "The Idempotency-Key must be 1 to 255 visible ASCII characters.";

async fn ask(api: &Api, method: &str, path: &str, key: &str, body: &Value) -> Answer {
    let request = api.request(method, path).header("Idempotency-Key", key);
    if body.is_null() { request.send().await } else { request.json(body).send().await }
}

async fn create(api: &Api, key: &str, name: &str) -> Answer {
    ask(api, "POST", KEYS, key, &json!({ "name": name, "scopes": [] })).await
}

fn is_replay(answer: &Answer) -> bool {
    answer.header("idempotency-replayed").is_some_and(|value| {
        assert_eq!(value, "true");
        true
    })
}

/// Fails unless the second is the first one's answer, told again.
#[track_caller]
fn assert_replayed(first: &Answer, second: &Answer) {
    assert!(!is_replay(first), "{first}");
    assert!(is_replay(second), "{second}");
    assert_eq!((first.status, &first.body), (second.status, &second.body), "{second}");
    for header in ["content-type", "location", "cache-control", "etag", "allow"] {
        assert_eq!(first.header(header), second.header(header), "{header}\n{second}");
    }
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

fn key_reused() -> Value {
    json!({ "error": "idempotency_key_reused", "message": "This Idempotency-Key was used for another request." })
}

async fn total(api: &Api, path: &str) -> Value {
    api.get(path).await.expect(200).json()["meta"]["total"].take()
}

fn events(stage: &Stage, kind: &str) -> usize {
    stage.database.query(&format!("SELECT id FROM events WHERE type = '{kind}'")).len()
}

async fn a_repeated_creation_gets_the_first_answer(backend: Backend) {
    let stage = Stage::set(backend).await;
    let before = events(&stage, "api_key.created");
    let first = create(&stage.owner, "once", "Mobile").await.expect(201);
    let id = first.json()["data"]["id"].clone();
    assert!(first.header("location").is_some_and(|location| location.ends_with(&format!("{KEYS}/{id}"))), "{first}");
    for _ in 0..3 {
        assert_replayed(&first, &create(&stage.owner, "once", "Mobile").await);
    }
    assert_eq!(total(&stage.owner, KEYS).await, 1);
    assert_eq!(events(&stage, "api_key.created"), before + 1);
    let secret = first.json()["data"]["key"].take();
    let shown = stage.owner.with_key(secret.as_str().unwrap()).get("/api/v1/me").await.data(200);
    assert_eq!(shown["key"]["id"], id);
}

async fn every_kind_of_change_can_be_repeated(backend: Backend) {
    let stage = Stage::set(backend).await;
    let body = json!({ "name": "Globex" });
    let first = ask(&stage.owner, "POST", WORKSPACES, "made", &body).await.expect(201);
    assert_replayed(&first, &ask(&stage.owner, "POST", WORKSPACES, "made", &body).await);
    assert_eq!(total(&stage.owner, WORKSPACES).await, 2);

    let path = format!("{WORKSPACES}/{}", first.json()["data"]["id"]);
    let body = json!({ "name": "Initech" });
    let first = ask(&stage.owner, "PATCH", &path, "changed", &body).await.expect(200);
    stage.owner.patch(&path, json!({ "name": "Hooli" })).await.expect(200);
    assert_replayed(&first, &ask(&stage.owner, "PATCH", &path, "changed", &body).await);
    assert_eq!(stage.owner.get(&path).await.data(200)["name"], "Hooli", "a change was made a second time");
    assert_eq!(events(&stage, "workspace.updated"), 2);

    let key = stage.key(json!({})).await;
    let (owner, path) = (stage.owner.in_workspace(stage.workspace_id), format!("{KEYS}/{}/rotate", key.id));
    let body = json!({ "grace_period_hours": 1 });
    let first = ask(&owner, "POST", &path, "rotated", &body).await.expect(200);
    assert_replayed(&first, &ask(&owner, "POST", &path, "rotated", &body).await);
    assert_eq!(events(&stage, "api_key.rotated"), 1);
}

async fn a_repeated_deletion_gets_the_first_answer(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({})).await;
    let path = format!("{KEYS}/{}", key.id);
    let first = ask(&stage.owner, "DELETE", &path, "gone", &Value::Null).await.expect(204);
    assert_replayed(&first, &ask(&stage.owner, "DELETE", &path, "gone", &Value::Null).await);
    ask(&stage.owner, "DELETE", &path, "gone-anew", &Value::Null).await.is_not_found();
    stage.owner.delete(&path).await.is_not_found();
    assert_eq!(events(&stage, "api_key.revoked"), 1);
}

async fn another_request_under_the_key_is_refused(backend: Backend) {
    let stage = Stage::set(backend).await;
    let first = create(&stage.owner, "taken", "A").await.expect(201);
    let of_made = format!("{KEYS}/{}", first.json()["data"]["id"]);
    let same = json!({ "name": "A", "scopes": [] });
    for (method, path, body) in [
        ("POST", KEYS, &json!({ "name": "B", "scopes": [] })),
        ("POST", KEYS, &json!({ "name": "A" })),
        ("POST", KEYS, &json!({ "name": "" })),
        ("POST", "/api/v1/api-keys?page=1", &same),
        ("POST", WORKSPACES, &same),
        ("PATCH", &format!("{WORKSPACES}/{}", stage.workspace_id), &same),
        ("DELETE", &of_made, &Value::Null),
        ("POST", &format!("{of_made}/rotate"), &same),
    ] {
        ask(&stage.owner, method, path, "taken", body).await.is(422, key_reused());
    }
    let other_type = stage.owner.request("POST", KEYS).header("Idempotency-Key", "taken");
    let other_type = other_type.header("Content-Type", "application/json; charset=utf-8");
    other_type.body(serde_json::to_vec(&same).unwrap()).send().await.is(422, key_reused());
    assert_replayed(&first, &create(&stage.owner, "taken", "A").await);
    assert_eq!((total(&stage.owner, KEYS).await, total(&stage.owner, WORKSPACES).await), (json!(1), json!(1)));
    stage.owner.get(&of_made).await.expect(200);
}

async fn a_request_is_the_same_however_its_query_is_ordered(backend: Backend) {
    let stage = Stage::set(backend).await;
    let body = json!({ "name": "A" });
    let first = ask(&stage.owner, "POST", "/api/v1/workspaces?a=1&b=2", "ordered", &body).await;
    let second = ask(&stage.owner, "POST", "/api/v1/workspaces?b=2&a=1", "ordered", &body).await;
    assert_replayed(&first, &second);
    ask(&stage.owner, "POST", "/api/v1/workspaces?b=3&a=1", "ordered", &body).await.is(422, key_reused());
}

async fn refusals_are_repeated(backend: Backend) {
    let stage = Stage::set(backend).await;
    let revoked = stage.key(json!({})).await;
    let of_revoked = format!("{KEYS}/{}", revoked.id);
    stage.owner.delete(&of_revoked).await.expect(204);
    for (position, (method, path, body, status)) in [
        ("POST", KEYS, "{", 400),
        ("DELETE", "/api/v1/api-keys/999999", "", 404),
        ("PATCH", "/api/v1/workspaces/999999", r#"{"name":"A"}"#, 404),
        ("DELETE", "/api/v1/api-keys/no-number", "", 404),
        ("POST", &format!("{of_revoked}/rotate"), "{}", 409),
        ("POST", KEYS, r#"{"name":""}"#, 422),
        ("POST", WORKSPACES, r#"{"name":"A","slug":"acme-corporation"}"#, 422),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("refused-{position}");
        let ask = async || {
            let request = stage.owner.request(method, path).header("Idempotency-Key", &key);
            request.header("Content-Type", "application/json").body(body).send().await
        };
        let first = ask().await.expect(status);
        assert_replayed(&first, &ask().await);
    }
    assert_eq!((total(&stage.owner, KEYS).await, total(&stage.owner, WORKSPACES).await), (json!(0), json!(1)));
}

async fn a_refusal_stays_when_its_reason_is_gone(backend: Backend) {
    let stage = Stage::set(backend).await;
    let holder = stage.workspace(json!({ "name": "Holder", "slug": "wanted" })).await;
    let body = json!({ "name": "Late", "slug": "wanted" });
    let first = ask(&stage.owner, "POST", WORKSPACES, "late", &body).await.expect(422);
    stage.owner.delete(&format!("{WORKSPACES}/{}", holder["id"])).await.expect(204);
    assert_replayed(&first, &ask(&stage.owner, "POST", WORKSPACES, "late", &body).await);
    ask(&stage.owner, "POST", WORKSPACES, "later", &body).await.expect(201);
}

async fn what_may_be_tried_again_is_not_recorded(backend: Backend) {
    let stage = Stage::set(backend).await;
    let no_json = stage.owner.request("POST", KEYS).header("Idempotency-Key", "again");
    no_json.header("Content-Type", "text/plain").body("{}").send().await.expect(415);
    let too_large = stage.owner.request("POST", KEYS).header("Idempotency-Key", "again");
    too_large.header("Content-Type", "application/json").body(vec![b' '; 2 << 20]).raw().send().expect(413);
    create(&stage.anonymous(), "again", "A").await.is_unauthorized();
    create(&stage.anonymous().with_key("sk_live_nobody"), "again", "A").await.is_unauthorized();
    let first = create(&stage.owner, "again", "A").await.expect(201);
    assert_replayed(&first, &create(&stage.owner, "again", "A").await);
}

async fn a_refusal_for_a_scope_is_not_recorded(backend: Backend) {
    let stage = Stage::set(backend).await;
    let reader = stage.key(json!({ "scopes": ["api-keys:read"] })).await;
    for name in ["A", "A", "B"] {
        let answer = create(&reader.api, "denied", name).await;
        answer.is(403, denied("api-keys:write"));
        assert!(!is_replay(&answer));
    }
    let writer = stage.key(json!({ "scopes": ["api-keys:write"] })).await;
    for scope in ["posts:read", "posts:read", "posts:write"] {
        let answer = ask(&writer.api, "POST", KEYS, "denied", &json!({ "name": "A", "scopes": [scope] })).await;
        assert!(!is_replay(&answer.expect(403)));
    }
    let first = create(&writer.api, "denied", "A").await.expect(201);
    assert_replayed(&first, &create(&writer.api, "denied", "A").await);
}

async fn a_refusal_for_the_rate_is_not_recorded(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "scopes": ["*"], "rate_limit_tier": "free" })).await;
    for _ in 0..60 {
        key.api.get("/api/v1/me").await.expect(200);
    }
    create(&key.api, "limited", "A").await.expect(429);
    assert_eq!(stage.database.query("SELECT id FROM idempotency_records").len(), 0);
}

async fn a_key_of_255_visible_characters_is_taken(backend: Backend) {
    let stage = Stage::set(backend).await;
    let every: String = ('!'..='~').collect();
    for key in ["~".repeat(255), every, "0".to_owned(), "550e8400-e29b-41d4-a716-446655440000".to_owned()] {
        let first = create(&stage.owner, &key, "A").await.expect(201);
        assert_replayed(&first, &create(&stage.owner, &key, "A").await);
    }
    assert_eq!(total(&stage.owner, KEYS).await, 4);
}

async fn a_misshapen_key_is_refused(backend: Backend) {
    let stage = Stage::set(backend).await;
    let bad = |message: &str| json!({ "error": "bad_request", "message": message });
    let body = json!({ "name": "A" });
    for key in [b"".as_slice(), &[b'a'; 256], b"two words", b"a\tb", "schlüssel".as_bytes(), b"\xff"] {
        let request = stage.owner.request("POST", KEYS).header_bytes("Idempotency-Key", key);
        request.json(&body).send().await.is(400, bad(MISSHAPEN));
    }
    for second in ["a", "b"] {
        let request = stage.owner.request("POST", KEYS).header("Idempotency-Key", "a");
        let request = request.header("Idempotency-Key", second);
        request.json(&body).send().await.is(400, bad("Idempotency-Key was given twice."));
    }
    assert_eq!(total(&stage.owner, KEYS).await, 0);
}

async fn the_key_is_ignored_where_nothing_changes(backend: Backend) {
    let stage = Stage::set(backend).await;
    let ask = async |method: &str, path: &str, key: &str| {
        let request = stage.owner.request(method, path).header("Idempotency-Key", key);
        let answer = request.header("Idempotency-Key", key).send().await.expect(200);
        assert!(!is_replay(&answer));
        answer
    };
    let before = ask("GET", KEYS, "same").await;
    stage.key(json!({})).await;
    let after = ask("GET", KEYS, "same").await;
    assert_ne!(before.body, after.body);
    ask("GET", WORKSPACES, "same").await;
    ask("HEAD", WORKSPACES, "two words").await;
    create(&stage.owner, "same", "A").await.expect(201);
}

async fn callers_do_not_meet(backend: Backend) {
    let stage = Stage::set(backend).await;
    let second = stage.workspace(json!({ "name": "Second" })).await["id"].as_i64().unwrap();
    let tenant = stage.tenant("else@example.com");
    let any = json!({ "scopes": ["*"] });
    let test = json!({ "scopes": ["*"], "environment": "test" });
    let callers = [
        stage.owner.in_workspace(stage.workspace_id),
        stage.owner.in_workspace(second),
        stage.key(any.clone()).await.api,
        stage.key(any.clone()).await.api,
        stage.key(test).await.api,
        stage.key_in(second, any).await.api,
        stage.account_key(&["*".to_owned()]).api.in_workspace(second),
        tenant.api,
    ];
    let mut secrets = Vec::new();
    for caller in &callers {
        let first = create(caller, "everybody-s", "A").await.expect(201);
        assert_replayed(&first, &create(caller, "everybody-s", "A").await);
        secrets.push(first.json()["data"]["key"].as_str().unwrap().to_owned());
    }
    secrets.sort_unstable();
    secrets.dedup();
    assert_eq!(secrets.len(), callers.len());
}

async fn rotated(stage: &Stage, key: &NewKey) -> Api {
    let path = format!("{KEYS}/{}/rotate", key.id);
    let made = stage.owner.post(&path, json!({ "grace_period_hours": 1 })).await.data(200);
    key.api.with_key(made["key"].as_str().unwrap())
}

async fn a_rotated_key_s_retry_gets_the_first_answer(backend: Backend) {
    let stage = Stage::set(backend).await;
    let old = stage.key(json!({ "scopes": ["*"] })).await;
    let first = create(&old.api, "across", "A").await.expect(201);
    let new = rotated(&stage, &old).await;
    assert_replayed(&first, &create(&new, "across", "A").await);
    let second = create(&new, "across-2", "A").await.expect(201);
    assert_replayed(&second, &create(&old.api, "across-2", "A").await);
}

async fn a_revoked_key_s_retry_opens_nothing(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "scopes": ["*"] })).await;
    create(&key.api, "before", "A").await.expect(201);
    stage.owner.delete(&format!("{KEYS}/{}", key.id)).await.expect(204);
    create(&key.api, "before", "A").await.is_unauthorized();

    let doomed = stage.workspace(json!({ "name": "Doomed" })).await["id"].as_i64().unwrap();
    let owner = stage.owner.in_workspace(doomed);
    create(&owner, "before", "A").await.expect(201);
    stage.owner.delete(&format!("{WORKSPACES}/{doomed}")).await.expect(204);
    create(&owner, "before", "A").await.is_not_found();
}

fn in_progress() -> Value {
    json!({
        "error": "idempotency_in_progress",
        "message": "The first request under this Idempotency-Key is still in progress. Please retry.",
    })
}

async fn of_twins_at_once_one_takes_effect(backend: Backend) {
    const TWINS: usize = 50;
    let stage = Stage::set(backend).await;
    let before = events(&stage, "api_key.created");
    for round in 1..=4 {
        let key = format!("twins-{round}");
        let answers = join_all((0..TWINS).map(|_| create(&stage.owner, &key, "Twin"))).await;
        let (made, others): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 201 && !is_replay(answer));
        let [made] = made.as_slice() else { panic!("{} twins took effect", made.len()) };
        for other in others {
            if other.status == 409 {
                assert_eq!(other.header("retry-after"), Some("1"));
                other.is(409, in_progress());
            } else {
                assert_replayed(made, &other);
            }
        }
        assert_replayed(made, &create(&stage.owner, &key, "Twin").await);
        assert_eq!(total(&stage.owner, KEYS).await, round);
        assert_eq!(events(&stage, "api_key.created"), before + round);
    }
}

/// Asks until nobody else is at it.
async fn create_in_the_end(api: &Api, key: &str, name: &str) -> Answer {
    let mut told = None;
    let is_told = eventually(PATIENCE, async || {
        let answer = create(api, key, name).await;
        told = (answer.status != 409).then_some(answer);
        told.is_some()
    });
    assert!(is_told.await);
    told.unwrap().expect(201)
}

async fn who_hangs_up_leaves_all_or_nothing(backend: Backend) {
    let stage = Stage::set(backend).await;
    let before = events(&stage, "api_key.created");
    for round in 1..=30_usize {
        let (key, name) = (format!("hung-up-{round}"), format!("Hung up {round}"));
        let body = serde_json::to_vec(&json!({ "name": name, "scopes": [] })).unwrap();
        let request = stage.owner.request("POST", KEYS).header("Idempotency-Key", &key);
        let raw = request.header("Content-Type", "application/json").body(body.clone()).raw();
        let mut stream = raw.begin();
        // Every third client leaves within its own body.
        let sent = if round % 3 == 0 { body.len() / 2 } else { body.len() };
        stream.write_all(&body[..sent]).unwrap();
        // A moment of its own choosing.
        tokio::time::sleep(Duration::from_micros(random_below(3_000))).await;
        drop(stream);
        let told = create_in_the_end(&stage.owner, &key, &name).await;
        // The server may begin with the one that was left only now.
        let again = create_in_the_end(&stage.owner, &key, &name).await;
        assert_eq!(told.body, again.body);
        assert_eq!(total(&stage.owner, KEYS).await, round);
        assert_eq!(events(&stage, "api_key.created"), before + round);
    }
}

async fn a_retry_survives_a_restart(backend: Backend) {
    let mut stage = Stage::set(backend).await;
    let first = create(&stage.owner, "lasting", "A").await.expect(201);
    stage.restart();
    assert_replayed(&first, &create(&stage.owner, "lasting", "A").await);
    stage.server.kill();
    stage.start_again();
    assert_replayed(&first, &create(&stage.owner, "lasting", "A").await);
}

/// Everything the store has written, as bytes.
fn dump(stage: &Stage, backend: Backend) -> Vec<u8> {
    match backend {
        Backend::Sqlite => ["", "-wal"].iter().fold(Vec::new(), |mut all, end| {
            let mut name = stage.database.file().into_os_string();
            name.push(end);
            all.extend(std::fs::read(&name).unwrap());
            all
        }),
        Backend::Postgres => {
            let tables = stage.database.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
            assert!(tables.contains(&"idempotency_records".to_owned()), "{tables:?}");
            let rows =
                tables.iter().flat_map(|table| stage.database.query(&format!("SELECT row::text FROM {table} row")));
            rows.collect::<Vec<_>>().join("\n").into_bytes()
        }
    }
}

fn holds(dump: &[u8], text: &str) -> bool {
    dump.windows(text.len()).any(|window| window == text.as_bytes())
}

async fn the_database_holds_no_secret(backend: Backend) {
    let stage = Stage::set(backend).await;
    let mut hidden = Vec::new();
    for number in 0..10 {
        let key = format!("unforgettable-{number}-{}", random_below(u64::MAX));
        let answer = create(&stage.owner, &key, "Plainly here").await.expect(201);
        let made: NewKey = stage.owner.in_workspace(stage.workspace_id).new_key(json!({})).await;
        let refused = format!("refused-{number}-{}", random_below(u64::MAX));
        create(&stage.owner, &refused, "").await.expect(422);
        let secret = answer.json()["data"]["key"].as_str().unwrap().to_owned();
        hidden.extend([key, secret, made.secret, refused]);
    }
    let dump = dump(&stage, backend);
    assert!(holds(&dump, "Plainly here"), "what is no secret must be found");
    assert!(holds(&dump, "sk_live_"), "prefixes are kept");
    for secret in hidden {
        let hex = percent_encoded(secret.as_bytes()).replace('%', "").to_lowercase();
        assert!(!holds(&dump, &secret) && !holds(&dump, &hex), "{secret} is there in clear");
        // Nor what follows the prefix of an API key.
        assert!(!holds(&dump, &secret[11..]), "{secret} is there in clear");
    }
}
