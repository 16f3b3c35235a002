use std::fs;
use std::path::Path;

use acceptance::{Answer, Api, Backend, Stage, on_both_stores, validation};
use futures_util::future::join_all;
use serde_json::{Value, json};

on_both_stores!(
    a_report_is_created_and_read_back,
    the_lighthouse_files_go_in_as_they_are,
    a_second_run_persists_what_is_still_there,
    page_speed_answers_go_in_as_they_are,
    one_twice_in_a_report_is_one_issue,
    an_issue_without_an_element_goes_after_two_absences,
    urls_are_brought_to_one_form,
    scores_may_be_missing_or_null,
    a_history_tells_scores_over_time,
    issues_are_filtered_sorted_and_include_their_report,
    live_and_test_are_apart,
    another_workspaces_issues_and_reports_are_not_found,
    concurrent_reports_of_a_page_add_up,
    a_repeated_report_is_answered_from_the_first,
    bodies_may_have_8_mib_here_and_nowhere_else,
    deep_nesting,
    nul_and_lone_surrogates,
    scores_out_of_range_and_floats,
    too_many_issues,
    bad_types_severities_and_elements,
    bad_urls_and_tools,
    unknown_fields_and_wrong_shapes,
    broken_lighthouse_results,
    a_history_without_a_url,
);

const REPORT: &str = "/api/v1/seo/report";
const REPORTS: &str = "/api/v1/seo/reports";
const MIB: usize = 1024 * 1024;

fn file(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/lighthouse").join(name)).unwrap()
}

async fn send(api: &Api, body: impl Into<Vec<u8>>) -> Answer {
    api.request("POST", REPORT).header("Content-Type", "application/json").body(body).send().await
}

fn report(issues: &Value) -> Value {
    json!({ "url": "https://example.com/page", "scores": { "seo": 95 }, "issues": issues })
}

async fn submit(api: &Api, issues: Value) -> Value {
    api.post(REPORT, report(&issues)).await.data(201)
}

fn counts(report: &Value) -> [i64; 4] {
    ["new", "persisted", "reopened", "resolved"].map(|name| report["issues"][name].as_i64().unwrap())
}

async fn issues(stage: &Stage, query: &str) -> Vec<Value> {
    let path = format!("/api/v1/seo/issues/{}?per_page=100&{query}", stage.workspace_id);
    stage.owner.get(&path).await.expect(200).json()["data"].as_array().unwrap().clone()
}

async fn a_report_is_created_and_read_back(backend: Backend) {
    let stage = Stage::set(backend).await;
    let body = json!({
        "url": "https://example.com/page",
        "scores": { "performance": 85, "accessibility": 92, "best_practices": 88, "seo": 95 },
        "issues": [{ "type": "missing_alt", "severity": "warning", "element": "img.hero-image", "line": 12 }],
    });
    let answer = stage.owner.post(REPORT, body.clone()).await.expect(201);
    let made = answer.json();
    assert_eq!(made["message"], "SEO report submitted successfully.");
    let data = &made["data"];
    let id = data["id"].as_i64().unwrap();
    assert_eq!(data["url"], "https://example.com/page");
    assert_eq!(data["scores"], body["scores"]);
    assert_eq!(data["issues_count"], 1);
    assert_eq!(answer.header("location"), Some(format!("{REPORTS}/{id}").as_str()));
    stage.owner.get(&format!("{REPORTS}/{id}")).await.is(200, json!({ "data": data }));
    let listed = stage.owner.get(REPORTS).await.expect(200).json();
    assert_eq!((&listed["data"], &listed["meta"]["total"]), (&json!([data]), &json!(1)));
    let found = issues(&stage, "").await;
    let issue = &found[0];
    for (field, value) in [
        ("url", json!("https://example.com/page")),
        ("issue_type", json!("missing_alt")),
        ("severity", json!("warning")),
        ("element", json!("img.hero-image")),
        ("status", json!("open")),
        ("details", json!({ "line": 12 })),
        ("occurrences", json!(1)),
        ("report_id", json!(id)),
    ] {
        assert_eq!(issue[field], value, "{field}");
    }
    let partly = stage.owner.get(&format!("{REPORTS}/{id}?fields=url")).await.data(200);
    assert_eq!(partly, json!({ "id": id, "url": "https://example.com/page" }));
}

