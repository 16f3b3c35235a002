//! Reports and the issues of pages: what the use case makes of a store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ::seo::{
    Changes, Coverage, Details, Element, ExtraScores, Finding, Issue, IssueFilter, IssueQuery, IssueSort, IssueStatus,
    IssueType, PageUrl, Realm, Report, ReportFilter, ReportQuery, ReportSort, Score, Scores, SeoService, Severity,
    Submission, Submitted, Tool,
};
use core_domain::{Environment, Order, PageRequest, Sort, Timestamp};
use serde_json::{Map, json};
use testkit::{ManualClock, SeededEntropy};

use crate::build::{delete, moment, stored_pair, stored_workspace};
use crate::prelude::*;
use crate::random::Random;
use crate::{Backend, model};

/// No two services make the same event id.
fn service(at: i64) -> SeoService {
    static SEEDS: AtomicU64 = AtomicU64::new(1);
    let entropy = SeededEntropy::new(SEEDS.fetch_add(1, Relaxed));
    SeoService::new(Arc::new(ManualClock::at(moment(at))), Arc::new(entropy))
}

fn place(workspace_id: core_domain::WorkspaceId, environment: Environment) -> Realm {
    Realm { workspace_id, environment }
}

fn finding(number: usize, has_element: bool) -> Finding {
    Finding {
        issue_type: IssueType::try_from(format!("t-{}", number % 3).as_str()).unwrap(),
        element: has_element.then(|| Element::try_from(format!("e\u{1f980}{number}").as_str()).unwrap()),
        severity: Severity::ALL[number % 4],
        details: Details::try_from(Map::from_iter([("n\0".to_owned(), json!([number, "\0\u{e4}"]))])).unwrap(),
        occurrences: u32::try_from(number).unwrap() + 1,
    }
}

fn submission(path: &str, findings: Vec<Finding>) -> Submission {
    Submission {
        url: PageUrl::try_from(format!("https://example.com/{path}").as_str()).unwrap(),
        tool: Tool::new(Some("crawler"), Some("1.0")).unwrap(),
        scores: Scores { performance: Score::try_from(90).ok(), seo: Score::try_from(0).ok(), ..Scores::default() },
        extra_scores: ExtraScores::from([
            ("pwa".try_into().unwrap(), None),
            ("x-1".try_into().unwrap(), Score::try_from(100).ok()),
        ]),
        findings,
        coverage: Coverage::Everything,
        omitted: 3,
    }
}

async fn submit<B: Backend>(backend: &B, place: Realm, submission: &Submission, at: i64) -> Submitted {
    let mut tx = backend.begin().await.unwrap();
    let submitted = service(at).submit(&mut *tx, place, submission).await.unwrap();
    tx.commit().await.unwrap();
    submitted
}

fn page(number: u32, per_page: u32) -> PageRequest {
    PageRequest::new(number, per_page).unwrap()
}

async fn issues<B: Backend>(backend: &B, place: Realm, filter: IssueFilter) -> Vec<Issue> {
    let query =
        IssueQuery { filter, sort: vec![Sort { field: IssueSort::Id, order: Order::Ascending }], page: page(1, 100) };
    backend.store().list_issues(place, &query).await.unwrap().items
}

fn first_reports(filter: ReportFilter) -> ReportQuery {
    ReportQuery { filter, sort: vec![ReportSort::DEFAULT], page: page(1, 100) }
}

