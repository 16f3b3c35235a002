//! What must hold for any input.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::Future;

use acceptance::{Answer, Api, Backend, NewKey, Stage, Tenant, blocking_on_both_stores, denied, percent_encoded};
use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

blocking_on_both_stores!(
    a_key_never_grants_what_its_creator_lacks,
    list_pages_partition_the_whole_set_in_every_order,
    a_text_as_token_opens_nothing_but_the_key_it_was_made_for,
    every_answer_to_any_request_has_the_contract_s_shape,
);

/// A stage, and what plays on it one random case after another.
struct Play {
    runtime: Runtime,
    stage: Stage,
}

impl Play {
    fn on(backend: Backend) -> Self {
        Self::with(backend, &[])
    }

    fn with(backend: Backend, settings: &[(&str, &str)]) -> Self {
        let runtime = Runtime::new().unwrap();
        let stage = runtime.block_on(Stage::with(backend, settings));
        Self { runtime, stage }
    }

    /// Plays this many cases. A failing one is made smaller before it is shown.
    fn cases<S: Strategy, F: Future<Output = ()>>(&self, count: u32, strategy: &S, play: impl Fn(S::Value) -> F) {
        let config = Config { cases: count, failure_persistence: None, max_shrink_iters: 256, ..Config::default() };
        let outcome = TestRunner::new(config).run(strategy, |case| {
            self.runtime.block_on(play(case));
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
    }
}

fn scope() -> impl Strategy<Value = String> {
    let resource = prop::sample::select(vec!["workspaces", "api-keys", "posts"]);
    let action = prop::sample::select(vec!["read", "write", "delete", "act"]);
    prop_oneof![
        1 => Just("*".to_owned()),
        6 => (resource.clone(), action.clone()).prop_map(|(resource, action)| format!("{resource}:{action}")),
        2 => resource.prop_map(|resource| format!("{resource}:*")),
        2 => action.clone().prop_map(|action| format!("*:{action}")),
        2 => action.prop_map(str::to_owned),
    ]
}

/// What a set of scopes opens, said once more than in the service, and in other words.
fn opens(scopes: &[String], resource: &str, action: &str) -> bool {
    let forms = [
        "*".to_owned(),
        action.to_owned(),
        format!("*:{action}"),
        format!("{resource}:*"),
        format!("{resource}:{action}"),
    ];
    scopes.iter().any(|scope| forms.contains(scope))
}

/// Which of the service's doors the key opens, by trying them.
async fn doors(api: &Api, workspace: i64) -> BTreeSet<&'static str> {
    let own = format!("/api/v1/workspaces/{workspace}");
    let tried = [
        ("workspaces:read", api.get(&own).await),
        ("workspaces:write", api.patch(&own, json!({})).await),
        // Nothing is there to be deleted, so that the door can be tried again.
        ("workspaces:delete", api.delete("/api/v1/workspaces/999999").await),
        ("api-keys:read", api.get("/api/v1/api-keys").await),
        ("api-keys:write", api.post("/api/v1/api-keys/999999/rotate", json!({})).await),
        ("api-keys:delete", api.delete("/api/v1/api-keys/999999").await),
    ];
    let mut open = BTreeSet::new();
    for (scope, answer) in tried {
        if answer.status == 403 {
            answer.is(403, denied(scope));
        } else {
            open.insert(scope);
        }
    }
    open
}

fn expected_doors(scopes: &[String]) -> BTreeSet<&'static str> {
    ["workspaces:read", "workspaces:write", "workspaces:delete", "api-keys:read", "api-keys:write", "api-keys:delete"]
        .into_iter()
        .filter(|scope| scope.split_once(':').is_some_and(|(resource, action)| opens(scopes, resource, action)))
        .collect()
}