/// What the files' README says.
async fn the_lighthouse_files_go_in_as_they_are(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (name, version, scores) in [
        ("sample-v13.json", "13.4.1", [32, 75, 31, 75]),
        ("page-v9-first.json", "9.3.0", [23, 92, 83, 86]),
        ("page-v9-second.json", "9.3.0", [28, 92, 83, 86]),
    ] {
        let made = send(&stage.owner, file(name)).await.data(201);
        assert_eq!((&made["tool"], &made["tool_version"]), (&json!("lighthouse"), &json!(version)), "{name}");
        let [performance, accessibility, best_practices, seo] = scores;
        let expected = json!({
            "performance": performance, "accessibility": accessibility, "best_practices": best_practices, "seo": seo
        });
        assert_eq!(made["scores"], expected, "{name}");
    }
    let sample = "url=http://localhost:10200/dobetterweb/dbw_tester.html";
    let found = issues(&stage, sample).await;
    let seo = found.iter().filter(|issue| issue["details"]["categories"].as_array().unwrap().contains(&json!("seo")));
    let mut failing = std::collections::BTreeMap::new();
    for issue in seo {
        *failing.entry(issue["issue_type"].as_str().unwrap()).or_insert(0) += issue["occurrences"].as_i64().unwrap();
    }
    let failing: Vec<_> = failing.into_iter().collect();
    assert_eq!(failing, [("crawlable-anchors", 2), ("image-alt", 9), ("meta-description", 1)]);
    let reports = stage.owner.get(&format!("{REPORTS}?{sample}")).await.expect(200).json();
    assert_eq!(reports["data"][0]["extra_scores"], json!({ "agentic-browsing": 30 }));
}

async fn a_second_run_persists_what_is_still_there(backend: Backend) {
    let stage = Stage::set(backend).await;
    let first = send(&stage.owner, file("page-v9-first.json")).await.data(201);
    assert_eq!((counts(&first), &first["issues_count"]), ([77, 0, 0, 0], &json!(77)));
    let second = send(&stage.owner, file("page-v9-second.json")).await.data(201);
    assert_eq!((counts(&second), &second["issues_count"]), ([3, 75, 0, 2], &json!(78)));
    assert_eq!(issues(&stage, "status=open").await.len(), 78);
    let gone = issues(&stage, "status=resolved").await;
    assert_eq!(gone.len(), 2);
    assert!(gone.iter().all(|issue| issue["issue_type"] == "offscreen-images" && !issue["resolved_at"].is_null()));
    // The first run again: what it lacks but for what has no element is gone, and what was gone is back as itself.
    let third = send(&stage.owner, file("page-v9-first.json")).await.data(201);
    assert_eq!(counts(&third), [0, 75, 2, 0]);
    let fourth = send(&stage.owner, file("page-v9-first.json")).await.data(201);
    assert_eq!(counts(&fourth), [0, 77, 0, 3]);
    for issue in &gone {
        let back = issues(&stage, "issue_type=offscreen-images").await;
        let back = back.iter().find(|back| back["id"] == issue["id"]).unwrap();
        assert_eq!((&back["status"], &back["first_seen_at"]), (&json!("open"), &issue["first_seen_at"]));
    }
}