/// Report, issues, totals and event are there together, and come back as they were.
pub async fn a_report_comes_back_as_it_was<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let place = place(home.id, Environment::Live);
    let findings = vec![finding(0, true), finding(1, false), finding(2, true)];
    let submitted = submit(&*backend, place, &submission("", findings.clone()), 0).await;
    let report = submitted.report.clone();
    assert_eq!((report.issues_count, report.omitted, report.changes.new), (3, 3, 3));
    assert_eq!(backend.store().find_report(place, report.id).await.unwrap(), Some(report.clone()));
    assert_eq!(
        backend.store().list_reports(place, &first_reports(ReportFilter::default())).await.unwrap().items,
        std::slice::from_ref(&report)
    );
    assert_eq!(backend.store().reports_by_id(home.id, &[report.id]).await.unwrap(), std::slice::from_ref(&report));
    let stored = issues(&*backend, place, IssueFilter::default()).await;
    let kept: Vec<Finding> = stored
        .iter()
        .map(|issue| Finding {
            issue_type: issue.issue_type.clone(),
            element: issue.element.clone(),
            severity: issue.severity,
            details: issue.details.clone(),
            occurrences: issue.occurrences,
        })
        .collect();
    assert_eq!(kept, findings);
    assert!(stored.iter().all(|issue| issue.report_id == report.id && issue.first_seen_at == moment(0)));
    let events = backend.events_of(home.id).await.unwrap();
    assert_eq!(events.iter().map(|event| event.event_type.as_str()).collect::<Vec<_>>(), ["seo.report.created"]);
    assert_eq!(events[0].data["id"], report.id.get());
}

/// Rolled back or dropped, a report leaves nothing: no issue, no total, no event.
pub async fn a_report_that_is_not_committed_leaves_nothing<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let place = place(home.id, Environment::Live);
    for rolled_back in [true, false] {
        let mut tx = backend.begin().await.unwrap();
        service(0).submit(&mut *tx, place, &submission("", vec![finding(0, true)])).await.unwrap();
        if rolled_back {
            tx.rollback().await.unwrap();
        } else {
            drop(tx);
        }
        assert!(issues(&*backend, place, IssueFilter::default()).await.is_empty());
        let query = ReportQuery { page: page(2, 1), ..first_reports(ReportFilter::default()) };
        assert_eq!(backend.store().list_reports(place, &query).await.unwrap().total, 0);
        assert!(backend.events_of(home.id).await.unwrap().is_empty());
    }
}

/// The same page in another workspace, or in the other world of the same one, is another page.
pub async fn workspaces_and_worlds_are_apart<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let other = stored_workspace(&*backend, &owner, "other", |_| ()).await;
    let places =
        [place(home.id, Environment::Live), place(home.id, Environment::Test), place(other.id, Environment::Live)];
    let mut reports = Vec::new();
    for place in places {
        let submitted = submit(&*backend, place, &submission("", vec![finding(0, true)]), 0).await;
        assert_eq!((submitted.report.changes.new, submitted.previous), (1, None));
        reports.push(submitted.report);
    }
    submit(&*backend, places[0], &submission("", vec![]), 1).await;
    for (place, report) in places.iter().zip(&reports) {
        let stored = issues(&*backend, *place, IssueFilter::default()).await;
        assert_eq!(stored.len(), 1);
        let expected = if *place == places[0] { IssueStatus::Resolved } else { IssueStatus::Open };
        assert_eq!(stored[0].status(), expected);
        for elsewhere in places.iter().filter(|elsewhere| *elsewhere != place) {
            assert_eq!(backend.store().find_report(*elsewhere, report.id).await.unwrap(), None);
        }
    }
    assert!(backend.store().reports_by_id(other.id, &[reports[0].id]).await.unwrap().is_empty());
    delete(&*backend, &home, moment(2)).await;
    assert_eq!(backend.store().find_report(places[0], reports[0].id).await.unwrap(), None);
    assert!(issues(&*backend, places[0], IssueFilter::default()).await.is_empty());
    assert_eq!(
        backend.store().list_reports(places[1], &first_reports(ReportFilter::default())).await.unwrap().total,
        0
    );
    assert!(backend.store().reports_by_id(home.id, &[reports[0].id]).await.unwrap().is_empty());
    let mut tx = backend.begin().await.unwrap();
    tx.purge_workspaces(moment(9), 10).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(issues(&*backend, places[2], IssueFilter::default()).await.len(), 1);
}

/// The previous report is the page's own, the latest, of whatever tool.
pub async fn a_drop_is_told_against_the_pages_previous_report<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let place = place(home.id, Environment::Live);
    let with = |path: &str, performance: i64| {
        let scores = Scores { performance: Score::try_from(performance).ok(), ..Scores::default() };
        Submission { scores, ..submission(path, vec![]) }
    };
    let first = submit(&*backend, place, &with("a", 90), 0).await;
    submit(&*backend, place, &with("b", 10), 1).await;
    let second = submit(&*backend, place, &with("a", 81), 2).await;
    assert_eq!((second.previous.as_ref(), second.drops.len()), (Some(&first.report), 0));
    let third = submit(&*backend, place, &with("a", 71), 3).await;
    assert_eq!(third.previous, Some(second.report));
    let told = &backend.events_of(home.id).await.unwrap()[3].data;
    assert_eq!(told["drops"], json!([{ "category": "performance", "from": 81, "to": 71, "points": 10 }]));
}