fn a_key_never_grants_what_its_creator_lacks(backend: Backend) {
    let play = Play::on(backend);
    let stage = &play.stage;
    let scopes = || prop::collection::vec(scope(), 0..4);
    play.cases(48, &(scopes(), prop::option::of(scopes())), |(mut held, wanted)| async move {
        held.push("api-keys:write".to_owned());
        let creator = stage.key(json!({ "scopes": held })).await;
        let open = doors(&creator.api, stage.workspace_id).await;
        assert_eq!(open, expected_doors(&held));
        let answer = creator.api.post("/api/v1/api-keys", json!({ "name": "child", "scopes": wanted })).await;
        if answer.status == 403 {
            let lacked = answer.json()["message"].as_str().unwrap().rsplit(' ').next().unwrap().to_owned();
            let asked = wanted.unwrap_or_else(|| vec!["read".to_owned(), "write".to_owned()]);
            assert!(asked.contains(&lacked), "{lacked} was not asked for: {asked:?}");
            assert!(!held.contains(&lacked), "{lacked} is held: {held:?}");
            return;
        }
        let made = answer.data(201);
        let child = creator.api.with_key(made["key"].as_str().unwrap());
        let child_scopes: Vec<String> = serde_json::from_value(made["scopes"].clone()).unwrap();
        assert_eq!(child.get("/api/v1/me").await.data(200)["scopes"], made["scopes"]);
        let child_open = doors(&child, stage.workspace_id).await;
        assert_eq!(child_open, expected_doors(&child_scopes));
        assert!(child_open.is_subset(&open), "{held:?} made {child_scopes:?}");
        for (resource, action) in [("posts", "read"), ("posts", "act"), ("unheard-of", "read"), ("unheard-of", "act")] {
            let more = opens(&child_scopes, resource, action) && !opens(&held, resource, action);
            assert!(!more, "{held:?} made {child_scopes:?}, which opens {resource}:{action}");
        }
    });
}

async fn whole_list(api: &Api, path: &str) -> (u64, Vec<i64>) {
    let (mut path, mut ids, mut total) = (path.to_owned(), Vec::new(), 0);
    loop {
        let list = api.get(&path).await.expect(200).json();
        ids.extend(list["data"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()));
        total = total.max(list["meta"]["total"].as_u64().unwrap());
        let Some(next) = list["links"]["next"].as_str() else { return (total, ids) };
        path = next.strip_prefix(api.base_url()).unwrap().to_owned();
    }
}

fn sort_of(fields: &'static [&'static str]) -> impl Strategy<Value = String> {
    let signs = prop::collection::vec(any::<bool>(), fields.len());
    (prop::sample::subsequence(fields, 1..=fields.len()).prop_shuffle(), signs).prop_map(|(fields, signs)| {
        let signed = fields.iter().zip(signs).map(|(field, minus)| format!("{}{field}", if minus { "-" } else { "" }));
        signed.collect::<Vec<_>>().join(",")
    })
}

fn list_pages_partition_the_whole_set_in_every_order(backend: Backend) {
    let play = Play::on(backend);
    let stage = &play.stage;
    play.runtime.block_on(async {
        // Few different values, so that the ids have to break many ties.
        let tiers = ["free", "pro", "business"];
        join_all(
            (0..23).map(|number| {
                stage.workspace(json!({ "name": format!("w {}", number % 4), "tier": tiers[number % 3] }))
            }),
        )
        .await;
        join_all((0..23).map(|number| {
            let end = (number % 3 > 0).then(|| format!("209{}-01-01", number % 3));
            stage.key(json!({ "name": format!("k {}", number % 4), "expires_at": end }))
        }))
        .await;
    });
    let orders = (
        sort_of(&["id", "name", "slug", "tier", "created_at", "updated_at"]),
        sort_of(&["id", "name", "created_at", "last_used_at", "expires_at"]),
        1..30_u32,
        prop::sample::select(vec!["", "&search=1", "&search=%20", "&created_after=2020-01-01"]),
    );
    play.cases(48, &orders, |(workspace_order, key_order, per_page, filter)| async move {
        for (path, order, api) in [
            ("/api/v1/workspaces", workspace_order, stage.owner.clone()),
            ("/api/v1/api-keys", key_order, stage.owner.in_workspace(stage.workspace_id)),
        ] {
            let (total, whole) = whole_list(&api, &format!("{path}?sort={order}&per_page=100{filter}")).await;
            let (_, paged) = whole_list(&api, &format!("{path}?sort={order}&per_page={per_page}{filter}")).await;
            assert_eq!(paged, whole, "{path} by {order}");
            assert_eq!(paged.len() as u64, total);
            let different: BTreeSet<_> = paged.iter().collect();
            assert_eq!(different.len(), paged.len(), "{path} by {order}: an item came twice");
            let (_, plain) = whole_list(&api, &format!("{path}?per_page=100{filter}")).await;
            assert_eq!(different, plain.iter().collect(), "{path} by {order}: another set");
        }
    });
}

