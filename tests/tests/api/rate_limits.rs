//! How many requests pass, of whom, and what every answer tells about it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use acceptance::{
    Answer, Api, Backend, NewKey, PATIENCE, Server, Stage, UNAUTHORIZED, eventually, made_up_key, moment,
    on_both_stores, random_below, seconds_from_now,
};
use futures_util::StreamExt;
use futures_util::future::join;
use futures_util::stream::iter;
use serde_json::json;
use testkit::servers::Redis;

on_both_stores!(
    every_answer_tells_how_the_caller_stands,
    what_remains_counts_down_from_the_tier_s_own_number,
    the_limit_is_free_again_within_a_minute_and_a_second,
    sixty_pass_on_the_free_tier,
    the_burst_is_slack_above_the_limit,
    whatever_is_asked_counts,
    keys_share_nothing,
    a_rotated_key_shares_its_predecessor_s_limit,
    another_tier_applies_to_what_was_counted,
    an_address_has_a_limit_of_its_own,
    an_ipv6_network_is_one_address,
    a_forwarded_address_counts_from_a_trusted_proxy_alone,
    what_is_beside_the_api_is_not_limited,
    failed_credentials_end_an_address_s_look_ups,
);

const ME: &str = "/api/v1/me";
const TRUSTING: &[(&str, &str)] = &[("CORE_API_TRUSTED_PROXIES", "127.0.0.1")];
const REDIS_URL: &str = "CORE_API_TEST_REDIS_URL";

/// What the three headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    limit: u64,
    remaining: u64,
    reset: i64,
}

fn standing(answer: &Answer) -> Standing {
    let number = |name: &str| answer.header(name).unwrap().parse::<i64>().unwrap();
    Standing {
        limit: number("x-ratelimit-limit").unsigned_abs(),
        remaining: number("x-ratelimit-remaining").unsigned_abs(),
        reset: number("x-ratelimit-reset"),
    }
}

fn counts(answer: &Answer) -> (u64, u64) {
    let Standing { limit, remaining, .. } = standing(answer);
    (limit, remaining)
}

/// Fails unless it is the whole refusal, of a caller with this limit. Returns how long to wait.
#[track_caller]
fn refused(answer: &Answer, limit: u64) -> u64 {
    let standing = standing(answer);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait), "{answer}");
    let mut body = answer.clone().expect(429).json();
    let reset_at = body["reset_at"].take();
    assert_eq!(moment(reset_at.as_str().unwrap()).as_unix_seconds(), standing.reset, "{answer}");
    assert_eq!(
        body,
        json!({
            "error": "rate_limit_exceeded",
            "message": format!("Too many requests. Please retry after {wait} seconds."),
            "retry_after": wait,
            "limit": limit,
            "remaining": 0,
            "reset_at": null,
        })
    );
    assert_eq!((standing.limit, standing.remaining), (limit, 0));
    wait
}

async fn free_key(stage: &Stage) -> NewKey {
    stage.key(json!({ "rate_limit_tier": "free", "scopes": ["*"] })).await
}

/// Asks so often, at most 32 at once, in turn at each; returns how many were let through. The others were refused.
async fn passes(callers: &[Api], requests: usize, limit: u64) -> usize {
    let answers = iter(callers.iter().cycle().take(requests)).map(|caller| caller.get(ME)).buffer_unordered(32);
    answers
        .map(|answer| {
            if answer.status == 200 {
                return 1;
            }
            refused(&answer, limit);
            0
        })
        .fold(0, async |sum, passed| sum + passed)
        .await
}

async fn from(api: &Api, address: &str) -> Answer {
    api.request("GET", ME).header("X-Forwarded-For", address).send().await
}