/// Random reports of two pages by two tools, each against the pure rules run in memory.
pub async fn random_reports_equal_the_model<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let place = place(home.id, Environment::Live);
    let random = Random::new(6);
    let mut shelf: Vec<Issue> = Vec::new();
    for round in 0..40 {
        let found: BTreeSet<usize> = (0..random.below(6)).map(|_| random.below(8)).collect();
        let findings = found.into_iter().map(|number| finding(number, number % 2 == 0)).collect();
        let mut made = submission(["a", "b"][random.below(2)], findings);
        made.tool = Tool::new(Some(["one", "two"][random.below(2)]), None).unwrap();
        let known = shelf.iter().filter(|issue| issue.url == made.url).cloned().collect();
        let submitted = submit(&*backend, place, &made, round).await;
        let expected = ::seo::weigh(known, &made, submitted.report.id, moment(round));
        assert_eq!(submitted.report.changes, expected.changes);
        for changed in expected.changed {
            *shelf.iter_mut().find(|issue| issue.id == changed.id).unwrap() = changed.clone();
        }
        let stored = issues(&*backend, place, IssueFilter::default()).await;
        assert_eq!(stored.len(), shelf.len() + expected.new.len(), "each is stored once");
        assert_eq!(stored[..shelf.len()], shelf);
        shelf = stored;
    }
}

/// Many reports of one page at once, and of others beside it: none fails, no issue is doubled, every count adds up.
pub async fn concurrent_reports_neither_double_nor_deadlock<B: Backend>(backend: Arc<B>) {
    const WRITERS: usize = 8;
    const ROUNDS: usize = 4;
    let (_, home) = stored_pair(&*backend).await;
    let place = place(home.id, Environment::Live);
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let backend = Arc::clone(&backend);
        writers.spawn(async move {
            let mut sum = Changes::default();
            for round in 0..ROUNDS {
                // Each in an order of its own.
                let findings = (0..30).map(|number| finding((number * 7 + writer) % 30, true)).collect();
                let path = if (writer + round) % 4 == 3 { "other" } else { "page" };
                let at = i64::try_from(writer * ROUNDS + round).unwrap();
                let changes = submit(&*backend, place, &submission(path, findings), at).await.report.changes;
                sum.new += changes.new;
                sum.persisted += changes.persisted;
                assert_eq!((changes.reopened, changes.resolved, changes.new + changes.persisted), (0, 0, 30));
            }
            sum
        });
    }
    let sums = writers.join_all().await;
    assert_eq!(sums.iter().map(|sum| sum.new).sum::<u32>(), 60, "each is new once");
    assert_eq!(issues(&*backend, place, IssueFilter::default()).await.len(), 60);
    let query = ReportQuery { page: page(1, 1), ..first_reports(ReportFilter::default()) };
    let total = backend.store().list_reports(place, &query).await.unwrap().total;
    assert_eq!(total, u64::try_from(WRITERS * ROUNDS).unwrap());
}

/// As many issues as a report may hold are new, seen again, resolved and back.
pub async fn the_largest_report_goes_through_every_change<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let place = place(home.id, Environment::Live);
    let full: Vec<Finding> = (0..Submission::MAX_FINDINGS).map(|number| finding(number, true)).collect();
    let changes =
        async |findings: Vec<Finding>, at| submit(&*backend, place, &submission("", findings), at).await.report.changes;
    assert_eq!(changes(full.clone(), 0).await, Changes { new: 1_000, ..Changes::default() });
    assert_eq!(changes(full.clone(), 1).await, Changes { persisted: 1_000, ..Changes::default() });
    assert_eq!(changes(vec![], 2).await, Changes { resolved: 1_000, ..Changes::default() });
    assert_eq!(changes(full, 3).await, Changes { reopened: 1_000, ..Changes::default() });
}

