//! What nobody means well sends to the pixel.

use acceptance::{Backend, Stage, on_both_stores};
use serde_json::{Value, json};

on_both_stores!(
    hostile_bodies_are_refused_by_name,
    bodies_have_their_own_bound,
    ten_thousand_user_agents_are_as_many_visitors,
);

const TRACK: &str = "/api/v1/pixel/track";
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";

async fn stage(backend: Backend) -> Stage {
    let stage = Stage::with(backend, &[("CORE_API_TRUSTED_PROXIES", "127.0.0.1")]).await;
    let api = stage.owner.in_workspace(stage.workspace_id);
    api.post("/api/v1/pixel/sites", json!({ "domain": "example.com" })).await.expect(201);
    stage
}

async fn hostile_bodies_are_refused_by_name(backend: Backend) {
    let stage = stage(backend).await;
    let anyone = stage.anonymous();
    let with = |name: &str, value: Value| {
        let mut body = json!({ "event": "signup", "url": "https://example.com/", "user_agent": BROWSER });
        body[name] = value;
        body
    };
    let deep = (0..100).fold(json!(1), |inner, _| json!({ "a": inner }));
    for (name, value) in [
        ("properties", deep),
        ("properties", json!({ "a": "x".repeat(5_000) })),
        ("properties", json!([1])),
        ("event", json!("a\0b")),
        ("event", json!("")),
        ("event", json!("x".repeat(121))),
        ("event", json!(5)),
        ("url", json!("https://exa\0mple.com/")),
        ("url", json!("javascript:alert(1)")),
        ("url", json!(format!("https://example.com/{}", "x".repeat(2_048)))),
        ("referrer", json!("x".repeat(2_049))),
        ("colour", json!("red")),
    ] {
        let answer = anyone.post(TRACK, with(name, value)).await.expect(422).json();
        assert!(answer["errors"][name].is_array(), "{name}: {answer}");
    }
    for text in [
        r#"{"event":"\ud800","url":"https://example.com/"}"#.to_owned(),
        r#"{"event":"a","url":"https://example.com/","properties":{"a":"\udfff"}}"#.to_owned(),
        format!(
            r#"{{"event":"a","url":"https://example.com/","properties":{}1{}}}"#,
            r#"{"a":"#.repeat(5_000),
            "}".repeat(5_000)
        ),
        "not JSON".to_owned(),
        String::new(),
    ] {
        anyone.request("POST", TRACK).header("Content-Type", "text/plain").body(text).send().await.expect(400);
    }
    for kept in [
        with("properties", json!({ "nul": "a\0b", "text": "\u{feff}\u{1f980}" })),
        with("url", json!("https://example.com/%00?utm_source=%00x&utm_medium=%ff")),
        with("referrer", json!("\0nonsense")),
    ] {
        anyone.post(TRACK, kept).await.is(200, json!({ "tracked": true }));
    }
    assert_eq!(stage.database.query("SELECT count(*) FROM pixel_events"), ["3"]);
}

async fn bodies_have_their_own_bound(backend: Backend) {
    let stage = stage(backend).await;
    let anyone = stage.anonymous();
    let text = json!({ "event": "pageview", "url": "https://example.com/", "user_agent": BROWSER }).to_string();
    for (length, status) in [(64 * 1024, 200), (64 * 1024 + 1, 413)] {
        let padded = format!("{text}{}", " ".repeat(length - text.len()));
        anyone.request("POST", TRACK).header("Content-Type", "text/plain").body(padded).send().await.expect(status);
    }
}

async fn ten_thousand_user_agents_are_as_many_visitors(backend: Backend) {
    let stage = stage(backend).await;
    let anyone = stage.anonymous();
    for number in 0..200 {
        let events: Vec<_> = (0..50)
            .map(|place| {
                let agent = format!("{BROWSER} v{}", number * 50 + place);
                let url = format!("https://example.com/{}", number * 50 + place);
                json!({ "event": "pageview", "url": url, "user_agent": agent })
            })
            .collect();
        let answer = anyone.post(TRACK, json!({ "events": events })).await.expect(200).json();
        assert_eq!(answer["tracked"], true);
    }
    let api = stage.owner.in_workspace(stage.workspace_id);
    let stats = api.get("/api/v1/pixel/stats?site=example.com&limit=1").await.data(200);
    assert_eq!((&stats["totals"]["visitors"], &stats["totals"]["pageviews"]), (&json!(10_000), &json!(10_000)));
    assert_eq!(stats["pages"], json!([{ "name": "(other)", "count": 9_000 }]), "names are bounded");
}