async fn every_answer_tells_how_the_caller_stands(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "rate_limit_tier": "pro", "scopes": ["workspaces:read", "api-keys:*"] })).await;
    let made = key.api.new_key(json!({ "scopes": [] })).await;
    let of_made = format!("/api/v1/api-keys/{}", made.id);
    let api = &key.api;
    let mut remaining = 4_999;
    for (method, path, body, status) in [
        ("GET", ME, None, 200),
        ("HEAD", ME, None, 200),
        ("POST", "/api/v1/api-keys", Some(r#"{"name":"A","scopes":[]}"#), 201),
        ("DELETE", &of_made, None, 204),
        ("POST", "/api/v1/api-keys", Some("{"), 400),
        ("POST", "/api/v1/workspaces", Some("{}"), 403),
        ("GET", "/api/v1/api-keys/999999", None, 404),
        ("GET", "/api/v1/nothing", None, 404),
        ("GET", "/api/nothing", None, 404),
        ("PUT", ME, None, 405),
        ("POST", "/api/v1/api-keys", Some(r#"{"name":""}"#), 422),
        ("GET", "/api/v1/api-keys?page=0", None, 422),
    ] {
        let request = api.request(method, path);
        let request = match body {
            Some(body) => request.header("Content-Type", "application/json").body(body),
            None => request,
        };
        let answer = request.send().await.expect(status);
        remaining -= 1;
        assert_eq!(counts(&answer), (5_000, remaining), "{answer}");
    }
    let no_json = api.request("POST", "/api/v1/api-keys").header("Content-Type", "text/plain").body("{}");
    assert_eq!(counts(&no_json.send().await.expect(415)), (5_000, remaining - 1));
    let too_large = api.request("POST", "/api/v1/api-keys").header("Content-Type", "application/json");
    let too_large = too_large.body(vec![b' '; 2 << 20]).raw().send().expect(413);
    assert_eq!(counts(&too_large), (5_000, remaining - 2));

    assert_eq!(counts(&stage.anonymous().get(ME).await.expect(401)), (60, 59));
    assert_eq!(counts(&stage.anonymous().get("/api/v1/nothing").await.expect(404)), (60, 58));
    assert_eq!(counts(&stage.anonymous().authorized("Bearer nobody").get(ME).await.expect(401)), (60, 59));
}

async fn what_remains_counts_down_from_the_tier_s_own_number(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (tier, limit) in [
        ("free", 60),
        ("starter", 1_000),
        ("pro", 5_000),
        ("business", 10_000),
        ("agency", 20_000),
        ("enterprise", 100_000),
    ] {
        let key = stage.key(json!({ "rate_limit_tier": tier })).await;
        for count in 1..=3 {
            assert_eq!(counts(&key.api.get(ME).await.expect(200)), (limit, limit - count), "{tier}");
        }
    }
}

async fn the_limit_is_free_again_within_a_minute_and_a_second(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = free_key(&stage).await;
    let now = || moment(&seconds_from_now(0)).as_unix_seconds();
    for _ in 0..65 {
        let before = now();
        let reset = standing(&key.api.get(ME).await).reset;
        // A minute, the rest of the limiter's second, and the rest of the clock's.
        assert!(reset >= before + 55 && reset <= now() + 62, "{reset} is told at {before}");
    }
    let nobody = stage.anonymous().get(ME).await;
    assert!(standing(&nobody).reset > now() + 55);
}

async fn sixty_pass_on_the_free_tier(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = free_key(&stage).await;
    for count in 1..=60 {
        assert_eq!(counts(&key.api.get(ME).await.expect(200)), (60, 60 - count));
    }
    let mut wait = 61;
    for _ in 0..20 {
        let told = refused(&key.api.get(ME).await, 60);
        assert!(told <= wait, "the wait grows with what is refused");
        wait = told;
    }
    let made = key.api.post("/api/v1/api-keys", json!({ "name": "too late" })).await;
    refused(&made, 60);
    let listed = stage.owner.get("/api/v1/api-keys?search=late").await.expect(200).json();
    assert_eq!(listed["meta"]["total"], 0, "what was refused had an effect");
}

async fn the_burst_is_slack_above_the_limit(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "rate_limit_tier": "starter" })).await;
    let callers = [key.api];
    assert_eq!(passes(&callers, 1_000, 1_000).await, 1_000);
    assert_eq!(counts(&callers[0].get(ME).await.expect(200)), (1_000, 0));
    assert_eq!(passes(&callers, 400, 1_000).await, 199);
}

async fn whatever_is_asked_counts(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = free_key(&stage).await;
    for count in 0..60_u32 {
        let answer = match count % 4 {
            0 => key.api.get("/api/v1/workspaces").await.expect(200),
            1 => key.api.get("/api/v1/nothing").await.expect(404),
            2 => key.api.post("/api/v1/api-keys", json!({})).await.expect(422),
            _ => key.api.request("PUT", ME).send().await.expect(405),
        };
        assert_eq!(standing(&answer).remaining, u64::from(59 - count));
    }
    for path in [ME, "/api/v1/workspaces", "/api/v1/nothing"] {
        refused(&key.api.get(path).await, 60);
    }
}

async fn keys_share_nothing(backend: Backend) {
    let stage = Stage::set(backend).await;
    let (first, second) = (free_key(&stage).await, free_key(&stage).await);
    assert_eq!(passes(&[first.api], 70, 60).await, 60);
    assert_eq!(passes(&[second.api], 70, 60).await, 60);
    let test = stage.key(json!({ "rate_limit_tier": "free", "environment": "test" })).await;
    assert_eq!(passes(&[test.api], 70, 60).await, 60);
}