/// The longest address and element there can be.
pub async fn extreme_issues_come_back_as_they_were<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let place = place(home.id, Environment::Live);
    // What does not compress, so that an index can't make it fit.
    let random = Random::new(9);
    let path: String = (0..2_020).map(|_| char::from(b'a' + u8::try_from(random.below(26)).unwrap())).collect();
    let mut longest = finding(0, true);
    longest.element = Element::try_from("\u{1f980}".repeat(Element::MAX_CHARS).as_str()).ok();
    let submitted = submit(&*backend, place, &submission(&path, vec![longest.clone()]), 0).await;
    assert_eq!(backend.store().find_report(place, submitted.report.id).await.unwrap(), Some(submitted.report));
    let stored = issues(&*backend, place, IssueFilter::default()).await;
    assert_eq!(stored[0].element, longest.element);
    assert_eq!(submit(&*backend, place, &submission(&path, vec![longest]), 1).await.report.changes.persisted, 1);
}

/// In every order and under every filter, the pages of issues and reports are those of the model, with their totals.
pub async fn lists_equal_the_model<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let place = place(home.id, Environment::Live);
    let random = Random::new(7);
    let mut reports: Vec<Report> = Vec::new();
    for round in 0..24 {
        let findings = (0..random.below(4)).map(|_| random.below(12)).collect::<BTreeSet<_>>();
        let findings = findings.into_iter().map(|number| finding(number, true)).collect();
        let path = random.pick(&["a", "B", "b", "~", "a%20b"]);
        // Moments tie.
        reports.push(submit(&*backend, place, &submission(path, findings), round / 3).await.report);
    }
    let all = issues(&*backend, place, IssueFilter::default()).await;
    assert!(all.len() > 10, "{}", all.len());
    let (middle, url) = (moment(4), PageUrl::try_from("https://example.com/a").unwrap());
    let range = core_domain::TimeRange { from: Some(middle), to: Some(Timestamp::MAX) };
    let none = IssueFilter::default;
    let filters = [
        none(),
        IssueFilter { status: Some(IssueStatus::Open), ..none() },
        IssueFilter { status: Some(IssueStatus::Resolved), ..none() },
        IssueFilter { severity: Some(Severity::Error), ..none() },
        IssueFilter { issue_type: "t-1".try_into().ok(), ..none() },
        IssueFilter { url: Some(url.clone()), ..none() },
        IssueFilter { created: range, ..none() },
        IssueFilter { updated: range, ..none() },
        IssueFilter { search: Some("com/a%20".to_owned()), ..none() },
        IssueFilter { search: Some("t-2".to_owned()), status: Some(IssueStatus::Open), ..none() },
    ];
    let orders = [Order::Ascending, Order::Descending];
    for filter in &filters {
        for (field, order) in IssueSort::ALL.iter().flat_map(|field| orders.map(|order| (*field, order))) {
            for number in 1..=4 {
                let query =
                    IssueQuery { filter: filter.clone(), sort: vec![Sort { field, order }], page: page(number, 7) };
                let listed = backend.store().list_issues(place, &query).await.unwrap();
                assert_eq!(listed, model::issues(&all, &query), "{query:?}");
            }
        }
    }
    let none = ReportFilter::default;
    let filters = [
        none(),
        ReportFilter { url: Some(url), ..none() },
        ReportFilter { tool: Some("crawler".to_owned()), ..none() },
        ReportFilter { tool: Some("other\0".to_owned()), ..none() },
        ReportFilter { created: range, ..none() },
        ReportFilter { search: Some("/b".to_owned()), ..none() },
    ];
    for filter in &filters {
        for (field, order) in ReportSort::ALL.iter().flat_map(|field| orders.map(|order| (*field, order))) {
            for number in 1..=4 {
                let query =
                    ReportQuery { filter: filter.clone(), sort: vec![Sort { field, order }], page: page(number, 7) };
                let listed = backend.store().list_reports(place, &query).await.unwrap();
                assert_eq!(listed, model::reports(&reports, &query), "{query:?}");
            }
        }
    }
}