/// How a key is changed before it is shown.
#[derive(Debug, Clone)]
enum Change {
    None,
    Replace(usize, char),
    Remove(usize),
    Insert(usize, char),
    Swap(usize),
    Text(String),
}

fn change() -> impl Strategy<Value = Change> {
    let place = 0..44_usize;
    let digit = prop::char::ranges(vec!['0'..='9', 'A'..='Z', 'a'..='z'].into());
    prop_oneof![
        1 => Just(Change::None),
        2 => (place.clone(), digit.clone()).prop_map(|(place, digit)| Change::Replace(place, digit)),
        1 => place.clone().prop_map(Change::Remove),
        1 => (place.clone(), digit).prop_map(|(place, digit)| Change::Insert(place, digit)),
        1 => (0..43_usize).prop_map(Change::Swap),
        2 => "[!-~]{0,60}".prop_map(Change::Text),
        1 => "sk_(live|test)_[0-9A-Za-z]{36}".prop_map(Change::Text),
    ]
}

fn changed(secret: &str, change: Change) -> String {
    let mut chars: Vec<char> = secret.chars().collect();
    match change {
        Change::None => {}
        Change::Replace(place, digit) => chars[place] = digit,
        Change::Remove(place) => drop(chars.remove(place)),
        Change::Insert(place, digit) => chars.insert(place, digit),
        Change::Swap(place) => chars.swap(place, place + 1),
        Change::Text(text) => return text,
    }
    chars.into_iter().collect()
}

fn a_text_as_token_opens_nothing_but_the_key_it_was_made_for(backend: Backend) {
    let play = Play::on(backend);
    let stage = &play.stage;
    let keys: Vec<NewKey> = play.runtime.block_on(async {
        vec![
            stage.key(json!({ "scopes": ["*"] })).await,
            stage.key(json!({ "environment": "test" })).await,
            stage.account_key(&["posts:read".to_owned()]),
        ]
    });
    let keys = &keys;
    play.cases(48, &(0..3_usize, change()), |(which, change)| async move {
        let shown = changed(&keys[which].secret, change);
        let answer = stage.anonymous().with_key(&shown).get("/api/v1/me").await;
        match keys.iter().find(|key| key.secret == shown) {
            Some(key) => assert_eq!(answer.data(200)["key"]["id"], key.id),
            None => answer.is_unauthorized(),
        }
    });
}

/// A request of any sense, as long as it is HTTP.
#[derive(Debug, Clone)]
struct Anything {
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    is_known: bool,
    is_in_workspace: bool,
}

fn method() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec!["GET", "POST", "PATCH", "DELETE"]).prop_map(str::to_owned),
        2 => prop::sample::select(vec!["HEAD", "PUT", "OPTIONS", "TRACE"]).prop_map(str::to_owned),
        1 => "[A-Z]{1,12}".prop_filter("it opens a tunnel", |method| method != "CONNECT"),
    ]
}