async fn a_rotated_key_shares_its_predecessor_s_limit(backend: Backend) {
    let stage = Stage::set(backend).await;
    let old = free_key(&stage).await;
    assert_eq!(passes(std::slice::from_ref(&old.api), 40, 60).await, 40);
    let path = format!("/api/v1/api-keys/{}/rotate", old.id);
    let made = stage.owner.post(&path, json!({ "grace_period_hours": 1 })).await.data(200);
    let new = old.api.with_key(made["key"].as_str().unwrap());
    assert_eq!(counts(&new.get(ME).await.expect(200)), (60, 19));
    assert_eq!(passes(&[new.clone(), old.api.clone()], 30, 60).await, 19);
    refused(&new.get(ME).await, 60);
    refused(&old.api.get(ME).await, 60);
}

async fn another_tier_applies_to_what_was_counted(backend: Backend) {
    let stage = Stage::set(backend).await;
    let path = format!("/api/v1/workspaces/{}", stage.workspace_id);
    let key = stage.key(json!({})).await;
    for _ in 0..100 {
        key.api.get(ME).await.expect(200);
    }
    stage.owner.patch(&path, json!({ "tier": "free" })).await.expect(200);
    assert!(eventually(PATIENCE, async || key.api.get(ME).await.status == 429).await);
    refused(&key.api.get(ME).await, 60);
    stage.owner.patch(&path, json!({ "tier": "starter" })).await.expect(200);
    assert!(eventually(PATIENCE, async || key.api.get(ME).await.status == 200).await);
    let Standing { limit, remaining, .. } = standing(&key.api.get(ME).await);
    assert!(limit == 1_000 && remaining < 900, "another tier makes a window anew");
}

async fn an_address_has_a_limit_of_its_own(backend: Backend) {
    let stage = Stage::with(backend, TRUSTING).await;
    let nobody = stage.anonymous();
    for count in 1..=60 {
        let answer = from(&nobody, "203.0.113.7").await;
        answer.is_unauthorized();
        assert_eq!(counts(&answer), (60, 60 - count));
    }
    refused(&from(&nobody, "203.0.113.7").await, 60);
    refused(&from(&nobody, "::ffff:203.0.113.7").await, 60);
    assert_eq!(counts(&from(&nobody, "203.0.113.8").await.expect(401)), (60, 59));
    from(&stage.owner, "203.0.113.7").await.expect(200);
}

async fn an_ipv6_network_is_one_address(backend: Backend) {
    let stage = Stage::with(backend, TRUSTING).await;
    let nobody = stage.anonymous();
    for host in 1..=60 {
        from(&nobody, &format!("2001:db8:0:7:{host:x}::1")).await.is_unauthorized();
    }
    refused(&from(&nobody, "2001:db8:0:7:ffff:ffff:ffff:ffff").await, 60);
    from(&nobody, "2001:db8:0:8::1").await.is_unauthorized();
}

async fn a_forwarded_address_counts_from_a_trusted_proxy_alone(backend: Backend) {
    let stage = Stage::set(backend).await;
    let nobody = stage.anonymous();
    for host in 1..=60 {
        from(&nobody, &format!("203.0.113.{host}")).await.is_unauthorized();
    }
    refused(&from(&nobody, "203.0.113.61").await, 60);
}

async fn what_is_beside_the_api_is_not_limited(backend: Backend) {
    let stage = Stage::set(backend).await;
    for path in ["/health/live", "/health/ready", "/nothing"] {
        for _ in 0..70 {
            let answer = stage.anonymous().get(path).await;
            assert!(answer.status != 429 && answer.header("x-ratelimit-limit").is_none(), "{answer}");
        }
    }
}

/// A good key that was not shown here yet fares like a bad one: which it is, only a look-up would tell.
async fn failed_credentials_end_an_address_s_look_ups(backend: Backend) {
    let stage = Stage::with(backend, TRUSTING).await;
    let bad = stage.anonymous().with_key(&made_up_key(&"0".repeat(30)));
    let misshapen = stage.anonymous().authorized("Basic !!!");
    for count in 1..=60 {
        let answer = from(if count % 2 == 0 { &bad } else { &misshapen }, "203.0.113.7").await;
        assert_eq!((answer.status, answer.text()), (401, UNAUTHORIZED));
        assert_eq!(counts(&answer), (60, 60 - count));
    }
    for caller in [&bad, &misshapen, &stage.owner] {
        refused(&from(caller, "203.0.113.7").await, 60);
    }
    bad.request("GET", ME).header("X-Forwarded-For", "203.0.113.8").send().await.is_unauthorized();
    assert_eq!(standing(&from(&stage.owner, "203.0.113.8").await.expect(200)).limit, 100_000);
    // Now it is known as a good one.
    for _ in 0..3 {
        assert_eq!(standing(&from(&stage.owner, "203.0.113.7").await.expect(200)).limit, 100_000);
        refused(&from(&bad, "203.0.113.7").await, 60);
    }
    // Who shows no credential is counted by itself.
    assert_eq!(counts(&from(&stage.anonymous(), "203.0.113.7").await.expect(401)), (60, 59));
}