async fn page_speed_answers_go_in_as_they_are(backend: Backend) {
    let stage = Stage::set(backend).await;
    let mut body =
        br#"{"captchaResult":"CAPTCHA_NOT_NEEDED","kind":"pagespeedonline#result","lighthouseResult":"#.to_vec();
    body.extend(file("sample-v13.json"));
    body.extend(br#","analysisUTCTimestamp":"2026-01-15T10:30:00Z"}"#);
    let made = send(&stage.owner, body).await.data(201);
    assert_eq!((&made["scores"]["performance"], &made["tool"]), (&json!(32), &json!("lighthouse")));
}

async fn one_twice_in_a_report_is_one_issue(backend: Backend) {
    let stage = Stage::set(backend).await;
    let issue = |severity: &str| json!({ "type": "alt", "severity": severity, "element": "img" });
    let made = submit(&stage.owner, json!([issue("info"), issue("error"), issue("warning")])).await;
    assert_eq!((counts(&made), &made["issues_count"]), ([1, 0, 0, 0], &json!(1)));
    let found = issues(&stage, "").await;
    assert_eq!((&found[0]["occurrences"], &found[0]["severity"], found.len()), (&json!(3), &json!("error"), 1));
}

async fn an_issue_without_an_element_goes_after_two_absences(backend: Backend) {
    let stage = Stage::set(backend).await;
    let both = json!([
        { "type": "console", "severity": "error" },
        { "type": "alt", "severity": "error", "element": "img" },
    ]);
    submit(&stage.owner, both.clone()).await;
    assert_eq!(counts(&submit(&stage.owner, json!([])).await), [0, 0, 0, 1]);
    let other_tool = json!({ "url": "https://example.com/page", "scores": { "seo": 1 }, "tool": "other" });
    assert_eq!(counts(&stage.owner.post(REPORT, other_tool).await.data(201)), [0, 0, 0, 0]);
    assert_eq!(counts(&submit(&stage.owner, json!([])).await), [0, 0, 0, 1]);
    assert_eq!(counts(&submit(&stage.owner, both).await), [0, 0, 2, 0]);
}

async fn urls_are_brought_to_one_form(backend: Backend) {
    let stage = Stage::set(backend).await;
    for url in ["https://example.com/a?x=1", "HTTPS://EXAMPLE.com:443/a?utm_source=mail&x=1&gclid=abc#top"] {
        let made = stage.owner.post(REPORT, json!({ "url": url, "scores": { "seo": 1 } })).await.data(201);
        assert_eq!(made["url"], "https://example.com/a?x=1");
    }
    let asked = "https%3A%2F%2FEXAMPLE.com%2Fa%3Fx%3D1%26fbclid%3D2";
    let listed = stage.owner.get(&format!("{REPORTS}?url={asked}")).await.expect(200).json();
    assert_eq!(listed["meta"]["total"], 2);
}

async fn scores_may_be_missing_or_null(backend: Backend) {
    let stage = Stage::set(backend).await;
    let body = json!({
        "url": "https://example.com/", "scores": { "seo": 0, "performance": null },
        "extra_scores": { "pwa": 60, "agentic-browsing": null }, "tool": "my-crawler", "tool_version": "1.2.0",
    });
    let made = stage.owner.post(REPORT, body).await.data(201);
    let none = json!({ "performance": null, "accessibility": null, "best_practices": null, "seo": 0 });
    assert_eq!((&made["scores"], &made["extra_scores"]), (&none, &json!({ "agentic-browsing": null, "pwa": 60 })));
    assert_eq!((&made["tool"], &made["tool_version"]), (&json!("my-crawler"), &json!("1.2.0")));
    let unscored = json!({
        "lighthouseVersion": "12.0.0", "finalUrl": "https://example.com/", "categories": { "seo": { "score": null } },
        "audits": {}, "runtimeError": { "code": "NO_FCP" },
    });
    let made = stage.owner.post(REPORT, unscored).await.data(201);
    assert!(made["scores"].as_object().unwrap().values().all(Value::is_null));
}

async fn a_history_tells_scores_over_time(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (page, score) in [("a", 50), ("b", 1), ("a", 60), ("a", 45)] {
        let url = format!("https://example.com/{page}");
        stage.owner.post(REPORT, json!({ "url": url, "scores": { "seo": score } })).await.expect(201);
    }
    let history = "/api/v1/seo/history?url=https://example.com/a";
    let told = async |query: &str| {
        let listed = stage.owner.get(&format!("{history}{query}")).await.expect(200).json();
        listed["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|point| point["scores"]["seo"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(told("&sort=-created_at").await, [45, 60, 50]);
    assert_eq!(told("&sort=created_at&per_page=2&page=1").await, [50, 60]);
    assert_eq!(told("&sort=created_at&per_page=2&page=2").await, [45]);
    assert_eq!(told("&created_before=2020-01-01").await, [0; 0]);
    assert_eq!(told("&updated_after=2020-01-01").await.len(), 3);
}

async fn issues_are_filtered_sorted_and_include_their_report(backend: Backend) {
    let stage = Stage::set(backend).await;
    let made = submit(
        &stage.owner,
        json!([
            { "type": "a", "severity": "info" },
            { "type": "b", "severity": "critical" },
            { "type": "c", "severity": "warning" },
            { "type": "b", "severity": "error", "element": "p" },
        ]),
    )
    .await;
    let words = |found: Vec<Value>, field: &str| -> Vec<String> {
        found.iter().map(|issue| issue[field].as_str().unwrap().to_owned()).collect()
    };
    let sorted = words(issues(&stage, "sort=-severity").await, "severity");
    assert_eq!(sorted, ["critical", "error", "warning", "info"]);
    assert_eq!(words(issues(&stage, "issue_type=b&sort=id").await, "severity"), ["critical", "error"]);
    assert_eq!(words(issues(&stage, "severity=warning").await, "issue_type"), ["c"]);
    assert_eq!(issues(&stage, "search=EXAMPLE.com").await.len(), 4);
    assert_eq!(issues(&stage, "search=nowhere").await.len(), 0);
    let with_report = issues(&stage, "include=report&fields=severity&sort=id").await;
    assert_eq!(with_report[0]["report"], made);
    assert!(with_report[0]["url"].is_null());
    let path = format!("/api/v1/seo/issues/{}", stage.workspace_id);
    for query in
        ["status=closed", "severity=bad", "issue_type=A%20b", "url=nowhere", "sort=element", "include=url", "x=1"]
    {
        stage.owner.get(&format!("{path}?{query}")).await.expect(422);
    }
    let paged = stage.owner.get(&format!("{path}?per_page=3&page=2")).await.expect(200).json();
    assert_eq!((&paged["meta"]["total"], paged["data"].as_array().unwrap().len()), (&json!(4), 1));
}

async fn live_and_test_are_apart(backend: Backend) {
    let stage = Stage::set(backend).await;
    let test = stage.key(json!({ "scopes": ["*"], "environment": "test" })).await;
    let live = stage.key(json!({ "scopes": ["*"] })).await;
    let issue = json!([{ "type": "alt", "severity": "error", "element": "img" }]);
    let made = submit(&test.api, issue.clone()).await;
    assert_eq!(counts(&submit(&live.api, issue).await), [1, 0, 0, 0]);
    assert_eq!(counts(&submit(&live.api, json!([])).await), [0, 0, 0, 1]);
    let path = format!("/api/v1/seo/issues/{}", stage.workspace_id);
    for (api, status, total) in [(&test.api, "open", 1), (&live.api, "resolved", 2)] {
        let listed = api.get(&path).await.expect(200).json();
        assert_eq!((&listed["meta"]["total"], &listed["data"][0]["status"]), (&json!(1), &json!(status)));
        assert_eq!(api.get(REPORTS).await.expect(200).json()["meta"]["total"], total);
    }
    live.api.get(&format!("{REPORTS}/{}", made["id"])).await.is_not_found();
    test.api.get(&format!("{REPORTS}/{}", made["id"])).await.expect(200);
}

async fn another_workspaces_issues_and_reports_are_not_found(backend: Backend) {
    let stage = Stage::set(backend).await;
    let stranger = stage.tenant("stranger@example.com");
    let made = submit(&stage.owner, json!([])).await;
    for id in [stage.workspace_id.to_string(), "999999".to_owned(), "0".to_owned(), "x".to_owned()] {
        stranger.api.get(&format!("/api/v1/seo/issues/{id}")).await.is_not_found();
    }
    stranger.api.get(&format!("{REPORTS}/{}", made["id"])).await.is_not_found();
    assert_eq!(stranger.api.get(REPORTS).await.expect(200).json()["meta"]["total"], 0);
    let bound = stage.key(json!({ "scopes": ["seo:read"] })).await;
    bound.api.get(&format!("/api/v1/seo/issues/{}", stage.workspace_id)).await.expect(200);
    bound.api.get(&format!("/api/v1/seo/issues/{}", stranger.workspace_id)).await.is_not_found();
    bound.api.post(REPORT, report(&json!([]))).await.expect(403);
}

async fn concurrent_reports_of_a_page_add_up(backend: Backend) {
    let stage = Stage::set(backend).await;
    let element = |number: usize| json!({ "type": "alt", "severity": "error", "element": format!("img-{number}") });
    let reports = (0..12).map(|writer| {
        let found: Vec<_> = (0..20).map(|number| element((number * 3 + writer) % 20)).collect();
        submit(&stage.owner, found.into())
    });
    let made = join_all(reports).await;
    assert_eq!(made.iter().map(|report| counts(report)[0]).sum::<i64>(), 20);
    assert_eq!(issues(&stage, "status=open").await.len(), 20);
}

async fn a_repeated_report_is_answered_from_the_first(backend: Backend) {
    let stage = Stage::set(backend).await;
    let send = async || {
        let request = stage
            .owner
            .request("POST", REPORT)
            .header("Idempotency-Key", "one")
            .header("Content-Type", "application/json");
        request.body(file("page-v9-first.json")).send().await.expect(201)
    };
    let (first, second) = (send().await, send().await);
    assert_eq!(first.body, second.body);
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(stage.owner.get(REPORTS).await.expect(200).json()["meta"]["total"], 1);
}

async fn bodies_may_have_8_mib_here_and_nowhere_else(backend: Backend) {
    let stage = Stage::set(backend).await;
    let start = br#"{"lighthouseVersion":"1","finalUrl":"https://example.com/","categories":{},"audits":{},"trace":""#;
    let padded = |length: usize| {
        let mut body = start.to_vec();
        body.resize(length - 2, b'x');
        body.extend(b"\"}");
        body
    };
    send(&stage.owner, padded(8 * MIB)).await.expect(201);
    let with_key = |length| {
        let request = stage
            .owner
            .request("POST", REPORT)
            .header("Idempotency-Key", "k")
            .header("Content-Type", "application/json");
        request.body(padded(length)).send()
    };
    with_key(8 * MIB).await.expect(201);
    for answer in [send(&stage.owner, padded(8 * MIB + 1)).await, with_key(8 * MIB + 1).await] {
        let message = "The body must not be larger than 8388608 bytes.";
        answer.is(413, json!({ "error": "payload_too_large", "message": message }));
    }
    let elsewhere = stage.owner.request("POST", "/api/v1/workspaces").header("Content-Type", "application/json");
    elsewhere.body(padded(MIB + 1)).send().await.expect(413);
}

fn nested(levels: usize) -> String {
    format!("{}1{}", "[".repeat(levels), "]".repeat(levels))
}

async fn deep_nesting(backend: Backend) {
    let stage = Stage::set(backend).await;
    let issue = |levels: usize| {
        format!(
            r#"{{"url":"https://example.com/","scores":{{"seo":1}},"issues":[{{"type":"a","severity":"info","x":{}}}]}}"#,
            nested(levels)
        )
    };
    send(&stage.owner, issue(15)).await.expect(201);
    for levels in [16, 100, 120] {
        let message = "The other fields of an issue must not be nested deeper than 16 levels.";
        send(&stage.owner, issue(levels)).await.is(422, validation(json!({ "issues.0": [message] })));
    }
    for levels in [200, 10_000] {
        send(&stage.owner, issue(levels)).await.expect(400);
    }
    for body in [nested(100_000), format!(r#"{{"url":{}}}"#, nested(100_000))] {
        let answer = send(&stage.owner, body).await;
        assert!([400, 422].contains(&answer.status), "{answer}");
    }
    // What is not read of a result may be as deep as it likes.
    let lighthouse = format!(
        r#"{{"lighthouseVersion":"1","finalUrl":"https://example.com/","categories":{{}},"audits":{{"a":{{"score":0,"details":{}}}}},"x":{}}}"#,
        nested(100),
        nested(100_000)
    );
    let answer = send(&stage.owner, lighthouse).await;
    assert!([201, 400].contains(&answer.status), "{answer}");
}

async fn nul_and_lone_surrogates(backend: Backend) {
    let stage = Stage::set(backend).await;
    let with = |field: &str, text: &str| {
        let mut issue = json!({ "type": "a", "severity": "info" });
        issue[field] = json!("MARK");
        let body = json!({ "url": "https://example.com/", "scores": { "seo": 1 }, "issues": [issue] }).to_string();
        body.replace("MARK", text)
    };
    for field in ["type", "severity", "element"] {
        send(&stage.owner, with(field, "a\\u0000b")).await.expect(422);
        send(&stage.owner, with(field, "a\\ud800")).await.expect(400);
    }
    send(&stage.owner, with("note", "a\\ud800")).await.expect(400);
    let made = send(&stage.owner, with("note", "a\\u0000\\ud83e\\udd80")).await.data(201);
    assert_eq!(made["issues_count"], 1);
    assert_eq!(issues(&stage, "").await[0]["details"], json!({ "note": "a\0\u{1f980}" }));
    for url in ["https://example.com/\\u0000", "https://example.com/\\ud800"] {
        let answer = send(&stage.owner, format!(r#"{{"url":"{url}","scores":{{"seo":1}}}}"#)).await;
        assert!([400, 422].contains(&answer.status), "{answer}");
    }
    let lighthouse = |text: &str| {
        format!(
            r#"{{"lighthouseVersion":"1","finalUrl":"https://example.com/l","categories":{{}},"audits":{{"a":{{"score":0,"title":"{text}",
            "details":{{"type":"table","items":[{{"node":{{"path":"{text}","selector":"{text}"}},"url":"{text}"}}]}}}}}}}}"#
        )
    };
    send(&stage.owner, lighthouse("x\\u0000y")).await.expect(201);
    send(&stage.owner, lighthouse("x\\ud800y")).await.expect(400);
    for path in ["search=%00", "url=https://example.com/%00", "issue_type=%00"] {
        stage.owner.get(&format!("/api/v1/seo/issues/{}?{path}", stage.workspace_id)).await.expect(422);
    }
    assert_eq!(stage.owner.get(&format!("{REPORTS}?tool=a%00")).await.expect(200).json()["meta"]["total"], 0);
}