fn target() -> impl Strategy<Value = (String, String)> {
    let operation = prop::sample::select(vec![
        ("GET", "/api/v1/me"),
        ("GET", "/api/v1/workspaces"),
        ("POST", "/api/v1/workspaces"),
        ("GET", "/api/v1/workspaces/{id}"),
        ("PATCH", "/api/v1/workspaces/{id}"),
        ("PATCH", "/api/v1/workspaces/{own}"),
        ("DELETE", "/api/v1/workspaces/{id}"),
        ("GET", "/api/v1/api-keys"),
        ("POST", "/api/v1/api-keys"),
        ("GET", "/api/v1/api-keys/{id}"),
        ("DELETE", "/api/v1/api-keys/{id}"),
        ("POST", "/api/v1/api-keys/{id}/rotate"),
    ]);
    prop_oneof![
        4 => (operation, id()).prop_map(|((method, path), id)| (method.to_owned(), path.replace("{id}", &id))),
        1 => (method(), path()),
    ]
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (1..30_i64).prop_map(|id| id.to_string()),
        1 => any::<i64>().prop_map(|id| id.to_string()),
        1 => prop::collection::vec(any::<u8>(), 1..8).prop_map(|bytes| percent_encoded(&bytes)),
        1 => "[!$&-;=@-Z_a-z~]{1,12}",
    ]
}

fn path() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "/api/v1/me",
        "/api/v1/workspaces",
        "/api/v1/workspaces/{id}",
        "/api/v1/api-keys",
        "/api/v1/api-keys/{id}",
        "/api/v1/api-keys/{id}/rotate",
        "/api/v1/webhooks",
        "/api/v1/webhooks/{id}",
        "/api/v1/webhooks/{id}/deliveries",
        "/api/v1/webhooks/{id}/deliveries/{id}",
        "/api/v1/webhooks/{id}/deliveries/{id}/retry",
        "/api/v1/webhooks/{id}/replay",
        "/api/v1/webhooks/{id}/rotate-secret",
        "/api/v1/webhooks/{id}/statistics",
        "/api/v1/events",
        "/api/v1/events/{id}",
        "/api/v1/seo/report",
        "/api/v1/seo/reports",
        "/api/v1/seo/reports/{id}",
        "/api/v1/seo/issues/{id}",
        "/api/v1/seo/history",
        "/health/live",
        "/health/ready",
        "/openapi.json",
        "/{id}",
        "/api/v1/{id}/{id}",
    ]);
    (known, id()).prop_map(|(template, id)| template.replace("{id}", &id))
}

fn query() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        6 => prop::sample::select(vec![
            "page", "per_page", "sort", "fields", "include", "search", "created_after", "created_before",
            "updated_after", "updated_before", "tier", "status", "environment", "rate_limit_tier", "severity", "issue_type", "url", "tool",
        ])
        .prop_map(str::to_owned),
        1 => prop::collection::vec(any::<u8>(), 0..6).prop_map(|bytes| percent_encoded(&bytes)),
    ];
    let value = prop_oneof![
        4 => prop::sample::select(vec![
            "1", "2", "0", "-1", "100", "101", "id", "-id", "name,-id", "owner", "members", "workspace", "created_by",
            "pro", "active", "revoked", "live", "2026-01-01", "2026-01-01T00:00:00%2B02:00", "9999-12-31T23:59:59Z",
            "0001-01-01", "99999999999999999999", "a", "%25", "_", "%5C", "",
        ])
        .prop_map(str::to_owned),
        1 => prop::collection::vec(any::<u8>(), 0..12).prop_map(|bytes| percent_encoded(&bytes)),
        1 => "[!$%&-;=?-Z_a-z~]{0,12}",
    ];
    prop_oneof![
        3 => Just(String::new()),
        4 => prop::collection::vec((name, value), 1..4).prop_map(|pairs| {
            let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("?{}", pairs.join("&"))
        }),
        1 => "\\?[!$%&-;=?-Z_a-z~]{0,30}",
    ]
}

/// What a header may hold: visible characters, blanks within, and bytes beyond ASCII.
fn header_value() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![8 => 0x21..=0x7e_u8, 1 => 0x80..=0xff_u8, 1 => Just(b' '), 1 => Just(b'\t')];
    prop::collection::vec(byte, 0..40)
}

fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let name = prop::sample::select(vec![
        "X-Workspace-ID",
        "X-Request-ID",
        "Accept",
        "Accept-Encoding",
        "Content-Type",
        "Cookie",
        "Origin",
        "Range",
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "Idempotency-Key",
        "If-Match",
        "User-Agent",
        "X-Anything",
    ])
    .prop_map(str::to_owned);
    let value = prop_oneof![
        2 => header_value(),
        1 => prop::sample::select(vec!["1", "0", "application/json", "*/*", "bytes=0-1"]).prop_map(Vec::from),
    ];
    prop::collection::vec((name, value), 0..4)
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        prop::sample::select(vec!["pro", "live", "read", "posts:read", "2030-01-01", "10.0.0.0/8"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".{0,6}", inner), 0..4).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let field = prop::sample::select(vec![
        "name",
        "slug",
        "tier",
        "settings",
        "scopes",
        "rate_limit_tier",
        "expires_at",
        "environment",
        "allowed_ips",
        "mcp_servers",
        "grace_period_hours",
        "unheard_of",
    ]);
    prop_oneof![
        1 => Just(Vec::new()),
        1 => prop::collection::vec(any::<u8>(), 0..64),
        1 => json_value().prop_map(|value| value.to_string().into_bytes()),
        6 => prop::collection::vec((field, json_value()), 0..5).prop_map(|pairs| {
            let fields = pairs.into_iter().map(|(name, value)| (name.to_owned(), value));
            Value::Object(fields.collect()).to_string().into_bytes()
        }),
        3 => ".{0,40}".prop_map(|name| json!({ "name": name }).to_string().into_bytes()),
        3 => (".{0,30}", json_value()).prop_map(|(name, settings)| {
            json!({ "name": name, "settings": settings }).to_string().into_bytes()
        }),
    ]
}

fn anything() -> impl Strategy<Value = Anything> {
    let is_json = prop::bool::weighted(0.8);
    let is_known = prop::bool::weighted(0.9);
    let is_in_workspace = prop::bool::weighted(0.8);
    (target(), query(), headers(), body(), is_json, is_known, is_in_workspace).prop_map(
        |((method, path), query, mut headers, body, is_json, is_known, is_in_workspace)| {
            if is_json {
                headers.push(("Content-Type".to_owned(), b"application/json".to_vec()));
            }
            Anything { method, path: path + &query, headers, body, is_known, is_in_workspace }
        },
    )
}

/// Sends the request as it is. The client holds every answer against description and contract.
/// Each case comes from an address of its own: limits by address are not what is asked for here.
fn ask(tenant: &Tenant, anything: &Anything, number: u16) -> Answer {
    let who = if anything.is_known { tenant.api.clone() } else { tenant.api.without_key() };
    let who = if anything.is_in_workspace { who.in_workspace(tenant.workspace_id) } else { who };
    let path = anything.path.replace("{own}", &tenant.workspace_id.to_string());
    let [high, low] = number.to_be_bytes();
    let request = who.request(&anything.method, &path).body(anything.body.clone());
    let request = request.header_bytes("X-Forwarded-For", format!("10.0.{high}.{low}").as_bytes());
    let request = anything.headers.iter().fold(request, |request, (name, value)| request.header_bytes(name, value));
    request.raw().send()
}

fn every_answer_to_any_request_has_the_contract_s_shape(backend: Backend) {
    let play = Play::with(backend, &[("CORE_API_TRUSTED_PROXIES", "127.0.0.1")]);
    let stage = &play.stage;
    let tenant = || stage.tenant("any@example.com");
    let asker = &RefCell::new(tenant());
    let numbers = &Cell::new(0_u16);
    play.cases(1_000, &anything(), |anything| async move {
        let answer = {
            numbers.set(numbers.get().wrapping_add(1));
            ask(&asker.borrow(), &anything, numbers.get())
        };
        assert!(answer.status < 500, "{answer}");
        let is_lost = anything.is_known && answer.status == 401;
        if is_lost || (anything.method == "DELETE" && answer.status == 204) {
            // The key was revoked or rotated without grace by an earlier request, or the workspace is gone by this one.
            *asker.borrow_mut() = tenant();
        }
    });
    play.runtime.block_on(async { tenant().api.get("/api/v1/me").await.expect(200) });
}
