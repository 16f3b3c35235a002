//! Configuration, events, sites and what is counted of them (reference: Pixel Tracking; contract: Pixel).

use std::io::Write as _;
use std::process::{Command, Stdio};

use acceptance::{Answer, Api, Backend, PATIENCE, Stage, eventually, on_both_stores};
use serde_json::{Value, json};

on_both_stores!(
    the_reference_s_configuration,
    the_reference_s_event_is_tracked_and_counted,
    every_reason_not_to_track_is_told_and_counted,
    subdomains_belong_to_a_site_that_takes_them,
    several_events_are_one_request,
    pages_of_any_origin_may_ask_and_tell,
    an_address_has_300_requests_a_minute_for_each_site,
    configurations_have_a_limit_of_their_own,
    sites_are_made_changed_and_removed,
    sites_belong_to_their_workspace_and_environment,
    a_domain_has_one_site,
    stats_are_shown_by_day_and_by_hour,
    neither_address_nor_user_agent_is_stored,
    what_pages_tell_is_no_line_of_the_log_unless_it_is_refused,
    the_script_is_small_and_for_everyone,
);

const CONFIG: &str = "/api/v1/pixel/config";
const TRACK: &str = "/api/v1/pixel/track";
const SITES: &str = "/api/v1/pixel/sites";
const STATS: &str = "/api/v1/pixel/stats";
pub(crate) const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";

async fn site(stage: &Stage, body: Value) -> Value {
    let api = stage.owner.in_workspace(stage.workspace_id);
    api.post(SITES, body).await.data(201)
}

fn view(url: &str) -> Value {
    json!({ "event": "pageview", "url": url, "user_agent": BROWSER })
}

async fn told(api: &Api, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let request = api.request("POST", TRACK).json(body);
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send().await
}

async fn stats(stage: &Stage, site: &str) -> Value {
    stage.owner.in_workspace(stage.workspace_id).get(&format!("{STATS}?site={site}")).await.data(200)
}

async fn the_reference_s_configuration(backend: Backend) {
    let stage = Stage::set(backend).await;
    let anyone = stage.anonymous();
    let nothing = json!({
        "enabled": false, "features": { "pageviews": false, "events": false, "sessions": false }, "sample_rate": 0.0,
        "honours_gpc": true, "honours_dnt": true,
    });
    let all = json!({
        "enabled": true, "features": { "pageviews": true, "events": true, "sessions": true }, "sample_rate": 1.0,
        "honours_gpc": true, "honours_dnt": true,
    });
    anyone.get(&format!("{CONFIG}?domain=example.com")).await.is(200, nothing.clone());
    let made = site(&stage, json!({ "domain": "example.com" })).await;
    anyone.get(&format!("{CONFIG}?domain=example.com")).await.is(200, all.clone());
    anyone.get(CONFIG).await.is(200, nothing.clone());
    let from = async |name: &str, value: &str| anyone.request("GET", CONFIG).header(name, value).send().await;
    from("Origin", "https://example.com:8443").await.is(200, all.clone());
    from("Referer", "https://example.com/page").await.is(200, all);
    from("Origin", "https://other.example").await.is(200, nothing.clone());
    let request =
        anyone.request("GET", &format!("{CONFIG}?domain=example.com")).header("Origin", "https://other.example");
    request.send().await.is(200, nothing.clone());
    let path = format!("{SITES}/{}", made["id"]);
    let api = stage.owner.in_workspace(stage.workspace_id);
    api.patch(&path, json!({ "sample_rate": 0.25, "features": { "events": false } })).await.expect(200);
    let changed = from("Origin", "https://example.com").await.json();
    assert_eq!((&changed["sample_rate"], &changed["features"]["events"]), (&json!(0.25), &json!(false)));
    api.patch(&path, json!({ "enabled": false })).await.expect(200);
    from("Origin", "https://example.com").await.is(200, nothing);
    anyone.get(&format!("{CONFIG}?domain=a/b")).await.expect(422);
    anyone.get(&format!("{CONFIG}?domian=example.com")).await.expect(422);
}