async fn scores_out_of_range_and_floats(backend: Backend) {
    let stage = Stage::set(backend).await;
    let with = |score: Value| json!({ "url": "https://example.com/", "scores": { "seo": score } });
    for score in [
        json!(-1),
        json!(101),
        json!(0.5),
        json!(85.0),
        json!(1e300),
        json!(i64::MIN),
        json!(u64::MAX),
        json!("85"),
        json!(true),
        json!([]),
    ] {
        let answer = stage.owner.post(REPORT, with(score)).await;
        answer.is(422, validation(json!({ "scores.seo": ["The scores.seo must be an integer between 0 and 100."] })));
    }
    let mut extra = with(json!(1));
    extra["extra_scores"] = json!({ "pwa": 100.5, "Bad Name": 1 });
    let told = stage.owner.post(REPORT, extra).await.expect(422).json();
    assert!(told["errors"]["extra_scores.pwa"].is_array() && told["errors"]["extra_scores.Bad Name"].is_array());
    for scores in [json!({}), json!({ "seo": null })] {
        let answer = stage.owner.post(REPORT, json!({ "url": "https://example.com/", "scores": scores })).await;
        assert!(answer.expect(422).json()["errors"]["scores"].is_array());
    }
    let unknown = json!({ "url": "https://example.com/", "scores": { "seo": 1, "best-practices": 1 } });
    assert!(stage.owner.post(REPORT, unknown).await.expect(422).json()["errors"]["scores.best-practices"].is_array());
}

