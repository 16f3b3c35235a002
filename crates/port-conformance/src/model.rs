//! What a list must show, computed in memory.

use std::cmp::Ordering;

use ::keys::{ApiKey, KeyQuery, KeySort};
use ::mcp::{Call, CallQuery, CallSort};
use ::seo::{Issue, IssueQuery, IssueSort, Report, ReportQuery, ReportSort};
use ::workspaces::{Workspace, WorkspaceQuery, WorkspaceSort};
use core_domain::{ListQuery, Order, Page, Sort, Timestamp};

pub(crate) fn workspaces(all: &[Workspace], query: &WorkspaceQuery) -> Page<Workspace> {
    let matching = all.iter().filter(|workspace| query.filter.matches(workspace)).cloned().collect();
    page(matching, query, compare_workspaces, WorkspaceSort::Id)
}

pub(crate) fn keys(all: &[ApiKey], query: &KeyQuery, now: Timestamp) -> Page<ApiKey> {
    let matching = all.iter().filter(|key| query.filter.matches(key, now)).cloned().collect();
    page(matching, query, compare_keys, KeySort::Id)
}

pub(crate) fn issues(all: &[Issue], query: &IssueQuery) -> Page<Issue> {
    let matching = all.iter().filter(|issue| query.filter.matches(issue)).cloned().collect();
    page(matching, query, compare_issues, IssueSort::Id)
}

pub(crate) fn reports(all: &[Report], query: &ReportQuery) -> Page<Report> {
    let matching = all.iter().filter(|report| query.filter.matches(report)).cloned().collect();
    page(matching, query, compare_reports, ReportSort::Id)
}

pub(crate) fn calls(all: &[Call], query: &CallQuery) -> Page<Call> {
    let matching = all.iter().filter(|call| query.filter.matches(call)).cloned().collect();
    page(matching, query, compare_calls, CallSort::Id)
}

pub(crate) fn page<T, F, S: Copy>(
    mut matching: Vec<T>,
    query: &ListQuery<F, S>,
    compare: impl Fn(S, &T, &T) -> Ordering,
    id: S,
) -> Page<T> {
    let last = query.sort.last().unwrap().order;
    let sort: Vec<_> = query.sort.iter().copied().chain([Sort { field: id, order: last }]).collect();
    matching.sort_by(|left, right| {
        sort.iter().fold(Ordering::Equal, |so_far, part| {
            so_far.then_with(|| match part.order {
                Order::Ascending => compare(part.field, left, right),
                Order::Descending => compare(part.field, right, left),
            })
        })
    });
    let total = u64::try_from(matching.len()).unwrap();
    let offset = usize::try_from(query.page.offset()).unwrap();
    let items = matching.into_iter().skip(offset).take(usize::try_from(query.page.per_page()).unwrap()).collect();
    Page { items, total }
}

fn compare_workspaces(field: WorkspaceSort, left: &Workspace, right: &Workspace) -> Ordering {
    match field {
        WorkspaceSort::Id => left.id.cmp(&right.id),
        WorkspaceSort::Name => left.name.as_str().cmp(right.name.as_str()),
        WorkspaceSort::Slug => left.slug.as_str().cmp(right.slug.as_str()),
        WorkspaceSort::Tier => left.tier.cmp(&right.tier),
        WorkspaceSort::CreatedAt => left.created_at.cmp(&right.created_at),
        WorkspaceSort::UpdatedAt => left.updated_at.cmp(&right.updated_at),
    }
}

/// `None` is the smallest of `Option`'s order, as a missing value is of a list's.
fn compare_keys(field: KeySort, left: &ApiKey, right: &ApiKey) -> Ordering {
    match field {
        KeySort::Id => left.id.cmp(&right.id),
        KeySort::Name => left.name.as_str().cmp(right.name.as_str()),
        KeySort::CreatedAt => left.created_at.cmp(&right.created_at),
        KeySort::LastUsedAt => left.last_used_at.cmp(&right.last_used_at),
        KeySort::ExpiresAt => left.expires_at.cmp(&right.expires_at),
    }
}

fn compare_issues(field: IssueSort, left: &Issue, right: &Issue) -> Ordering {
    match field {
        IssueSort::Id => left.id.cmp(&right.id),
        IssueSort::CreatedAt => left.first_seen_at.cmp(&right.first_seen_at),
        IssueSort::Severity => left.severity.cmp(&right.severity),
        IssueSort::Url => left.url.as_str().cmp(right.url.as_str()),
    }
}

fn compare_reports(field: ReportSort, left: &Report, right: &Report) -> Ordering {
    match field {
        ReportSort::Id => left.id.cmp(&right.id),
        ReportSort::CreatedAt => left.created_at.cmp(&right.created_at),
        ReportSort::Url => left.url.as_str().cmp(right.url.as_str()),
    }
}

fn compare_calls(field: CallSort, left: &Call, right: &Call) -> Ordering {
    match field {
        CallSort::Id => left.id.cmp(&right.id),
        CallSort::CreatedAt => left.note.created_at.cmp(&right.note.created_at),
    }
}