async fn the_reference_s_event_is_tracked_and_counted(backend: Backend) {
    let stage = Stage::set(backend).await;
    site(&stage, json!({ "domain": "example.com" })).await;
    let body = json!({
        "event": "pageview", "url": "https://example.com/page", "referrer": "https://google.com",
        "user_agent": BROWSER, "properties": { "title": "Page Title" },
    });
    told(&stage.anonymous(), &body, &[]).await.is(200, json!({ "tracked": true }));
    let shown = stats(&stage, "example.com").await;
    assert_eq!(shown["totals"], json!({ "visitors": 1, "pageviews": 1, "sessions": 1, "events": 0 }));
    assert_eq!(shown["pages"], json!([{ "name": "/page", "count": 1 }]));
    assert_eq!(shown["referrers"], json!([{ "name": "google.com", "count": 1 }]));
    let rows = stage.database.query("SELECT name, host, path, referrer, properties FROM pixel_events");
    assert_eq!(rows, [r#"pageview|example.com|/page|google.com|{"title":"Page Title"}"#]);
}

async fn every_reason_not_to_track_is_told_and_counted(backend: Backend) {
    let stage = Stage::set(backend).await;
    let anyone = stage.anonymous();
    site(&stage, json!({ "domain": "example.com", "features": { "events": false } })).await;
    site(&stage, json!({ "domain": "off.example", "enabled": false })).await;
    site(&stage, json!({ "domain": "deaf.example", "honours_gpc": false, "honours_dnt": false })).await;
    let page = view("https://example.com/");
    let bot = json!({ "event": "pageview", "url": "https://example.com/", "user_agent": "Googlebot/2.1" });
    let own = json!({ "event": "signup", "url": "https://example.com/", "user_agent": BROWSER });
    for (body, headers, reason) in [
        (&view("https://unknown.example/"), &[][..], "unknown_site"),
        (&page, &[("Origin", "https://other.example")][..], "origin_mismatch"),
        (&page, &[("Origin", "https://off.example")][..], "origin_mismatch"),
        (&page, &[("Origin", "null")][..], "origin_mismatch"),
        (&view("https://off.example/"), &[][..], "site_disabled"),
        (&own, &[][..], "feature_disabled"),
        (&bot, &[][..], "bot"),
        (&page, &[("Sec-GPC", "1")][..], "gpc"),
        (&page, &[("DNT", "1")][..], "dnt"),
    ] {
        told(&anyone, body, headers).await.is(200, json!({ "tracked": false, "reason": reason }));
    }
    let yes = json!({ "tracked": true });
    told(&anyone, &page, &[("Origin", "https://example.com")]).await.is(200, yes.clone());
    told(&anyone, &page, &[("Sec-GPC", "0"), ("DNT", "0")]).await.is(200, yes.clone());
    told(&anyone, &view("https://deaf.example/"), &[("Sec-GPC", "1"), ("DNT", "1")]).await.is(200, yes);
    let expected = json!([
        { "name": "origin_mismatch", "count": 3 }, { "name": "bot", "count": 1 }, { "name": "dnt", "count": 1 },
        { "name": "feature_disabled", "count": 1 }, { "name": "gpc", "count": 1 },
    ]);
    assert!(eventually(PATIENCE, async || stats(&stage, "example.com").await["dropped"] == expected).await);
    assert_eq!(stats(&stage, "example.com").await["totals"]["pageviews"], 2);
}

async fn subdomains_belong_to_a_site_that_takes_them(backend: Backend) {
    let stage = Stage::set(backend).await;
    let anyone = stage.anonymous();
    let made = site(&stage, json!({ "domain": "example.com" })).await;
    let unknown = json!({ "tracked": false, "reason": "unknown_site" });
    told(&anyone, &view("https://shop.example.com/a"), &[]).await.is(200, unknown);
    let path = format!("{SITES}/{}", made["id"]);
    stage.owner.in_workspace(stage.workspace_id).patch(&path, json!({ "subdomains": true })).await.expect(200);
    let origin = [("Origin", "https://www.example.com")];
    told(&anyone, &view("https://shop.example.com/a"), &origin).await.is(200, json!({ "tracked": true }));
    assert_eq!(stats(&stage, "example.com").await["pages"], json!([{ "name": "shop.example.com/a", "count": 1 }]));
}

async fn several_events_are_one_request(backend: Backend) {
    let stage = Stage::set(backend).await;
    let anyone = stage.anonymous();
    site(&stage, json!({ "domain": "example.com" })).await;
    let page = view("https://example.com/");
    let mixed = json!({ "events": [page, view("https://other.example/"), page] });
    let results = json!([{ "tracked": true }, { "tracked": false, "reason": "unknown_site" }, { "tracked": true }]);
    told(&anyone, &mixed, &[]).await.is(200, json!({ "tracked": false, "results": results }));
    let whole = json!({ "events": vec![page.clone(); 50] });
    let answer = told(&anyone, &whole, &[]).await.expect(200).json();
    assert_eq!((&answer["tracked"], answer["results"].as_array().unwrap().len()), (&json!(true), 50));
    assert_eq!(stats(&stage, "example.com").await["totals"]["pageviews"], 52);
    for body in [
        json!({ "events": vec![page.clone(); 51] }),
        json!({ "events": [] }),
        json!({ "event": "x", "events": [page] }),
    ] {
        let answer = told(&anyone, &body, &[]).await.expect(422).json();
        assert!(answer["errors"]["events"].is_array(), "{answer}");
    }
    let faulty = json!({ "events": [page, { "url": "nonsense" }] });
    let answer = told(&anyone, &faulty, &[]).await.expect(422).json();
    assert_eq!(answer["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), ["events[1].event", "events[1].url"]);
    assert_eq!(stats(&stage, "example.com").await["totals"]["pageviews"], 52, "a faulty request stores nothing");
}

async fn pages_of_any_origin_may_ask_and_tell(backend: Backend) {
    let stage = Stage::set(backend).await;
    let anyone = stage.anonymous();
    for (path, method) in [(CONFIG, "GET"), (TRACK, "POST")] {
        let raw = anyone
            .request("OPTIONS", path)
            .header("Origin", "https://anywhere.example")
            .header("Access-Control-Request-Method", method)
            .header("Access-Control-Request-Headers", "content-type")
            .raw();
        let answer = raw.send_unchecked().unwrap();
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, Some("*")));
        assert_eq!(answer.header("access-control-allow-methods"), Some(method));
        assert_eq!(answer.header("access-control-allow-headers"), Some("content-type"));
    }
    site(&stage, json!({ "domain": "example.com" })).await;
    for (kind, status) in [("text/plain;charset=UTF-8", 200), ("application/json", 200), ("text/html", 415)] {
        let request = anyone.request("POST", TRACK).header("Content-Type", kind);
        let answer = request.body(view("https://example.com/").to_string()).send().await.expect(status);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
    let refused = anyone.post(TRACK, json!({})).await.expect(422);
    assert_eq!(refused.header("access-control-allow-origin"), Some("*"), "pages may read why");
    assert!(stage.owner.get("/api/v1/me").await.header("access-control-allow-origin").is_none());
}

const TRUSTING: &[(&str, &str)] = &[("CORE_API_TRUSTED_PROXIES", "127.0.0.1")];

async fn an_address_has_300_requests_a_minute_for_each_site(backend: Backend) {
    let stage = Stage::with(backend, TRUSTING).await;
    let anyone = stage.anonymous();
    site(&stage, json!({ "domain": "example.com" })).await;
    site(&stage, json!({ "domain": "example.org" })).await;
    let send = async |host: &str, address: &str| {
        told(&anyone, &view(&format!("https://{host}/")), &[("X-Forwarded-For", address)]).await
    };
    for number in 0..300 {
        let answer = send("example.com", "203.0.113.1").await.expect(200);
        assert_eq!(answer.header("x-ratelimit-remaining"), Some((299 - number).to_string().as_str()));
    }
    let refused = send("example.com", "203.0.113.1").await.expect(429);
    assert_eq!(refused.json()["limit"], 300);
    assert!(refused.header("retry-after").is_some());
    send("example.org", "203.0.113.1").await.expect(200);
    send("example.com", "203.0.113.2").await.expect(200);
    assert_eq!(stats(&stage, "example.com").await["totals"]["pageviews"], 301);
}

async fn configurations_have_a_limit_of_their_own(backend: Backend) {
    let stage = Stage::set(backend).await;
    let anyone = stage.anonymous();
    let first = anyone.get(CONFIG).await.expect(200);
    assert_eq!((first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")), (Some("300"), Some("299")));
    for _ in 0..299 {
        anyone.get(CONFIG).await.expect(200);
    }
    anyone.get(CONFIG).await.expect(429);
    told(&anyone, &view("https://example.com/"), &[]).await.expect(200);
}

async fn sites_are_made_changed_and_removed(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = stage.owner.in_workspace(stage.workspace_id);
    let answer = api.post(SITES, json!({ "domain": "Shop.Example.com", "sample_rate": 0.5 })).await.expect(201);
    let made = answer.json()["data"].clone();
    let path = format!("{SITES}/{}", made["id"]);
    assert_eq!(answer.header("location"), Some(path.as_str()));
    assert_eq!((&made["domain"], &made["sample_rate"]), (&json!("shop.example.com"), &json!(0.5)));
    assert_eq!((&made["environment"], &made["workspace_id"]), (&json!("live"), &json!(stage.workspace_id)));
    api.get(&path).await.is(200, json!({ "data": made }));
    let changed = api.patch(&path, json!({ "honours_dnt": false, "features": { "sessions": false } })).await.data(200);
    assert_eq!((&changed["honours_dnt"], &changed["honours_gpc"]), (&json!(false), &json!(true)));
    assert_eq!(changed["features"], json!({ "pageviews": true, "events": true, "sessions": false }));
    for (body, field) in [
        (json!({}), "domain"),
        (json!({ "domain": "https://example.com" }), "domain"),
        (json!({ "domain": "example.com", "sample_rate": 1.5 }), "sample_rate"),
        (json!({ "domain": "127.0.0.1", "subdomains": true }), "subdomains"),
        (json!({ "domain": "example.com", "colour": 1 }), "colour"),
    ] {
        let answer = api.post(SITES, body).await.expect(422).json();
        assert!(answer["errors"][field].is_array(), "{answer}");
    }
    api.patch(&path, json!({ "domain": "example.org" })).await.expect(422);
    api.post(SITES, json!({ "domain": "another.example" })).await.expect(201);
    let listed =
        api.get(&format!("{SITES}?sort=domain&fields=domain&enabled=true&search=EXAMPLE")).await.expect(200).json();
    let domains: Vec<_> = listed["data"].as_array().unwrap().iter().map(|site| site["domain"].clone()).collect();
    assert_eq!(domains, ["another.example", "shop.example.com"]);
    api.get(&format!("{SITES}?enabled=maybe")).await.expect(422);
    told(&stage.anonymous(), &view("https://shop.example.com/"), &[]).await.is(200, json!({ "tracked": true }));
    api.delete(&path).await.expect(204);
    api.delete(&path).await.is_not_found();
    api.get(&path).await.is_not_found();
    api.get(&format!("{STATS}?site=shop.example.com")).await.is_not_found();
    let gone = json!({ "tracked": false, "reason": "unknown_site" });
    told(&stage.anonymous(), &view("https://shop.example.com/"), &[]).await.is(200, gone);
    api.post(SITES, json!({ "domain": "shop.example.com" })).await.expect(201);
    assert_eq!(stats(&stage, "shop.example.com").await["totals"]["pageviews"], 0, "a new site begins with nothing");
}

async fn sites_belong_to_their_workspace_and_environment(backend: Backend) {
    let stage = Stage::set(backend).await;
    let made = site(&stage, json!({ "domain": "example.com" })).await;
    let path = format!("{SITES}/{}", made["id"]);
    let stranger = stage.tenant("stranger@example.com").api;
    let test = stage.key(json!({ "environment": "test", "scopes": ["*"] })).await.api;
    for other in [&stranger, &test] {
        other.get(&path).await.is_not_found();
        other.patch(&path, json!({ "enabled": false })).await.is_not_found();
        other.delete(&path).await.is_not_found();
        other.get(&format!("{STATS}?site=example.com")).await.is_not_found();
        assert_eq!(other.get(SITES).await.expect(200).json()["meta"]["total"], 0);
    }
    let own = test.post(SITES, json!({ "domain": "staging.example" })).await.data(201);
    assert_eq!(own["environment"], "test");
    let reader = stage.key(json!({ "scopes": ["pixel:read"] })).await.api;
    reader.get(&path).await.expect(200);
    reader.delete(&path).await.expect(403);
    reader.post(SITES, json!({ "domain": "example.org" })).await.expect(403);
}

async fn a_domain_has_one_site(backend: Backend) {
    let stage = Stage::set(backend).await;
    site(&stage, json!({ "domain": "example.com", "subdomains": true })).await;
    let api = stage.owner.in_workspace(stage.workspace_id);
    let taken = api.post(SITES, json!({ "domain": "EXAMPLE.com" })).await.expect(409).json();
    assert_eq!(taken["error"], "conflict");
    let stranger = stage.tenant("stranger@example.com").api;
    for domain in ["example.com", "shop.example.com"] {
        stranger.post(SITES, json!({ "domain": domain })).await.expect(409);
    }
    api.post(SITES, json!({ "domain": "shop.example.com" })).await.expect(201);
}

async fn stats_are_shown_by_day_and_by_hour(backend: Backend) {
    let stage = Stage::set(backend).await;
    site(&stage, json!({ "domain": "example.com" })).await;
    told(&stage.anonymous(), &view("https://example.com/?utm_campaign=spring"), &[]).await.expect(200);
    let api = stage.owner.in_workspace(stage.workspace_id);
    let month = stats(&stage, "example.com").await;
    let series = month["series"].as_array().unwrap();
    assert_eq!(series.len(), 30);
    assert_eq!(series.iter().map(|point| point["pageviews"].as_u64().unwrap()).sum::<u64>(), 1);
    assert_eq!(month["campaigns"], json!([{ "name": "spring", "count": 1 }]));
    let (from, to) = (month["from"].as_str().unwrap(), month["to"].as_str().unwrap());
    let hours = api.get(&format!("{STATS}?site=example.com&from={from}&to={to}&interval=hour")).await.data(200);
    assert_eq!(hours["series"].as_array().unwrap().len(), 30 * 24);
    assert_eq!(hours["totals"], month["totals"]);
    let old = api.get(&format!("{STATS}?site=example.com&from=2020-01-01&to=2020-01-31&interval=day")).await.data(200);
    assert_eq!((old["series"].as_array().unwrap().len(), &old["totals"]["visitors"]), (31, &json!(0)));
    for (query, field) in [
        ("", "site"),
        ("?site=a/b", "site"),
        ("?site=example.com&from=2026-02-01&to=2026-01-01", "from"),
        ("?site=example.com&from=2024-01-01&to=2026-01-01", "from"),
        ("?site=example.com&from=2026-01-01&to=2026-02-01&interval=hour", "from"),
        ("?site=example.com&interval=minute", "interval"),
        ("?site=example.com&from=yesterday", "from"),
        ("?site=example.com&limit=101", "limit"),
        ("?site=example.com&form=2026-01-01", "form"),
    ] {
        let answer = api.get(&format!("{STATS}{query}")).await.expect(422).json();
        assert!(answer["errors"][field].is_array(), "{query}: {answer}");
    }
}

async fn neither_address_nor_user_agent_is_stored(backend: Backend) {
    let stage = Stage::with(backend, TRUSTING).await;
    site(&stage, json!({ "domain": "example.com" })).await;
    let page = view("https://example.com/?token=secret#part");
    for address in ["203.0.113.77", "203.0.113.77", "203.0.113.78"] {
        told(&stage.anonymous(), &page, &[("X-Forwarded-For", address)]).await.expect(200);
    }
    assert_eq!(stats(&stage, "example.com").await["totals"]["visitors"], 2);
    for table in ["pixel_events", "pixel_visitors", "pixel_hours", "pixel_names"] {
        for row in stage.database.query(&format!("SELECT * FROM {table}")) {
            for trace in ["203.0.113", "Firefox", "secret"] {
                assert!(!row.contains(trace), "{table}: {row}");
            }
        }
    }
    assert_eq!(stage.database.query("SELECT count(*) FROM pixel_salts"), ["1"]);
}

async fn what_pages_tell_is_no_line_of_the_log_unless_it_is_refused(backend: Backend) {
    let stage = Stage::with(backend, &[("CORE_API_LOG", "info")]).await;
    site(&stage, json!({ "domain": "example.com" })).await;
    let anyone = stage.anonymous();
    assert_eq!(told(&anyone, &view("https://example.com/"), &[]).await.expect(200).json()["tracked"], true);
    assert_eq!(stage.server.stderr().matches(TRACK).count(), 0);
    told(&anyone, &json!({ "event": "pageview" }), &[]).await.expect(422);
    assert_eq!(stage.server.stderr().matches(TRACK).count(), 1);
}

async fn the_script_is_small_and_for_everyone(backend: Backend) {
    let stage = Stage::set(backend).await;
    let answer = stage.anonymous().get("/pixel.js").await.expect(200);
    assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
    let text = answer.text().to_owned();
    assert!(!text.contains("document.cookie") && !text.contains("Storage"), "it leaves nothing in the browser");
    let mut gzip = Command::new("gzip").arg("-9c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    gzip.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let packed = gzip.wait_with_output().unwrap().stdout.len();
    assert!((100..=2_048).contains(&packed), "{packed} bytes");
}