async fn too_many_issues(backend: Backend) {
    let stage = Stage::set(backend).await;
    let many = |count: usize| -> Value {
        (0..count).map(|number| json!({ "type": "a", "severity": "info", "element": number.to_string() })).collect()
    };
    let answer = stage.owner.post(REPORT, report(&many(1_001))).await;
    answer.is(422, validation(json!({ "issues": ["The issues must not be more than 1000."] })));
    assert_eq!(submit(&stage.owner, many(1_000)).await["issues_count"], 1_000);
    let huge = json!([{ "type": "a", "severity": "info", "x": "x".repeat(16 * 1024) }]);
    assert!(stage.owner.post(REPORT, report(&huge)).await.expect(422).json()["errors"]["issues.0"].is_array());
    let body = format!(
        r#"{{"url":"https://example.com/","scores":{{"seo":1}},"issues":[{}]}}"#,
        vec!["{}"; 2_000_000].join(",")
    );
    send(&stage.owner, body).await.expect(422);
}

async fn bad_types_severities_and_elements(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (issue, field) in [
        (json!({ "severity": "info" }), "issues.0.type"),
        (json!({ "type": "Missing Alt", "severity": "info" }), "issues.0.type"),
        (json!({ "type": "", "severity": "info" }), "issues.0.type"),
        (json!({ "type": "a".repeat(101), "severity": "info" }), "issues.0.type"),
        (json!({ "type": 5, "severity": "info" }), "issues.0.type"),
        (json!({ "type": "a" }), "issues.0.severity"),
        (json!({ "type": "a", "severity": "fatal" }), "issues.0.severity"),
        (json!({ "type": "a", "severity": "Error" }), "issues.0.severity"),
        (json!({ "type": "a", "severity": null }), "issues.0.severity"),
        (json!({ "type": "a", "severity": "info", "element": 5 }), "issues.0.element"),
        (json!({ "type": "a", "severity": "info", "element": "a\nb" }), "issues.0.element"),
        (json!({ "type": "a", "severity": "info", "element": "x".repeat(2_049) }), "issues.0.element"),
        (json!("a"), "issues.0"),
        (json!(null), "issues.0"),
    ] {
        let answer = stage.owner.post(REPORT, report(&json!([issue]))).await.expect(422);
        let errors = answer.json()["errors"].take();
        assert_eq!(errors.as_object().unwrap().keys().collect::<Vec<_>>(), [field], "{answer}");
    }
    assert!(issues(&stage, "").await.is_empty());
}

