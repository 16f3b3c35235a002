use core_domain::WireWord as _;
use seo::{Coverage, InvalidResult, LighthouseResult, PageSpeedResult, Score, Submission};
use serde_json::{Value, json};

use crate::support::{Shelf, read, text};

fn numbers(submission: &Submission) -> [Option<u8>; 4] {
    submission.scores.named().map(|(_, score)| score.map(Score::get))
}

fn occurrences(submission: &Submission, issue_type: &str) -> u32 {
    let of_type = submission.findings.iter().filter(|finding| finding.issue_type.as_str() == issue_type);
    of_type.map(|finding| finding.occurrences).sum()
}

/// The failing audits of a category, with their occurrences.
fn failing(submission: &Submission, category: &str) -> Vec<(String, u32)> {
    let is_in = |finding: &&seo::Finding| {
        finding.details.as_object()["categories"].as_array().unwrap().iter().any(|name| name == category)
    };
    let mut types: Vec<String> =
        submission.findings.iter().filter(is_in).map(|finding| finding.issue_type.as_str().to_owned()).collect();
    types.dedup();
    types.sort();
    types.dedup();
    types.into_iter().map(|name| (name.clone(), occurrences(submission, &name))).collect()
}

#[test]
fn the_sample_has_its_scores_and_failing_audits() {
    let sample = read(&text("sample-v13.json"));
    assert_eq!(sample.url.as_str(), "http://localhost:10200/dobetterweb/dbw_tester.html");
    assert_eq!((sample.tool.name(), sample.tool.version()), ("lighthouse", Some("13.4.1")));
    assert_eq!(numbers(&sample), [Some(32), Some(75), Some(31), Some(75)]);
    let extra: Vec<_> =
        sample.extra_scores.iter().map(|(name, score)| (name.as_str(), score.map(Score::get))).collect();
    assert_eq!(extra, [("agentic-browsing", Some(30))]);
    let named = |name: &str, count| (name.to_owned(), count);
    let expected = [named("crawlable-anchors", 2), named("image-alt", 9), named("meta-description", 1)];
    assert_eq!(failing(&sample, "seo"), expected);
    assert_eq!(sample.omitted, 0);
}

#[test]
fn severities_come_from_impact_or_weight() {
    let sample = read(&text("sample-v13.json"));
    for (issue_type, severity) in [
        ("image-alt", "critical"),
        ("html-has-lang", "error"),
        ("landmark-one-main", "warning"),
        ("meta-description", "warning"),
        ("is-on-https", "error"),
        ("largest-contentful-paint", "critical"),
        ("unused-javascript", "info"),
    ] {
        let found = sample.findings.iter().find(|finding| finding.issue_type.as_str() == issue_type).unwrap();
        assert_eq!(found.severity.as_str(), severity, "{issue_type}");
    }
}

#[test]
fn nothing_large_or_secret_is_kept() {
    for name in ["sample-v13.json", "page-v9-first.json", "page-v9-second.json"] {
        let submission = read(&text(name));
        let kept: String = submission.findings.iter().map(|finding| finding.details.to_json()).collect();
        assert!(kept.len() < 100_000, "{name}: {}", kept.len());
        assert!(!kept.contains("base64") && !kept.contains("data:image"), "{name}");
        for finding in &submission.findings {
            if let Some(url) = finding.details.as_object().get("item_url") {
                assert!(!url.as_str().unwrap().contains('?'), "{url}");
            }
        }
    }
}

/// By the README of the files, 26 items of seo, accessibility and best practices fail in each, all but a few the same.
#[test]
fn a_second_run_of_a_page_persists() {
    let (first, second) = (read(&text("page-v9-first.json")), read(&text("page-v9-second.json")));
    assert_eq!(numbers(&first), [Some(23), Some(92), Some(83), Some(86)]);
    assert_eq!(numbers(&second), [Some(28), Some(92), Some(83), Some(86)]);
    for run in [&first, &second] {
        let of = |category| failing(run, category).iter().map(|(_, count)| count).sum::<u32>();
        assert_eq!(of("seo") + of("accessibility") + of("best-practices"), 26);
    }
    let mut shelf = Shelf::default();
    let weighed = shelf.take(&first);
    assert_eq!((weighed.changes.new, weighed.changes.persisted), (77, 0));
    let weighed = shelf.take(&second);
    let changes = weighed.changes;
    assert_eq!((changes.persisted, changes.new, changes.resolved, changes.reopened), (75, 3, 2, 0));
    let gone: Vec<_> = shelf.issues.iter().filter(|issue| issue.resolved_at.is_some()).collect();
    assert!(gone.iter().all(|issue| issue.issue_type.as_str() == "offscreen-images"), "{gone:?}");
}

fn smallest() -> Value {
    json!({
        "lighthouseVersion": "12.0.0",
        "finalDisplayedUrl": "https://example.com/",
        "categories": { "seo": { "score": null, "auditRefs": [] } },
        "audits": {},
    })
}

