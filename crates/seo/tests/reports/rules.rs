use seo::IssueStatus;

use crate::support::{Shelf, finding, submission};

fn statuses(shelf: &Shelf) -> Vec<IssueStatus> {
    shelf.issues.iter().map(seo::Issue::status).collect()
}

#[test]
fn one_twice_in_a_report_is_one_with_its_occurrences() {
    let mut worse = finding("alt", Some("img"));
    worse.severity = seo::Severity::Error;
    let report = submission("a", vec![finding("alt", Some("img")), finding("alt", None), worse]);
    let kept: Vec<_> = report.findings.iter().map(|found| (found.occurrences, found.severity)).collect();
    assert_eq!(kept, [(2, seo::Severity::Error), (1, seo::Severity::Warning)]);
}

#[test]
fn an_issue_with_an_element_is_resolved_by_one_absence_and_comes_back_as_itself() {
    let mut shelf = Shelf::default();
    let there = submission("a", vec![finding("alt", Some("img"))]);
    shelf.take(&there);
    let first = shelf.issues[0].clone();
    assert_eq!(shelf.take(&submission("a", vec![])).changes.resolved, 1);
    assert_eq!(statuses(&shelf), [IssueStatus::Resolved]);
    assert_eq!(shelf.take(&submission("a", vec![])).changes.resolved, 0);
    assert_eq!(shelf.take(&there).changes.reopened, 1);
    let back = &shelf.issues[0];
    assert_eq!((back.id, back.first_seen_at, back.status()), (first.id, first.first_seen_at, IssueStatus::Open));
    assert!(back.last_seen_at > first.last_seen_at);
}

#[test]
fn an_issue_without_an_element_is_resolved_by_two_absences_in_a_row() {
    let mut shelf = Shelf::default();
    let (there, gone) = (submission("a", vec![finding("console", None)]), submission("a", vec![]));
    shelf.take(&there);
    shelf.take(&gone);
    assert_eq!(statuses(&shelf), [IssueStatus::Open]);
    shelf.take(&there);
    assert_eq!(shelf.take(&gone).changes.resolved, 0, "the row of absences begins anew");
    assert_eq!(shelf.take(&gone).changes.resolved, 1);
    assert_eq!(statuses(&shelf), [IssueStatus::Resolved]);
}

#[test]
fn another_tools_report_resolves_nothing() {
    let mut shelf = Shelf::default();
    shelf.take(&submission("a", vec![finding("alt", Some("img"))]));
    shelf.take(&submission("b", vec![]));
    assert_eq!(statuses(&shelf), [IssueStatus::Open]);
    shelf.take(&submission("b", vec![finding("alt", Some("img"))]));
    shelf.take(&submission("a", vec![]));
    assert_eq!(statuses(&shelf), [IssueStatus::Open], "b saw it last");
    shelf.take(&submission("b", vec![]));
    assert_eq!(statuses(&shelf), [IssueStatus::Resolved]);
}

#[test]
fn what_was_not_looked_for_is_not_gone() {
    let mut shelf = Shelf::default();
    shelf.take(&submission("a", vec![finding("alt", Some("img")), finding("lang", Some("html"))]));
    let mut partial = submission("a", vec![]);
    partial.coverage = seo::Coverage::Types([seo::IssueType::try_from("lang").unwrap()].into());
    assert_eq!(shelf.take(&partial).changes.resolved, 1);
    assert_eq!(statuses(&shelf), [IssueStatus::Open, IssueStatus::Resolved]);
}