async fn bad_urls_and_tools(backend: Backend) {
    let stage = Stage::set(backend).await;
    let long = format!("https://example.com/{}", "a".repeat(2_100));
    for url in ["", "example.com", "ftp://example.com/", "javascript:alert(1)", "https://u:p@example.com/", &long] {
        let answer = stage.owner.post(REPORT, json!({ "url": url, "scores": { "seo": 1 } })).await;
        assert!(answer.expect(422).json()["errors"]["url"].is_array(), "{url}");
    }
    let answer = stage.owner.post(REPORT, json!({})).await;
    let required = |field: &str| json!([format!("The {field} field is required.")]);
    answer.is(422, validation(json!({ "scores": required("scores"), "url": required("url") })));
    for (field, value) in [("tool", "A b"), ("tool_version", "1 2"), ("tool_version", "")] {
        let mut body = report(&json!([]));
        body[field] = json!(value);
        assert!(stage.owner.post(REPORT, body).await.expect(422).json()["errors"][field].is_array(), "{field}");
    }
}

async fn unknown_fields_and_wrong_shapes(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (field, value) in [
        ("isues", json!([])),
        ("scores", json!([])),
        ("scores", json!(5)),
        ("issues", json!({})),
        ("issues", json!("x")),
        ("url", json!(5)),
        ("extra_scores", json!([])),
    ] {
        let mut body = report(&json!([]));
        body[field] = value;
        let answer = stage.owner.post(REPORT, body).await.expect(422);
        assert!(answer.json()["errors"][field].is_array(), "{answer}");
    }
    for (body, status) in [("", 400), ("{", 400), ("[]", 422), ("null", 422), ("{\"url\":\"\u{1}\"}", 400)] {
        send(&stage.owner, body).await.expect(status);
    }
    stage.owner.request("POST", REPORT).header("Content-Type", "text/plain").body("{}").send().await.expect(415);
}