fn shared_redis() -> String {
    std::env::var(REDIS_URL)
        .unwrap_or_else(|_| panic!("{REDIS_URL} names no Redis: run `cargo xtask test`, which starts one"))
}

/// However busy the machine is, Redis decides: what is proved is that replicas on one Redis are exact together.
const PATIENT: (&str, &str) = ("CORE_API_REDIS_BUDGET_MS", "5000");
const USUAL: (&str, &str) = ("CORE_API_REDIS_BUDGET_MS", "20");

/// So many servers on one PostgreSQL database and one Redis.
async fn replicas(count: usize, redis: &str, budget: (&str, &str)) -> (Stage, Vec<Server>) {
    let stage = Stage::with(Backend::Postgres, &[("REDIS_URL", redis), budget]).await;
    // Others count in this Redis as well, by ids that are low.
    stage.database.query(&format!("SELECT setval('api_key_ids', {})", 1_000_000 + random_below(1 << 40)));
    let more = (1..count).map(|_| Server::start(&stage.server.settings().clone().elsewhere())).collect();
    (stage, more)
}

fn everywhere(key: &NewKey, servers: &[Server]) -> Vec<Api> {
    servers.iter().map(|server| key.api.at(server)).chain([key.api.clone()]).collect()
}

#[tokio::test]
async fn of_five_times_the_limit_on_three_replicas_exactly_the_limit_passes() {
    let (stage, servers) = replicas(3, &shared_redis(), PATIENT).await;
    let free = free_key(&stage).await;
    assert_eq!(passes(&everywhere(&free, &servers), 300, 60).await, 60);
    let starter = stage.key(json!({ "rate_limit_tier": "starter" })).await;
    assert_eq!(passes(&everywhere(&starter, &servers), 6_000, 1_000).await, 1_200);
}

#[tokio::test]
async fn what_remains_is_one_number_on_all_replicas() {
    let (stage, servers) = replicas(2, &shared_redis(), PATIENT).await;
    let key = free_key(&stage).await;
    let callers = everywhere(&key, &servers);
    for (count, caller) in (1..=60).zip(callers.iter().cycle()) {
        assert_eq!(counts(&caller.get(ME).await.expect(200)), (60, 60 - count));
    }
    for caller in &callers {
        refused(&caller.get(ME).await, 60);
    }
}

/// What `/health/ready` names as down.
async fn down(api: &Api) -> Option<Vec<String>> {
    let answer = api.without_key().request("GET", "/health/ready").may_be_5xx().send().await;
    let names = |answer: &Answer| {
        let down = answer.json()["down"].take();
        down.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    (answer.status != 200).then(|| names(&answer))
}

#[tokio::test]
async fn a_redis_that_dies_under_load_fails_no_request() {
    let mut redis = Redis::start().unwrap();
    let (stage, servers) = replicas(2, &redis.url(), USUAL).await;
    let key = stage.key(json!({ "rate_limit_tier": "enterprise" })).await;
    let callers = everywhere(&key, &servers);
    let (answered, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    // The client fails on a 5xx, and on an answer without the three headers.
    let load = iter(callers.iter().cycle().take_while(|_| !is_over.load(Ordering::Relaxed)))
        .map(|caller| caller.get(ME))
        .buffer_unordered(8)
        .for_each(async |answer| {
            assert_eq!(standing(&answer.expect(200)).limit, 100_000);
            answered.fetch_add(1, Ordering::Relaxed);
        });
    let some_more = async || {
        let goal = answered.load(Ordering::Relaxed) + 200;
        assert!(eventually(PATIENCE, async || answered.load(Ordering::Relaxed) >= goal).await);
    };
    let events = async {
        some_more().await;
        redis.kill();
        for caller in &callers {
            assert!(eventually(PATIENCE, async || down(caller).await == Some(vec!["redis".to_owned()])).await);
        }
        some_more().await;
        redis.revive().unwrap();
        for caller in &callers {
            assert!(eventually(PATIENCE, async || down(caller).await.is_none()).await);
        }
        some_more().await;
        is_over.store(true, Ordering::Relaxed);
    };
    join(load, events).await;

    // Apart they would not know of each other's.
    let quiet = stage.key(json!({ "rate_limit_tier": "enterprise" })).await;
    let callers = everywhere(&quiet, &servers);
    let count_together = eventually(PATIENCE, async || {
        let first = standing(&callers[0].get(ME).await.expect(200)).remaining;
        standing(&callers[1].get(ME).await.expect(200)).remaining + 1 == first
    });
    assert!(count_together.await, "the limit is not shared again");
}