#[test]
fn a_score_may_be_null_or_missing() {
    let mut result = smallest();
    result["categories"]["performance"] = json!({});
    assert_eq!(numbers(&read(&result.to_string())), [None; 4]);
}

#[test]
fn page_speed_wraps_the_same_result() {
    let wrapped = format!(r#"{{"kind":"x","id":"y","lighthouseResult":{}}}"#, text("sample-v13.json"));
    let unwrapped: Submission = serde_json::from_str::<PageSpeedResult>(&wrapped).unwrap().try_into().unwrap();
    assert_eq!(unwrapped, read(&text("sample-v13.json")));
}

#[test]
fn audits_that_did_not_run_say_nothing() {
    let mut result = smallest();
    result["audits"] = json!({
        "ran": { "score": 1, "scoreDisplayMode": "binary" },
        "none-here": { "score": null, "scoreDisplayMode": "notApplicable" },
        "broke": { "score": null, "scoreDisplayMode": "error" },
        "by-hand": { "score": null, "scoreDisplayMode": "manual" },
        "unknown": { "score": null, "scoreDisplayMode": "binary" },
        "Odd Letters": { "score": 0, "scoreDisplayMode": "binary" },
    });
    let submission = read(&result.to_string());
    let Coverage::Types(types) = submission.coverage else { panic!("{:?}", submission.coverage) };
    assert_eq!(types.iter().map(seo::IssueType::as_str).collect::<Vec<_>>(), ["none-here", "ran"]);
    assert!(submission.findings.is_empty());
}

/// What a part of an unexpected shape holds is missing; the result is not refused for it.
#[test]
fn odd_shapes_are_passed_over() {
    let mut result = smallest();
    let odd = [json!(null), json!(1), json!(-1.5), json!(true), json!("x"), json!([[1]]), json!({ "a": { "b": [] } })];
    for odd in odd {
        result["audits"] = json!({
            "one": { "title": odd, "score": 0, "details": odd },
            "two": { "score": 0, "details": { "type": "table", "items": odd, "debugData": odd } },
            "three": { "score": 0, "details": { "type": "table", "items": [odd, { "node": odd, "url": odd }] } },
            "four": { "score": 0, "details": { "type": "table", "items": [{ "node": { "path": odd, "selector": odd } }] } },
        });
        let submission = read(&result.to_string());
        assert_eq!(submission.findings.iter().map(|finding| finding.occurrences).sum::<u32>(), 5, "{odd}");
    }
}

#[test]
fn of_too_many_findings_the_worst_are_kept_and_nothing_of_the_rest_counts_as_gone() {
    let row = |number: u32| json!({ "node": { "path": format!("1,HTML,{number},P") } });
    let rows: Vec<_> = (0..1_000).map(row).collect();
    let mut result = smallest();
    result["audits"] = json!({
        "mild": { "score": 0, "details": { "type": "table", "items": [row(1), row(2)], "debugData": { "impact": "minor" } } },
        "bad": { "score": 0, "details": { "type": "table", "items": rows, "debugData": { "impact": "critical" } } },
    });
    let submission = read(&result.to_string());
    assert_eq!((submission.findings.len(), submission.omitted), (1_000, 2));
    let Coverage::Types(types) = submission.coverage else { panic!("{:?}", submission.coverage) };
    assert_eq!(types.iter().map(seo::IssueType::as_str).collect::<Vec<_>>(), ["bad"]);
}

#[test]
fn what_is_wrong_is_named() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut result = smallest();
        change(&mut result);
        let read: LighthouseResult = serde_json::from_value(result).unwrap();
        Submission::try_from(read).unwrap_err().field()
    };
    assert_eq!(refused(&|result| result["categories"]["seo"]["score"] = json!(1.01)), "categories.seo.score");
    assert_eq!(refused(&|result| result["categories"]["pwa"] = json!({ "score": -0.1 })), "categories.pwa.score");
    assert_eq!(refused(&|result| result["finalDisplayedUrl"] = json!("about:blank")), "finalDisplayedUrl");
    assert_eq!(refused(&|result| result["finalDisplayedUrl"] = json!("")), "finalDisplayedUrl");
    assert_eq!(refused(&|result| result["lighthouseVersion"] = json!("1 2")), "lighthouseVersion");
    let many = |result: &mut Value| {
        for number in 0..21 {
            result["categories"][format!("c{number}")] = json!({ "score": 1 });
        }
    };
    assert_eq!(refused(&many), "categories");
    let mut none = smallest();
    none.as_object_mut().unwrap().remove("finalDisplayedUrl");
    let read: LighthouseResult = serde_json::from_value(none).unwrap();
    assert_eq!(Submission::try_from(read).unwrap_err(), InvalidResult::NoUrl);
}