async fn broken_lighthouse_results(backend: Backend) {
    let stage = Stage::set(backend).await;
    let whole = json!({
        "lighthouseVersion": "12.0.0", "finalUrl": "https://example.com/", "categories": {}, "audits": {},
    });
    for (field, value, named) in [
        ("lighthouseVersion", json!(12), "lighthouseVersion"),
        ("lighthouseVersion", json!("1\u{0}2"), "lighthouseVersion"),
        ("finalUrl", json!("about:blank"), "finalUrl"),
        ("finalUrl", json!(null), "finalDisplayedUrl"),
        ("categories", json!({ "seo": { "score": 1.5 } }), "categories.seo.score"),
        ("categories", json!({ "seo": { "score": "1" } }), "categories.seo.score"),
        ("categories", json!([]), "categories"),
        ("audits", json!([]), "audits"),
        ("audits", (0..1_001).map(|n| (n.to_string(), json!({}))).collect::<serde_json::Map<_, _>>().into(), "audits"),
    ] {
        let mut result = whole.clone();
        result[field] = value;
        let answer = stage.owner.post(REPORT, result.clone()).await.expect(422);
        assert!(answer.json()["errors"][named].is_array(), "{answer}");
        let answer = stage.owner.post(REPORT, json!({ "lighthouseResult": result })).await.expect(422);
        assert!(answer.json()["errors"][format!("lighthouseResult.{named}")].is_array(), "{answer}");
    }
    stage.owner.post(REPORT, json!({ "lighthouseResult": 5 })).await.expect(422);
    stage.owner.post(REPORT, json!({ "audits": {} })).await.expect(422);
    assert_eq!(stage.owner.get(REPORTS).await.expect(200).json()["meta"]["total"], 0);
}

async fn a_history_without_a_url(backend: Backend) {
    let stage = Stage::set(backend).await;
    let answer = stage.owner.get("/api/v1/seo/history").await;
    answer.is(422, validation(json!({ "url": ["The url parameter is required."] })));
    stage.owner.get("/api/v1/seo/history?url=nowhere").await.expect(422);
}
